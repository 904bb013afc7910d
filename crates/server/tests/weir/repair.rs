use std::fs;

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::server::page_view;
use crate::trouble::damage;
use crate::wait::until;

const DELIVERIES: usize = 8;
const VIEWS: usize = 100;

fn views(delivery: usize) -> Vec<Value> {
    (0..VIEWS).map(|n| page_view(&format!("/a/rather/long/path/of/delivery/{delivery}/page/{n}"))).collect()
}

/// A stopped folder with so many views, all counted.
fn counted() -> Folder {
    let folder = Folder::with_site();
    let server = folder.serve();
    for delivery in 0..DELIVERIES {
        assert_eq!(server.deliver(&views(delivery)).status, 202);
    }
    until("everything is folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    server.stop();
    folder
}

/// The same, all of them waiting in the queue.
fn pending() -> Folder {
    let folder = Folder::with_site();
    let server = folder.serve();
    let (store, aside) = (folder.data().join("weir.db"), folder.path("aside.db"));
    fs::rename(&store, &aside).expect("moved");
    fs::copy(&aside, &store).expect("another file, so that nothing is folded");
    for delivery in 0..DELIVERIES {
        assert_eq!(server.deliver(&views(delivery)).status, 202);
    }
    server.kill();
    folder
}

fn check_named(folder: &Folder, file: &str, table: &str) {
    let checked = folder.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    for words in [&format!("DAMAGED {file}, table {table}"), "weir repair"] {
        assert!(checked.stdout.contains(words), "{words:?} is missing: {checked:?}");
    }
    let told: Value = serde_json::from_str(&folder.run(&["check", "--json"]).stdout).expect("JSON");
    assert_eq!(told["ok"], false);
}

fn kept(folder: &Folder, file: &str) -> bool {
    let entries = fs::read_dir(folder.data()).expect("a folder");
    let mut names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    names.any(|name| {
        name.starts_with(&format!("{file}.damaged-")) && !name.ends_with("-wal") && !name.ends_with("-shm")
    })
}

fn counted_views(folder: &Folder) -> u64 {
    let token = folder.token();
    let server = folder.serve();
    // What is lost may keep the books from balancing.
    until("everything is folded", || {
        let ledger: Value = serde_json::from_str(&folder.run(&["ledger", "--json"]).stdout).expect("JSON");
        (ledger["pending"] == 0).then_some(())
    });
    let rows = server.query(&token, &["pageviews"], &[]);
    server.stop();
    rows[0]["metrics"][0].as_u64().expect("a number")
}

#[test]
fn a_folder_that_is_whole_is_said_to_be_and_repair_changes_nothing() {
    let folder = counted();
    let server = folder.serve();
    assert!(folder.run(&["check"]).succeeded().contains("Every row was read"));
    folder.run(&["check", "--full"]).succeeded();
    folder.run(&["repair"]).refused(&["another weir is running"]);
    server.stop();
    assert_eq!(folder.json(&["check"])["depth"], "structure");
    assert_eq!(folder.json(&["repair"]), json!({"repaired": [], "missing": []}));
}

#[test]
fn damaged_statistics_are_made_anew_and_nothing_is_lost() {
    let folder = counted();
    damage(&folder, "weir.db", "page_stats");
    check_named(&folder, "weir.db", "page_stats");
    let words = folder.run(&["repair"]).succeeded();
    assert!(words.contains("page_stats: made anew from the event log"), "{words}");
    assert!(kept(&folder, "weir.db"));
    folder.run(&["check"]).succeeded();
    folder.run(&["verify"]).succeeded();
    assert_eq!(folder.json(&["ledger"])["balanced"], true);
    assert_eq!(counted_views(&folder), (DELIVERIES * VIEWS) as u64);
}

#[test]
fn texts_of_a_damaged_dictionary_are_read_from_its_index() {
    let folder = counted();
    damage(&folder, "weir.db", "strings");
    check_named(&folder, "weir.db", "strings");
    folder.run(&["repair", "--yes"]).succeeded();
    folder.run(&["check"]).succeeded();
    assert_eq!(counted_views(&folder), (DELIVERIES * VIEWS) as u64);
}

#[test]
fn a_file_without_its_first_page_is_named_with_what_is_left_to_do() {
    for (file, words) in [
        ("queue.db", "`weir ledger` names what was acknowledged"),
        ("weir.db", "counts what is in the queue"),
        ("registry.db", "begin anew in another folder"),
    ] {
        let folder = counted();
        let path = folder.data().join(file);
        let whole = fs::read(&path).expect("reads");
        let damaged = [&[0xa5; 4_096][..], &whole[4_096..]].concat();
        fs::write(&path, &damaged).expect("written");
        folder.run(&["repair"]).refused(&[file, "on the first page", "backup", words]);
        assert!(fs::read(&path).expect("reads") == damaged, "nothing was changed");
        assert!(!kept(&folder, file));
        if file == "registry.db" {
            continue;
        }
        fs::rename(&path, folder.path("aside.db")).expect("moved");
        let server = folder.serve();
        assert_eq!(server.deliver(&views(DELIVERIES)).status, 202);
        let expected = if file == "queue.db" { DELIVERIES + 1 } else { 1 };
        let token = folder.token();
        until("what there is is counted", || {
            let rows = server.query(&token, &["pageviews"], &[]);
            (rows[0]["metrics"][0] == (expected * VIEWS) as u64).then_some(())
        });
        server.stop();
    }
}

#[test]
fn rows_of_a_damaged_log_are_given_up_only_when_agreed_to_and_their_day_is_named() {
    let folder = counted();
    damage(&folder, "weir.db", "events");
    check_named(&folder, "weir.db", "events");
    let refused = folder.run(&["repair"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("rows are lost from") && refused.stdout.contains("--yes"), "{refused:?}");
    check_named(&folder, "weir.db", "events");
    let told = folder.json(&["repair", "--yes"]);
    let missing = told["missing"][0]["rows"].as_u64().expect("a number");
    assert!(missing > 0 && missing < (DELIVERIES * VIEWS) as u64, "{told}");
    assert!(kept(&folder, "weir.db"));
    folder.run(&["verify"]).succeeded();
    assert_eq!(counted_views(&folder), (DELIVERIES * VIEWS) as u64 - missing);
}

#[test]
fn events_of_a_damaged_queue_are_saved_but_for_those_in_the_damaged_page() {
    let folder = pending();
    damage(&folder, "queue.db", "ingested_events");
    // The statistics were put aside by hand, and what lies in their place is of no use.
    let aside = folder.path("aside.db");
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.data().join(format!("weir.db{ending}")));
    }
    fs::copy(aside, folder.data().join("weir.db")).expect("put back");
    check_named(&folder, "queue.db", "ingested_events");
    assert_eq!(folder.run(&["repair"]).code, Some(1));
    let told = folder.json(&["repair", "--yes"]);
    let table = &told["repaired"][0]["tables"][0];
    assert_eq!(table["table"], "ingested_events", "{told}");
    let saved = table["rows"].as_u64().expect("a number");
    assert!(saved > 0 && saved < (DELIVERIES * VIEWS) as u64, "{told}");
    assert!(!table["lost_between"].as_array().expect("gaps").is_empty());
    assert!(kept(&folder, "queue.db"));
    assert_eq!(counted_views(&folder), saved);
}
