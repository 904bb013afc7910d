//! Disks that are really full, and one that the system has really stopped writing to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::disk::{Disk, Kind};
use crate::folder::Folder;
use crate::http::{Answer, Connection, request};
use crate::server::{EVENTS, Server, page_view};
use crate::wait::until;

const DISK_MIB: u32 = 96;

/// With a reserve that a second's events do not fill: it is looked for that often.
const DISK_WITH_RESERVE_MIB: u32 = 160;
const RESERVE_MIB: &str = "96";
const RESERVE_LEFT_BYTES: u64 = 80 << 20;

const EVENTS_PER_DELIVERY: u64 = 10;

/// So that the files need more room with every delivery.
const PROP_BYTES: usize = 1_900;

/// A data folder on a disk of its own. What lies on it ends before the disk does, and that before the
/// folder.
struct House {
    disk: Disk,
    folder: Folder,
    token: String,
    reserve_mib: &'static str,
}

impl House {
    fn build(kind: Kind, reserve_mib: &'static str) -> Option<Self> {
        let folder = Folder::new();
        let mib = if reserve_mib == RESERVE_MIB { DISK_WITH_RESERVE_MIB } else { DISK_MIB };
        let disk = Disk::below(&folder, kind, mib)?;
        folder.run(&["site", "add", crate::folder::DOMAIN, "--timezone", "UTC"]).succeeded();
        let token = folder.token();
        Some(Self { disk, folder, token, reserve_mib })
    }

    fn serve(&self) -> Server {
        self.folder.serve_with(&[("WEIR_DISK_RESERVE_MIB", self.reserve_mib)])
    }

    fn is_well(&self) -> bool {
        self.folder.run(&["health"]).code == Some(0)
    }

    fn accepting(&self, server: &Server) -> (bool, String) {
        let bearer = format!("Bearer {}", self.token);
        let health = server.get("/api/health", &[("authorization", &bearer)]).json();
        let checks = health["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "accepting").expect("there is one");
        (check["ok"] == true, check["detail"].as_str().expect("a sentence").to_owned())
    }

    fn check_refusing(&self, server: &Server, words: &[&str]) {
        until("it is told", || {
            let (ok, detail) = self.accepting(server);
            (!ok && words.iter().all(|word| detail.contains(word))).then_some(())
        });
        assert!(!self.is_well());
    }

    /// Dashboards are answered, with all that was counted before.
    fn check_reads(&self, server: &Server, counted: u64) {
        let rows = server.query(&self.token, &["pageviews"], &[]);
        assert!(rows[0]["metrics"][0].as_u64().expect("a number") >= counted, "{rows:?}");
    }

    /// Each event once, though the server is killed; the books balance, and the statistics are what the
    /// log says.
    fn check_each_counted_once(&self, server: Server, events: u64) {
        until("all is well again", || self.is_well().then_some(()));
        server.kill();
        let server = self.serve();
        let mut made: BTreeMap<String, u64> = BTreeMap::new();
        (0..events).for_each(|n| *made.entry(format!("/{}", page_of(n))).or_default() += 1);
        until("all is counted", || (self.folder.json(&["ledger"])["pending"] == 0).then_some(()));
        let rows = server.query(&self.token, &["pageviews"], &["event:page"]);
        let page = |row: &Value| row["dimensions"][0].as_str().expect("a page").to_owned();
        let count = |row: &Value| row["metrics"][0].as_u64().expect("a number");
        let counted: BTreeMap<String, u64> = rows.iter().map(|row| (page(row), count(row))).collect();
        assert_eq!(counted, made);
        assert_eq!(self.folder.json(&["ledger"])["balanced"], true);
        server.stop();
        self.folder.run(&["verify"]).succeeded();
    }
}

/// Few enough pages for one answer, and enough to tell where something is missing.
fn page_of(event: u64) -> u64 {
    event % 1_000
}

/// A tracker that sends what was refused until it is taken.
#[derive(Default)]
struct Sender {
    over: AtomicBool,
    /// A check has failed: nothing more is expected of it.
    in_vain: AtomicBool,
    acknowledged: AtomicU64,
    refused: AtomicU64,
}

impl Sender {
    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Sends until it is told to stop and all that it has begun is acknowledged.
    fn send(&self, address: SocketAddr) {
        let mut connection = Connection::open(address);
        while !self.over.load(Ordering::Acquire) {
            let first = self.acknowledged();
            loop {
                connection.send(&delivery(first)).expect("the server listens");
                let answer = connection.answer().expect("an answer");
                if answer.status == 202 {
                    assert_eq!(answer.json()["accepted"], EVENTS_PER_DELIVERY, "{answer:?}");
                    break;
                }
                check_refusal(&answer);
                if self.in_vain.load(Ordering::Acquire) {
                    return;
                }
                self.refused.fetch_add(1, Ordering::Release);
                rest();
            }
            self.acknowledged.fetch_add(EVENTS_PER_DELIVERY, Ordering::Release);
            // Slowly: what fills the disk is to be the test, not the backlog.
            rest();
        }
    }

    fn sends_another(&self, events: u64) {
        let before = self.acknowledged();
        until("events are taken", || (self.acknowledged() >= before + events).then_some(()));
    }

    fn is_refused_again(&self) {
        let before = self.refused.load(Ordering::Acquire);
        until("events are refused", || (self.refused.load(Ordering::Acquire) > before).then_some(()));
    }
}

fn check_refusal(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    answer.check_cors();
    let retry_after: u32 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&retry_after), "{retry_after}");
}

