use serde_json::json;

use crate::folder::Folder;
use crate::http::request;
use crate::server::{EVENTS, page_view};
use crate::wait::until;

const SCRIPT: &str = "/y/api/v1/weir.js";

/// Method, path, headers, body; the status of the answer.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[test]
fn every_answer_of_the_edge_can_be_read_by_a_page_on_another_origin() {
    let folder = Folder::with_site();
    let server = folder.serve_with(&[("WEIR_EVENTS_PER_SECOND_PER_IP", "1")]);
    let good = json!({"events": vec![page_view("/"); 20]}).to_string();
    let big = " ".repeat(64 * 1024 + 1);
    let visitor = ("x-forwarded-for", "193.0.6.139");
    let own = ("origin", "https://example.com");
    let cases: [Case<'_>; 11] = [
        ("POST", EVENTS, &[own], &good, 202),
        ("POST", "/x/api/v1/events/beacon", &[own], &good, 202),
        ("OPTIONS", EVENTS, &[own, ("access-control-request-method", "POST")], "", 204),
        ("POST", EVENTS, &[own], "nonsense", 400),
        ("POST", EVENTS, &[("origin", "https://evil.example")], &good, 403),
        ("GET", EVENTS, &[own], "", 405),
        ("POST", EVENTS, &[own], &big, 413),
        ("POST", EVENTS, &[own, visitor], &good, 202),
        ("POST", EVENTS, &[own, visitor], &good, 429),
        ("GET", SCRIPT, &[own], "", 200),
        ("OPTIONS", SCRIPT, &[own], "", 204),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = server.exchange(&request(method, path, headers, body.as_bytes())).expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        answer.check_cors();
        let waits = answer.header("retry-after");
        assert_eq!(waits.is_empty(), status != 429, "{answer:?}");
        if status == 429 {
            assert_eq!(answer.json()["retryAfter"].to_string(), waits);
        }
    }
    server.stop();
}

#[test]
fn a_server_that_can_take_no_more_says_when_to_come_back_and_takes_nothing() {
    let folder = Folder::with_site();
    let room_for_one = [("WEIR_BACKLOG_EVENTS_MAX", "100"), ("WEIR_SITE_SHARE_MAX", "1")];
    let server = folder.serve_with(&room_for_one);
    let delivery = vec![page_view("/"); 100];
    let mut taken = 0;
    let answer = until("a delivery meets one that is not settled yet", || {
        let answer = server.deliver(&delivery);
        taken += u64::from(answer.status == 202);
        (answer.status != 202).then_some(answer)
    });
    assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("overloaded")), "{answer:?}");
    assert_eq!(answer.header("retry-after"), answer.json()["retryAfter"].to_string());
    answer.check_cors();
    let ledger = folder.json(&["ledger"]);
    let days = ledger["sites"][0]["days"].as_array().expect("days");
    let received: u64 = days.iter().map(|day| day["received"].as_u64().expect("a number")).sum();
    assert_eq!((received, &ledger["balanced"]), (taken * 100, &json!(true)), "{ledger}");
    server.stop();
}

#[test]
fn a_disk_below_its_reserve_takes_nothing_and_health_says_so() {
    let folder = Folder::with_site();
    let server = folder.serve_with(&[("WEIR_DISK_RESERVE_MIB", "1000000000000")]);
    assert_eq!(server.deliver(&[page_view("/")]).status, 503);
    let unwell = folder.run(&["health"]);
    assert_eq!(unwell.code, Some(1), "{unwell:?}");
    assert!(unwell.stdout.contains("degraded"), "{unwell:?}");
    server.stop();
}

#[test]
fn the_script_is_sent_once_and_then_only_confirmed() {
    let folder = Folder::new();
    let server = folder.serve();
    let first = server.get(SCRIPT, &[]);
    assert!(first.header("content-type").starts_with("text/javascript"), "{first:?}");
    assert!(first.header("cache-control").contains("max-age"), "{first:?}");
    assert_eq!(first.header("cross-origin-resource-policy"), "cross-origin");
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/dist/weir.js");
    assert_eq!(first.body, std::fs::read_to_string(built).expect("the built tracker"));
    let tag = first.header("etag");
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = server.get(SCRIPT, &[("if-none-match", &known)]);
        assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", tag), "{known}");
        again.check_cors();
    }
    let other = server.get(SCRIPT, &[("if-none-match", "\"other\"")]);
    assert_eq!((other.status, &other.body), (200, &first.body));
    let mut connection = server.connect();
    connection.send(&request("HEAD", SCRIPT, &[], b"")).expect("sent");
    let head = connection.head().expect("an answer");
    assert_eq!((head.status, head.header("etag")), (200, tag));
    server.stop();
}
