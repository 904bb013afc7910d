//! Events that a program sends in the name of visitors, from the token to the figures.

use serde_json::{Value, json};

use crate::folder::{DOMAIN, Folder};
use crate::http::Answer;
use crate::server::{EVENTS, Server, custom, page_view};
use crate::wait::until;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn token(folder: &Folder, args: &[&str]) -> String {
    let args: Vec<&str> = ["token", "create"].iter().chain(args).copied().collect();
    folder.json(&args)["token"].as_str().expect("a token").to_owned()
}

fn send(server: &Server, token: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    server.post(EVENTS, &[("authorization", &bearer), ("user-agent", "curl/8")], body.to_string().as_bytes())
}

fn of(ip: &str, agent: &str, mut event: Value) -> Value {
    (event["ip"], event["userAgent"]) = (json!(ip), json!(agent));
    event
}

/// Rows of a question, once so many page views are counted.
fn counted(
    server: &Server,
    token: &str,
    pageviews: u64,
    metrics: &[&str],
    dimensions: &[&str],
) -> Vec<Value> {
    until("the page views are counted", || {
        let all = server.query(token, &["pageviews"], &[]);
        (all[0]["metrics"][0] == pageviews).then_some(())
    });
    server.query(token, metrics, dimensions)
}

#[test]
fn visitors_a_backend_speaks_for_are_counted_as_if_they_had_come_themselves() {
    let folder = Folder::with_site();
    let (sends, reads) =
        (token(&folder, &["--name", "backend", "--events"]), token(&folder, &["--name", "me"]));
    let server = folder.serve();
    let mut paid = custom("paid");
    paid["id"] = json!("0193f5d2-7c1a-7abc-8def-0123456789ab");
    let body = json!({"events": [
        of("193.0.6.139", FIREFOX, page_view("/a")),
        of("193.0.6.139", FIREFOX, paid),
        of("8.8.8.8", FIREFOX, page_view("/b")),
        of("66.249.66.1", GOOGLEBOT, page_view("/c")),
    ]});
    assert_eq!(send(&server, &sends, &body).json(), json!({"accepted": 4, "dropped": []}));
    let again = json!({"events": [body["events"][1]]});
    assert_eq!(send(&server, &sends, &again).json()["accepted"], 1);
    assert_eq!(
        send(&server, &sends, &json!({"events": [of("8.8.8.8", FIREFOX, page_view("/d"))]})).status,
        202
    );
    let rows = counted(&server, &reads, 3, &["visitors", "pageviews", "events"], &[]);
    assert_eq!(rows[0]["metrics"], json!([2, 3, 4]), "two people, no robot, and one payment");
    let countries = server.query(&reads, &["visitors"], &["visit:country"]);
    let mut countries: Vec<&str> = countries.iter().filter_map(|row| row["dimensions"][0].as_str()).collect();
    countries.sort_unstable();
    assert_eq!(countries, ["NL", "US"]);
    server.stop();
    folder.run(&["verify"]).succeeded();
}

#[test]
fn a_token_for_events_sends_to_its_site_and_reads_nothing() {
    let folder = Folder::with_site();
    folder.run(&["site", "add", "other.example"]).succeeded();
    let sends = token(&folder, &["--name", "backend", "--site", DOMAIN, "--events"]);
    let reads = token(&folder, &["--name", "reports"]);
    let may = |at: usize| folder.json(&["token", "list"])[at]["may"].clone();
    assert_eq!((may(0), may(1)), (json!("send"), json!("read")));
    assert!(folder.run(&["token", "list"]).succeeded().lines().any(|line| line.contains("send")));
    let server = folder.serve_with(&[("WEIR_LOG", "trace")]);
    let own = json!({"ip": "193.0.6.139", "userAgent": FIREFOX, "events": [page_view("/")]});
    let other =
        json!({"ip": "193.0.6.139", "events": [{"type": "pageview", "url": "https://other.example/"}]});
    assert_eq!(send(&server, &sends, &own).status, 202);
    assert_eq!(send(&server, &sends, &other).status, 403);
    assert_eq!(send(&server, &reads, &own).status, 401);
    let question = json!({"site_id": DOMAIN, "date_range": "all", "metrics": ["visitors"]});
    let bearer = [("authorization", &*format!("Bearer {sends}"))];
    assert_eq!(server.post_json("/api/v2/query", &bearer, &question).status, 401);
    folder.run(&["token", "revoke", "backend"]).succeeded();
    let refused = until("the token is refused", || {
        let answer = send(&server, &sends, &own);
        (answer.status != 202).then_some(answer)
    });
    assert_eq!((refused.status, &refused.json()["reason"]), (401, &json!("invalid_token")));
    let log = server.stop_and_read_log();
    assert!(!log.contains(&sends) && !log.contains(&reads), "{log}");
}
