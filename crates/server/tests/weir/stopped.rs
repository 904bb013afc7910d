use serde_json::json;

use crate::folder::Folder;
use crate::http::{Connection, request};
use crate::server::{EVENTS, Server, page_view};
use crate::wait::until;

/// A delivery whose headers the server has read and whose body it waits for.
fn half_sent(server: &Server, body: &[u8]) -> Connection {
    let whole = request("POST", EVENTS, &[("expect", "100-continue")], body);
    let mut connection = server.connect();
    connection.send(&whole[..whole.len() - body.len()]).expect("sent");
    assert_eq!(connection.head().expect("the server asks for the body").status, 100);
    connection
}

#[test]
fn a_server_asked_to_stop_answers_what_it_has_begun_and_keeps_it() {
    const IN_WORK: usize = 20;
    let folder = Folder::with_site();
    let token = folder.token();
    let server = folder.serve();
    assert_eq!(server.deliver(&[page_view("/before")]).status, 202);
    let body = json!({"events": [page_view("/during"), page_view("/during")]}).to_string();
    let mut in_work: Vec<_> = (0..IN_WORK).map(|_| half_sent(&server, body.as_bytes())).collect();
    let mut idle = server.connect();
    idle.send(&request("GET", "/_health", &[], b"")).expect("sent");
    assert_eq!(idle.answer().expect("an answer").status, 200);
    server.terminate();
    server.says("Stopping");
    for connection in &mut in_work {
        connection.send(body.as_bytes()).expect("sent");
    }
    for connection in &mut in_work {
        let answer = connection.answer().expect("an answer");
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(2)), "{answer:?}");
    }
    idle.line().expect_err("an idle connection is closed");
    let address = server.address;
    assert_eq!(server.wait().code(), Some(0));
    assert!(Connection::try_open(address).is_err(), "nothing listens any more");

    let again = folder.serve();
    until("everything is folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    let views = again.query(&token, &["pageviews"], &["event:page"]);
    let expected = json!([
        {"dimensions": ["/during"], "metrics": [2 * IN_WORK]},
        {"dimensions": ["/before"], "metrics": [1]},
    ]);
    assert_eq!(json!(views), expected);
    assert_eq!(folder.json(&["ledger"])["balanced"], true);
    folder.run(&["verify"]).succeeded();
    again.stop();
}

#[test]
fn live_streams_do_not_hold_up_the_end() {
    let folder = Folder::with_site();
    let token = folder.token();
    let server = folder.serve();
    let bearer = format!("Bearer {token}");
    let live = request("GET", "/api/live?site_id=example.com", &[("authorization", &bearer)], b"");
    let mut stream = server.connect();
    stream.send(&live).expect("sent");
    assert_eq!(stream.head().expect("an answer").status, 200);
    let mut next = |words: &str| {
        until(words, || stream.line().expect("the stream goes on").contains(words).then_some(()))
    };
    next("event: hello");
    assert_eq!(server.deliver(&[page_view("/")]).status, 202);
    next("event: change");
    next("visitors_now\":1");
    server.terminate();
    while stream.line().is_ok() {}
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_first_start_prints_the_address_and_a_code_and_later_ones_the_same_code() {
    let folder = Folder::new();
    let code = |server: &Server| {
        let line = server.next_line();
        assert!(line.contains(&format!("http://{}/setup", server.address)), "{line}");
        line.rsplit_once("Set-up code: ").expect("a code").1.to_owned()
    };
    let server = folder.serve();
    let first = code(&server);
    server.stop();
    let server = folder.serve();
    assert_eq!(code(&server), first);
    let account = |code: &str| json!({"code": code, "email": "ann@example.com", "password": "correct horse"});
    let headers = [("origin", "http://127.0.0.1")];
    assert_eq!(server.post_json("/api/setup", &headers, &account("AAAA-AAAA-AAAA-AAAA")).status, 403);
    assert_eq!(server.post_json("/api/setup", &headers, &account(&first)).status, 200);
    assert_eq!(server.post_json("/api/setup", &headers, &account(&first)).status, 409);
    assert!(!folder.data().join("setup-code").exists(), "the code is used up");
    server.stop();
}
