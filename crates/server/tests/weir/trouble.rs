use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::folder::{DOMAIN, Folder};
use crate::server::{Server, page_view};
use crate::wait::until;

/// A server that has counted this many views.
struct Setting {
    folder: Folder,
    token: String,
    sent: u64,
}

impl Setting {
    fn new() -> (Self, Server) {
        let folder = Folder::with_site();
        let token = folder.token();
        let server = folder.serve_within_limits();
        let mut setting = Self { folder, token, sent: 0 };
        setting.accepted(&server);
        setting.check_counted(&server);
        (setting, server)
    }

    fn accepted(&mut self, server: &Server) {
        let answer = server.deliver(&[page_view(&format!("/{}", self.sent))]);
        assert_eq!(answer.status, 202, "{answer:?}");
        self.sent += 1;
    }

    /// Sends until there is room again.
    fn accepted_in_the_end(&mut self, server: &Server) {
        until("events are taken again", || {
            (server.deliver(&[page_view(&format!("/{}", self.sent))]).status == 202).then_some(())
        });
        self.sent += 1;
    }

    fn views(&self, server: &Server) -> u64 {
        let rows = server.query(&self.token, &["pageviews"], &[]);
        rows[0]["metrics"][0].as_u64().expect("a number")
    }

    fn check_counted(&self, server: &Server) {
        until("all of it is counted", || (self.views(server) >= self.sent).then_some(()));
    }

    fn check(&self, server: &Server, name: &str) -> Value {
        let bearer = format!("Bearer {}", self.token);
        let health = server.get("/api/health", &[("authorization", &bearer)]).json();
        let checks = health["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["name"] == name).expect("there is such a check")
    }

    fn check_unwell(&self, server: &Server, name: &str, words: &[&str]) {
        until("it is told", || {
            let check = self.check(server, name);
            let detail = check["detail"].as_str().expect("a sentence");
            (check["ok"] == false && words.iter().all(|word| detail.contains(word))).then_some(())
        });
        assert_eq!(self.folder.run(&["health"]).code, Some(1));
    }

    fn check_well_and_all_there(&self, server: Server) {
        until("all is well again", || (self.folder.run(&["health"]).code == Some(0)).then_some(()));
        self.check_counted(&server);
        server.kill();
        let server = self.folder.serve();
        self.check_counted(&server);
        assert_eq!(self.views(&server), self.sent);
        let ledger = self.folder.json(&["ledger"]);
        assert_eq!((&ledger["balanced"], &ledger["pending"]), (&json!(true), &json!(0)), "{ledger}");
        server.stop();
        self.folder.run(&["verify"]).succeeded();
    }

    fn remove(&self, names: &[&str]) {
        names.iter().for_each(|name| fs::remove_file(self.folder.data().join(name)).expect("removed"));
    }
}

fn limit_files(server: &Server, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("small")).expect("not 0");
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(pid), Resource::Fsize, limit).expect("set");
}

#[test]
fn while_nothing_can_be_written_events_are_refused_and_read_figures_stand_and_then_it_goes_on() {
    let (mut setting, server) = Setting::new();
    limit_files(&server, Some(0));
    let refused = server.deliver(&[page_view("/refused")]);
    assert_eq!(refused.status, 503, "{refused:?}");
    refused.check_cors();
    let retry_after: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    assert_eq!(setting.views(&server), setting.sent, "dashboards read on");
    setting.check_unwell(&server, "accepting", &["refused with 503", "queue.db", "disk I/O error"]);
    limit_files(&server, None);
    // By itself: nobody sends.
    until("all is well again", || (setting.folder.run(&["health"]).code == Some(0)).then_some(()));
    setting.accepted(&server);
    setting.check_well_and_all_there(server);
}

#[test]
fn files_deleted_under_the_server_cost_nothing() {
    let all = [["queue.db", "queue.db-wal"], ["weir.db", "weir.db-wal"], ["registry.db", "registry.db-shm"]];
    for names in all {
        let (mut setting, server) = Setting::new();
        setting.remove(&names);
        setting.accepted_in_the_end(&server);
        setting.check_counted(&server);
        until("it is there again", || setting.folder.data().join(names[0]).exists().then_some(()));
        setting.check_well_and_all_there(server);
    }
}

#[test]
fn a_queue_that_is_replaced_refuses_until_it_is_back() {
    let (mut setting, server) = Setting::new();
    let (queue, aside) = (setting.folder.data().join("queue.db"), setting.folder.path("aside.db"));
    fs::rename(&queue, &aside).expect("moved");
    fs::copy(&aside, &queue).expect("an older copy");
    assert_eq!(server.deliver(&[page_view("/refused")]).status, 503);
    assert_eq!(setting.views(&server), setting.sent);
    setting.check_unwell(&server, "accepting", &["queue.db was replaced", "stop the server"]);
    fs::rename(&aside, &queue).expect("moved back");
    until("all is well again", || (setting.folder.run(&["health"]).code == Some(0)).then_some(()));
    setting.accepted(&server);
    server.kill();
    let server = setting.folder.serve();
    // What was refused was written to the file that was aside: it may be counted, too.
    until("all of it is counted", || (setting.views(&server) >= setting.sent).then_some(()));
    assert_eq!(setting.folder.json(&["ledger"])["balanced"], true);
    server.stop();
}