fn delivery(first: u64) -> Vec<u8> {
    let event = |n: u64| {
        let mut event = page_view(&format!("/{}", page_of(n)));
        event["id"] = json!(format!("01900000-0000-7000-8000-{n:012x}"));
        event["props"] = json!({"n": format!("{n:0>PROP_BYTES$}")});
        event
    };
    let events: Vec<Value> = (first..first + EVENTS_PER_DELIVERY).map(event).collect();
    request("POST", EVENTS, &[], json!({"events": events}).to_string().as_bytes())
}

#[expect(clippy::disallowed_methods, reason = "the pace of a sender awaits nothing")]
fn rest() {
    std::thread::sleep(Duration::from_millis(20));
}

/// Runs `trouble` while a sender sends; all that it sent is acknowledged in the end.
fn under_load(house: &House, trouble: impl FnOnce(&House, &Server, &Sender)) {
    let (server, sender) = (house.serve(), Sender::default());
    std::thread::scope(|scope| {
        let stop = StopAtTheEnd(&sender);
        scope.spawn(|| sender.send(server.address));
        trouble(house, &server, &sender);
        drop(stop);
    });
    house.check_each_counted_once(server, sender.acknowledged());
}

/// Also where a check fails: else nobody would hear of it.
struct StopAtTheEnd<'a>(&'a Sender);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.in_vain.store(std::thread::panicking(), Ordering::Release);
        self.0.over.store(true, Ordering::Release);
    }
}

#[test]
fn a_disk_that_is_full_refuses_what_comes_and_goes_on_by_itself_when_there_is_room() {
    for kind in [Kind::Tmpfs, Kind::Ext4] {
        let Some(house) = House::build(kind, "0") else { continue };
        under_load(&house, |house, server, sender| {
            for _ in 0..2 {
                sender.sends_another(500);
                let counted = sender.acknowledged() / 2;
                until("half of it is counted", || {
                    let rows = server.query(&house.token, &["pageviews"], &[]);
                    (rows[0]["metrics"][0].as_u64() >= Some(counted)).then_some(())
                });
                // Files that shrink give room back, and what is refused needs none.
                let begun = Instant::now();
                while house.accepting(server).0 {
                    house.disk.fill(0);
                    assert!(begun.elapsed() < crate::wait::PATIENCE, "{kind:?}: nothing needs room");
                }
                house.check_refusing(server, &["queue.db", "full"]);
                sender.is_refused_again();
                house.check_reads(server, counted);
                house.disk.make_room();
                sender.sends_another(100);
            }
        });
    }
}

#[test]
fn a_server_starts_on_a_full_disk_or_says_that_it_is_full_and_has_lost_nothing() {
    for kind in [Kind::Tmpfs, Kind::Ext4] {
        let Some(house) = House::build(kind, "0") else { continue };
        under_load(&house, |_, _, sender| sender.sends_another(500));
        house.disk.fill(0);
        house.folder.run(&["serve", "--listen", "127.0.0.1:0"]).refused(&["disk", "full"]);
        house.disk.make_room();
        house.serve().stop();
    }
}

#[test]
fn the_reserve_keeps_room_for_the_statistics_and_ends_when_there_is_more() {
    for kind in [Kind::Tmpfs, Kind::Ext4] {
        let Some(house) = House::build(kind, RESERVE_MIB) else { continue };
        under_load(&house, |house, server, sender| {
            sender.sends_another(200);
            house.disk.fill(RESERVE_LEFT_BYTES);
            house.check_refusing(server, &["MiB free, less than the 96 MiB of disk_reserve_mib"]);
            sender.is_refused_again();
            // The processor has the reserve to itself.
            until("all is counted", || (house.folder.json(&["ledger"])["pending"] == 0).then_some(()));
            house.disk.make_room();
            sender.sends_another(100);
        });
    }
}

#[test]
fn a_disk_that_the_system_has_made_read_only_is_named_and_loses_nothing_once_it_is_repaired() {
    let Some(mut house) = House::build(Kind::Ext4, "0") else { return };
    let server = house.serve();
    let mut acknowledged = 0;
    let send = |server: &Server, first| {
        server.exchange(&delivery(first)).unwrap_or_else(|error| panic!("no answer: {error}"))
    };
    while acknowledged < 500 {
        assert_eq!(send(&server, acknowledged).status, 202);
        acknowledged += EVENTS_PER_DELIVERY;
    }
    until("all is counted", || (house.folder.json(&["ledger"])["pending"] == 0).then_some(()));
    house.disk.fail();
    check_refusal(&send(&server, acknowledged));
    house.check_refusing(&server, &["the queue can't be written"]);
    house.check_reads(&server, acknowledged);
    server.kill();
    house.folder.run(&["serve", "--listen", "127.0.0.1:0"]).refused(&["read-only"]);
    house.disk.repair();
    let server = house.serve();
    // What was refused is sent again, as trackers do.
    assert_eq!(send(&server, acknowledged).status, 202);
    house.check_each_counted_once(server, acknowledged + EVENTS_PER_DELIVERY);
}

#[test]
fn a_folder_that_was_mounted_read_only_is_named_at_the_start_and_well_once_it_can_be_written() {
    let Some(house) = House::build(Kind::Tmpfs, "0") else { return };
    under_load(&house, |_, _, sender| sender.sends_another(100));
    house.disk.remount("ro").expect("nobody uses it");
    house.folder.run(&["serve", "--listen", "127.0.0.1:0"]).refused(&["read-only"]);
    house.disk.remount("rw").expect("remounted");
    house.serve().stop();
}
