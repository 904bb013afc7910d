use std::time::Duration;

use serde_json::{Value, json};

use crate::folder::{DOMAIN, Folder};
use crate::http::request;
use crate::server::{EVENTS, Server, custom, page_view};
use crate::wait::until;

fn settled(folder: &Folder) -> Value {
    until("everything is folded", || {
        let ledger = folder.json(&["ledger"]);
        (ledger["pending"] == 0).then_some(ledger)
    })
}

/// A server that has counted two page views and an event.
fn counted() -> (Folder, Server) {
    let folder = Folder::with_site();
    let server = folder.serve();
    assert_eq!(server.deliver(&[page_view("/"), page_view("/pricing"), custom("signup")]).status, 202);
    settled(&folder);
    (folder, server)
}

/// As an operator with the sqlite3 shell would; says how many rows it changed.
fn by_hand(folder: &Folder, sql: &str) -> usize {
    let store = rusqlite::Connection::open(folder.data().join("weir.db")).expect("opens");
    store.busy_timeout(Duration::from_secs(5)).expect("set");
    store.execute(sql, []).expect("changes")
}

const PRICING: &str = "value = (SELECT id FROM strings WHERE text = '/pricing') AND grain = 1 AND role = 0";

#[test]
fn a_row_changed_by_hand_is_named_and_rebuild_restores_it() {
    let (folder, server) = counted();
    let words = folder.run(&["verify"]).succeeded();
    assert!(words.starts_with("Equal: "), "{words}");
    assert_eq!(folder.json(&["verify"])["equal"], true);
    let changed =
        by_hand(&folder, &format!("UPDATE page_stats SET pageviews = pageviews + 7 WHERE {PRICING}"));
    assert_eq!(changed, 1);
    let differs = folder.run(&["verify"]);
    assert_eq!(differs.code, Some(1), "{differs:?}");
    for word in
        ["DIFFERS", DOMAIN, "page_stats", "/pricing", "pageviews is 8, the log says 1", "weir rebuild"]
    {
        assert!(differs.stdout.contains(word), "{word:?} is missing: {differs:?}");
    }
    let told = folder.run(&["verify", "--json"]);
    assert_eq!(told.code, Some(1));
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!((&told["equal"], &told["different"]), (&json!(false), &json!(1)), "{told}");
    let row = &told["differences"][0];
    assert_eq!(
        (&row["table"], &row["value"], &row["grain"]),
        (&json!("page_stats"), &json!("/pricing"), &json!("day"))
    );
    assert_eq!(row["counters"], json!([{"name": "pageviews", "log": 1, "row": 8}]));
    // The server does it, in its turn.
    let rebuilt = folder.json(&["rebuild"]);
    assert_eq!((&rebuilt["by"], &rebuilt["waiting"]), (&json!("server"), &json!(0)), "{rebuilt}");
    assert!(rebuilt["days"].as_u64() >= Some(1), "{rebuilt}");
    folder.run(&["verify"]).succeeded();
    assert_eq!(by_hand(&folder, &format!("UPDATE page_stats SET visits = 9 WHERE {PRICING}")), 1);
    folder.run(&["rebuild", "--no-wait", "--site", DOMAIN]).succeeded();
    until("the server has rebuilt it", || (folder.run(&["verify"]).code == Some(0)).then_some(()));
    server.stop();
    assert_eq!(by_hand(&folder, &format!("UPDATE page_stats SET visits = 9 WHERE {PRICING}")), 1);
    assert_eq!(folder.json(&["rebuild"])["by"], "command");
    folder.run(&["verify"]).succeeded();
}

#[test]
fn a_row_that_is_missing_or_made_up_is_named_too() {
    let (folder, server) = counted();
    server.stop();
    let delete = format!("DELETE FROM page_stats WHERE {PRICING}");
    let move_to_another_day = format!("UPDATE page_stats SET bucket = bucket + 1 WHERE {PRICING}");
    for (what, sql) in [("missing", delete), ("made up", move_to_another_day)] {
        assert_eq!(by_hand(&folder, &sql), 1, "{what}");
        let differs = folder.run(&["verify", "--site", DOMAIN]);
        assert_eq!(differs.code, Some(1), "{what}: {differs:?}");
        assert!(differs.stdout.contains("/pricing"), "{what}: {differs:?}");
        assert!(folder.json(&["rebuild", "--site", DOMAIN])["days"].as_u64() >= Some(1), "{what}");
        folder.run(&["verify"]).succeeded();
    }
    for command in ["verify", "rebuild", "ledger"] {
        folder.run(&[command, "--site", "other.example"]).refused(&["no site other.example"]);
    }
}

#[test]
fn the_ledger_says_what_became_of_every_event() {
    let folder = Folder::with_site();
    folder.run(&["site", "add", "quiet.example"]).succeeded();
    let server = folder.serve();
    let mut once = page_view("/");
    once["id"] = json!("01900000-0000-7000-8000-000000000001");
    for _ in 0..3 {
        assert_eq!(server.deliver(std::slice::from_ref(&once)).status, 202);
    }
    let crawler =
        [("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")];
    let body = json!({"events": [page_view("/")]}).to_string();
    let answer = server.exchange(&request("POST", EVENTS, &crawler, body.as_bytes())).expect("an answer");
    assert_eq!(answer.status, 202);
    let ledger = settled(&folder);
    assert_eq!(ledger["balanced"], true);
    let domains: Vec<&Value> =
        ledger["sites"].as_array().expect("a list").iter().map(|site| &site["domain"]).collect();
    assert_eq!(domains, [DOMAIN, "quiet.example"]);
    // Around midnight there are two days.
    let sum = |figure: &dyn Fn(&Value) -> u64| -> u64 {
        ledger["sites"][0]["days"].as_array().expect("a list").iter().map(figure).sum()
    };
    let of = |name: &str| sum(&|day: &Value| day[name].as_u64().expect("a number"));
    assert_eq!((of("received"), of("stored"), of("duplicate"), of("pending")), (4, 1, 2, 0), "{ledger}");
    assert_eq!(sum(&|day| day["set_aside"]["bot"].as_u64().unwrap_or(0)), 1);
    let words = folder.run(&["ledger", "--site", DOMAIN]).succeeded();
    assert!(words.contains("The books balance. 0 pending."), "{words}");
    assert_eq!(folder.json(&["ledger", "--site", DOMAIN])["sites"].as_array().map(Vec::len), Some(1));
    server.stop();
    assert!(
        by_hand(&folder, "UPDATE ledger SET n = n + 1 WHERE entry = (SELECT min(entry) FROM ledger)") > 0
    );
    let cooked = folder.run(&["ledger"]);
    assert_eq!(cooked.code, Some(1), "{cooked:?}");
    assert!(
        cooked.stdout.contains("do NOT balance") && cooked.stdout.contains("DOES NOT BALANCE"),
        "{cooked:?}"
    );
}