#[test]
fn while_the_statistics_can_not_be_written_events_are_taken_into_the_queue() {
    let (mut setting, server) = Setting::new();
    let (store, aside) = (setting.folder.data().join("weir.db"), setting.folder.path("aside.db"));
    fs::rename(&store, &aside).expect("moved");
    fs::copy(&aside, &store).expect("an older copy");
    for _ in 0..5 {
        setting.accepted(&server);
    }
    setting.check_unwell(&server, "processor", &["weir.db was replaced", "nothing is lost"]);
    setting.accepted(&server);
    fs::rename(&aside, &store).expect("moved back");
    setting.check_well_and_all_there(server);
}

#[test]
fn a_log_whose_end_is_torn_costs_nothing() {
    let (mut setting, server) = Setting::new();
    setting.accepted(&server);
    server.kill();
    for name in ["queue.db-wal", "weir.db-wal"] {
        let wal = File::options().read(true).append(true).open(setting.folder.data().join(name));
        let (wal, mut tail) = (wal.expect("there"), vec![0; 5_000]);
        // As when power fails in the middle of a commit that nobody was told of.
        wal.read_at(&mut tail, 32).expect("reads");
        std::io::Write::write_all(&mut &wal, &tail).expect("writes");
    }
    let server = setting.folder.serve();
    setting.accepted(&server);
    setting.check_well_and_all_there(server);
}

#[test]
fn a_file_that_is_missing_at_the_start_is_never_silently_made_anew() {
    for (name, words) in [
        ("weir.db", ["weir.db was missing", "put it back"]),
        ("queue.db", ["queue.db was missing", "not counted yet are lost"]),
    ] {
        let (mut setting, server) = Setting::new();
        server.stop();
        setting.remove(&[name]);
        let server = setting.folder.serve();
        server.says(words[0]);
        setting.check_unwell(&server, "files", &words);
        setting.accepted(&server);
        server.stop();
        let server = setting.folder.serve();
        assert_eq!(setting.check(&server, "files")["ok"], true, "it is there");
        server.stop();
    }
    let (setting, server) = Setting::new();
    server.stop();
    setting.remove(&["registry.db"]);
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["site", "list"], &["site", "add", "b.example"]]
    {
        setting.folder.run(args).refused(&["registry.db is missing", "backup"]);
        assert!(!setting.folder.data().join("registry.db").exists(), "{args:?}");
    }
}

#[test]
fn a_rebuild_notices_that_its_server_was_killed() {
    let (mut setting, server) = Setting::new();
    let (store, aside) = (setting.folder.data().join("weir.db"), setting.folder.path("aside.db"));
    // So that the server can't get to it.
    fs::rename(&store, &aside).expect("moved");
    fs::copy(&aside, &store).expect("another file");
    setting.accepted(&server);
    let waiting = setting.folder.weir(&["rebuild"]).spawn().expect("starts");
    until("it asks the server", || {
        let conn = rusqlite::Connection::open(setting.folder.data().join("queue.db")).expect("opens");
        let wishes = "SELECT count(*) FROM ingested_events WHERE kind <> 0";
        let wishes: i64 = conn.query_row(wishes, [], |row| row.get(0)).ok()?;
        (wishes > 0).then_some(())
    });
    server.kill();
    let done: crate::folder::Done = waiting.wait_with_output().expect("ends").into();
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("ended without a word") && done.stderr.contains("starts again"), "{done:?}");
}

/// Overwrites a page of a table, as a bad sector would.
pub fn damage(folder: &Folder, file: &str, table: &str) {
    let path = folder.data().join(file);
    let conn = rusqlite::Connection::open(&path).expect("opens");
    let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path DESC LIMIT 1";
    let page: u32 = conn.query_row(sql, [table], |row| row.get(0)).expect("has a page");
    let bytes: u32 = conn.pragma_query_value(None, "page_size", |row| row.get(0)).expect("reads");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("checkpoints");
    drop(conn);
    let file = File::options().write(true).open(&path).expect("opens");
    let at = u64::from(page - 1) * u64::from(bytes);
    file.write_all_at(&vec![0xa5; bytes as usize], at).expect("damages");
}

#[test]
fn damage_found_at_the_start_is_named_with_what_helps() {
    for (file, table) in [
        ("queue.db", "ingested_events"),
        ("queue.db", "openings"),
        ("weir.db", "sqlite_schema"),
        ("registry.db", "sites"),
    ] {
        let (setting, server) = Setting::new();
        server.kill();
        damage(&setting.folder, file, table);
        setting.folder.run(&["serve", "--listen", "127.0.0.1:0"]).refused(&[
            file,
            "malformed",
            "weir check",
            "weir repair",
        ]);
    }
}

#[test]
fn damage_met_while_it_runs_stops_the_counting_and_nothing_else() {
    let (mut setting, server) = Setting::new();
    server.kill();
    damage(&setting.folder, "weir.db", "ledger");
    let server = setting.folder.serve();
    for _ in 0..3 {
        setting.accepted(&server);
    }
    setting.check_unwell(&server, "processor", &["weir.db", "malformed", "weir repair", "nothing is lost"]);
    let question = json!({"site_id": DOMAIN, "date_range": "all", "metrics": ["pageviews"]});
    let bearer = format!("Bearer {}", setting.token);
    let answer = server.post_json("/api/v2/query", &[("authorization", &bearer)], &question);
    assert_eq!(answer.status, 200, "{answer:?}");
    server.stop();
}
