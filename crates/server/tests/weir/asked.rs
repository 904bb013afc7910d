//! "Was my visit counted, and if not, why?", over the wire, from the delivery to the statistics.

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::http::{Connection, request};
use crate::server::{EVENTS, Server, custom, page_view};
use crate::wait::until;

const ID: &str = "0193f5d2-7c1a-7abc-8def-0123456789ab";
const HEADLESS: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36";

fn with_id(id: &str, mut event: Value) -> Value {
    event["id"] = json!(id);
    event
}

fn send(server: &Server, headers: &[(&str, &str)], events: &[Value]) {
    let body = json!({"debug": true, "events": events}).to_string();
    let answer = server.post(EVENTS, headers, body.as_bytes());
    assert!([202, 400].contains(&answer.status), "{answer:?}");
}

/// What a browser is told of an event once it waits no more.
fn verdict(server: &Server, id: &str) -> (String, String) {
    until("the event is counted or not", || {
        let answer = server.get(&format!("/x/api/v1/events?ids={id}"), &[]);
        answer.check_cors();
        let said = answer.json()["verdicts"][0].clone();
        let text = |name: &str| said[name].as_str().expect("a text").to_owned();
        (said["verdict"] != "waiting").then(|| (text("verdict"), text("words")))
    })
}

#[test]
fn whoever_sends_events_to_be_asked_about_learns_what_became_of_each() {
    let folder = Folder::with_site();
    let server = folder.serve_with(&[("WEIR_EXCLUDED_IPS", "192.0.2.7")]);
    let id = |n: u32| format!("0193f5d2-7c1a-7abc-8def-{n:012x}");
    let check = |headers: &[(&str, &str)], id: &str, event: Value, expected: &str, words: &str| {
        send(&server, headers, &[with_id(id, event)]);
        let (verdict, said) = verdict(&server, id);
        assert_eq!(verdict, expected, "{said}");
        assert!(said.contains(words), "{said}");
    };
    check(&[], &id(1), page_view("/"), "stored", "Counted");
    check(&[], &id(1), page_view("/"), "duplicate", "came before");
    check(&[("user-agent", HEADLESS)], &id(2), page_view("/"), "bot", "headless");
    let mut driven = page_view("/");
    driven["webdriver"] = json!(true);
    check(&[], &id(3), driven, "bot", "drives it");
    check(&[("x-forwarded-for", "192.0.2.7")], &id(4), page_view("/"), "excluded_ip", "leave out");
    check(
        &[],
        &id(5),
        json!({"type": "pageview", "url": "https://nobody.example/"}),
        "unknown_host",
        "no site",
    );
    let old = json!({"type": "pageview", "url": "https://example.com/", "timestamp": 1_000_000_000_000_i64});
    check(&[], &id(6), old, "too_old", "24 hours");
    let mut spam = page_view("/");
    spam["referrer"] = json!("https://semalt.com/");
    check(&[], &id(7), spam, "spam_referrer", "spammers");
    server.stop();
    folder.run(&["verify"]).succeeded();
}

/// The data of the next `verdict` message.
fn next_verdict(stream: &mut Connection) -> Value {
    loop {
        let line = stream.line().expect("a line");
        if line == "event: verdict" {
            let data = stream.line().expect("a line");
            return serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
        }
    }
}

#[test]
fn an_owner_sees_the_events_of_their_own_browser_from_the_delivery_to_the_statistics() {
    let folder = Folder::with_site();
    folder.run_with(&["user", "add", "ada@example.com"], "correct horse").succeeded();
    let server = folder.serve();
    let login = json!({"email": "ada@example.com", "password": "correct horse"});
    let same_origin = [("sec-fetch-site", "same-origin")];
    let answer = server.post_json("/api/login", &same_origin, &login);
    assert!(answer.status < 300, "{answer:?}");
    let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let mut stream = server.connect();
    stream.send(&request("GET", "/api/verdicts", &[("cookie", &cookie)], b"")).expect("sent");
    assert_eq!(stream.head().expect("an answer").status, 200);
    while stream.line().expect("a line") != "event: hello" {}

    server.deliver(&[with_id(ID, custom("signup"))]);
    let event = next_verdict(&mut stream);
    assert_eq!(
        (&event["id"], &event["name"], &event["site"]),
        (&json!(ID), &json!("signup"), &json!("example.com"))
    );
    // Either it was told as waiting and is told again, or it was counted before it could be told.
    let last = if event["verdict"] == "waiting" { next_verdict(&mut stream) } else { event.clone() };
    assert_eq!((&last["n"], &last["verdict"]), (&event["n"], &json!("stored")));
    drop(stream);
    server.stop();
}
