use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::folder::{DOMAIN, Folder};
use crate::http::request;
use crate::server::{EVENTS, Server, custom, page_view};
use crate::wait::until;

/// A server with one counted page view, and what is known of it.
struct Counted {
    folder: Folder,
    server: Server,
    token: String,
    /// By reason: at least so many must be counted beside the books in the end.
    refused: RefCell<BTreeMap<String, u64>>,
}

/// What a refusal must leave as it was.
#[derive(Debug, PartialEq)]
struct Figures {
    books: Value,
    totals: Value,
    pages: Vec<Value>,
    names: Vec<Value>,
}

impl Counted {
    fn start() -> Self {
        let folder = Folder::with_site();
        let token = folder.token();
        let server = folder.serve();
        assert_eq!(server.deliver(&[page_view("/")]).status, 202);
        Self { folder, server, token, refused: RefCell::default() }
    }

    /// Once everything acknowledged is folded.
    fn figures(&self) -> Figures {
        let books = until("everything is folded", || {
            let ledger = self.folder.json(&["ledger"]);
            (ledger["pending"] == 0).then(|| ledger["sites"][0]["days"].clone())
        });
        let query =
            |metrics: &[&str], dimensions: &[&str]| self.server.query(&self.token, metrics, dimensions);
        Figures {
            books,
            totals: query(&["visitors", "visits", "pageviews", "events", "bounce_rate"], &[])[0]["metrics"]
                .clone(),
            pages: query(&["pageviews", "visitors"], &["event:page"]),
            names: query(&["events"], &["event:name"]),
        }
    }

    /// How often `reason` was counted beside the books, for the site or for none.
    fn refusals(&self, reason: &str) -> u64 {
        let ledger = self.folder.json(&["ledger"]);
        let of = |counts: &Value| counts[reason].as_u64().unwrap_or(0);
        of(&ledger["refused"]) + of(&ledger["sites"][0]["refused"])
    }

    /// The answer has the status, says the reason and a sentence, can be read by a page on any
    /// origin, and nothing but the count of refusals has changed.
    #[track_caller]
    fn check_refused(&self, headers: &[(&str, &str)], body: &[u8], status: u16, reason: &str) {
        let figures = self.figures();
        let answer = self.server.post(EVENTS, headers, body);
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (status, Some(reason)), "{answer:?}");
        assert!(answer.json()["error"].as_str().is_some_and(|sentence| sentence.contains(' ')), "{answer:?}");
        answer.check_cors();
        assert_eq!(self.figures(), figures, "after {answer:?}");
        *self.refused.borrow_mut().entry(reason.to_owned()).or_default() += 1;
    }

    #[track_caller]
    fn check_event_refused(&self, event: &Value, status: u16, reason: &str) {
        self.check_refused(&[], json!({"events": [event]}).to_string().as_bytes(), status, reason);
    }

    /// The refusals are counted, so is one more page view, and statistics and log agree.
    fn end(self) {
        // Counts are written every second.
        for (reason, n) in self.refused.take() {
            until("the refusals are counted", || (self.refusals(&reason) >= n).then_some(()));
        }
        let before = self.figures();
        assert_eq!(self.server.deliver(&[page_view("/still-here")]).status, 202);
        let after = self.figures();
        assert_eq!(after.totals[2].as_i64(), before.totals[2].as_i64().map(|n| n + 1));
        self.folder.run(&["verify"]).succeeded();
        self.server.stop();
    }
}

#[test]
fn what_is_no_json_of_the_documented_shape_is_refused() {
    let counted = Counted::start();
    let deep = "[".repeat(60_000);
    let texts = ["", "{", "not json", "[]", "{}", "null", &deep, r#"{"events":"all"}"#, r#"{"events":[7]}"#];
    for text in texts {
        counted.check_refused(&[], text.as_bytes(), 400, "malformed");
    }
    for wrong in [
        json!({"type": "pageview", "url": 42}),
        json!({"type": 1.5, "url": "https://example.com/"}),
        json!({"type": "pageview", "url": "https://example.com/", "timestamp": {"at": 1}}),
        json!({"type": "event", "url": "https://example.com/", "name": ["buy"]}),
    ] {
        counted.check_event_refused(&wrong, 400, "malformed");
    }
    counted.check_refused(
        &[],
        b"{\"events\":[{\"type\":\"pageview\",\"url\":\"\xff\xfe\"}]}",
        400,
        "malformed",
    );
    counted.end();
}

#[test]
fn a_delivery_that_is_too_large_is_refused() {
    let counted = Counted::start();
    let padded = |bytes: usize| {
        let body = json!({"events": [page_view("/padded")]}).to_string();
        format!("{}{body}", " ".repeat(bytes - body.len())).into_bytes()
    };
    counted.check_refused(&[], &padded(64 * 1024 + 1), 413, "too_large");
    counted.check_refused(&[], &padded(900_000), 413, "too_large");
    let too_many = json!({"events": vec![page_view("/many"); 101]}).to_string();
    counted.check_refused(&[], too_many.as_bytes(), 413, "too_many");
    assert_eq!(counted.server.post(EVENTS, &[], &padded(64 * 1024)).status, 202);
    assert_eq!(counted.server.deliver(&vec![page_view("/many"); 100]).status, 202);
    assert_eq!(counted.figures().totals[2], 102);
    counted.end();
}

#[test]
fn events_of_other_hosts_and_pages_are_refused() {
    let counted = Counted::start();
    let unknown = json!({"type": "pageview", "url": "https://unknown.example/"});
    counted.check_event_refused(&unknown, 400, "unknown_host");
    for url in ["", "/path", "https://", "mailto:ann@example.com", "example.com/a"] {
        counted.check_event_refused(&json!({"type": "pageview", "url": url}), 400, "invalid_url");
    }
    let good = json!({"events": [page_view("/")]}).to_string();
    for origin in ["https://evil.example", "https://example.com.evil.example", "nonsense"] {
        counted.check_refused(&[("origin", origin)], good.as_bytes(), 403, "foreign_origin");
    }
    counted.check_refused(
        &[("referer", "https://evil.example/page")],
        good.as_bytes(),
        403,
        "foreign_origin",
    );
    counted.folder.run(&["site", "add", "other.example"]).succeeded();
    let own = [("origin", "https://other.example")];
    until("the new site is known", || {
        (counted.server.post(EVENTS, &own, good.as_bytes()).json()["reason"] == "site_mismatch").then_some(())
    });
    counted.check_refused(&own, good.as_bytes(), 403, "site_mismatch");
    assert_eq!(
        counted.server.post(EVENTS, &[("origin", "https://www.example.com")], good.as_bytes()).status,
        202
    );
    counted.end();
}

#[test]
fn an_event_of_the_year_1_is_too_old_and_one_of_the_year_2100_happened_when_it_came() {
    let counted = Counted::start();
    for year_1 in [json!("0001-01-01T00:00:00Z"), json!(-62_135_596_800_000_i64), json!(i64::MIN), json!(0)] {
        let mut event = page_view("/old");
        event["timestamp"] = year_1;
        counted.check_event_refused(&event, 400, "too_old");
    }
    let days = || counted.server.query(&counted.token, &["visitors"], &["time:day"]).len();
    let days_before = days();
    for (n, year_2100) in
        [json!("2100-01-01T00:00:00Z"), json!(4_102_444_800_000_i64), json!(i64::MAX)].iter().enumerate()
    {
        let mut event = page_view("/new");
        event["timestamp"] = year_2100.clone();
        assert_eq!(counted.server.deliver(&[event]).status, 202);
        assert_eq!(counted.figures().totals[2], 2 + n, "{year_2100}");
    }
    assert!(days() <= days_before + 1, "a day of its own only where the test ran into midnight");
    counted.end();
}

#[test]
fn a_header_of_10_mb_is_refused_and_hurts_nobody_else() {
    let counted = Counted::start();
    let before = counted.figures();
    let body = json!({"events": [page_view("/huge")]}).to_string();
    let value = "a".repeat(10 * 1024 * 1024);
    let huge = request("POST", EVENTS, &[("x-huge", &value)], body.as_bytes());
    let meanwhile = counted.server.connect();
    // The server hangs up while it is still being sent to, which may overtake its last word.
    if let Ok(answer) = counted.server.exchange(&huge) {
        assert_eq!(answer.status, 431, "{answer:?}");
    }
    drop(meanwhile);
    let many: Vec<(String, String)> = (0..2_000).map(|n| (format!("x-{n}"), "a".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if let Ok(answer) = counted.server.exchange(&request("POST", EVENTS, &many, body.as_bytes())) {
        assert_eq!(answer.status, 431, "{answer:?}");
    }
    assert_eq!(counted.figures(), before);
    counted.end();
}

#[test]
fn what_is_no_http_is_no_concern_of_others() {
    let counted = Counted::start();
    let before = counted.figures();
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..], b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n"]
    {
        if let Ok(answer) = counted.server.exchange(nonsense) {
            assert_eq!(answer.status, 400, "{answer:?}");
        }
    }
    let body = json!({"events": [page_view("/nul")]}).to_string();
    let nul_in_a_header = request("POST", EVENTS, &[("x-nul", "a\0b")], body.as_bytes());
    let answer = counted.server.exchange(&nul_in_a_header).expect("an answer");
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(counted.figures(), before);
    counted.end();
}

#[test]
fn texts_that_nobody_types_are_refused() {
    let counted = Counted::start();
    for name in ["", " ", "a\0b", "a\nb", &"n".repeat(121), &"n".repeat(10_000), &"😀".repeat(31)] {
        counted.check_event_refused(&custom(name), 400, "invalid_name");
    }
    counted.check_event_refused(&page_view("/\0"), 400, "invalid_url");
    counted.check_event_refused(&page_view("/a\u{0}b"), 400, "invalid_url");
    let mut with_prop = custom("buy");
    with_prop["props"] = json!({"plan": "a\0b"});
    counted.check_event_refused(&with_prop, 400, "invalid_props");
    let mut referred = page_view("/");
    referred["referrer"] = json!("https://news.example/\0");
    counted.check_event_refused(&referred, 400, "invalid_text");
    counted.check_refused(
        &[],
        b"{\"events\":[{\"type\":\"pageview\",\"url\":\"https://example.com/\0\"}]}",
        400,
        "malformed",
    );
    counted.check_refused(&[], b"\0\0\0\0", 400, "malformed");
    counted.end();
}

#[test]
fn emoji_and_other_4_byte_characters_are_counted_as_they_are() {
    let counted = Counted::start();
    let name = "𝄞 Größe 😀👩‍👩‍👧 𠮷";
    let longest = "😀".repeat(30);
    let mut event = custom(name);
    event["props"] = json!({"Farbe 🎨": "bläu 💙", "n": 1});
    assert_eq!(counted.server.deliver(&[event, custom(&longest)]).status, 202);
    let campaign =
        json!({"type": "pageview", "url": format!("https://{DOMAIN}/caf%C3%A9/😀?utm_source=brief📮")});
    assert_eq!(counted.server.deliver(&[campaign]).status, 202);
    let figures = counted.figures();
    let count = |rows: &[Value], text: &str| {
        rows.iter().find(|row| row["dimensions"][0] == text).map(|row| row["metrics"][0].clone())
    };
    assert_eq!(count(&figures.names, name), Some(json!(1)), "{figures:?}");
    assert_eq!(count(&figures.names, &longest), Some(json!(1)), "{figures:?}");
    assert_eq!(count(&figures.pages, "/café/😀"), Some(json!(1)), "{figures:?}");
    let query = |dimension: &str| counted.server.query(&counted.token, &["events"], &[dimension]);
    assert_eq!(count(&query("event:props:Farbe 🎨"), "bläu 💙"), Some(json!(1)));
    counted.end();
}

#[test]
fn one_bad_event_does_not_take_the_others_with_it() {
    let counted = Counted::start();
    let mut old = page_view("/old");
    old["timestamp"] = json!("0001-01-01T00:00:00Z");
    let answer =
        counted.server.deliver(&[page_view("/a"), old, custom(&"n".repeat(10_000)), page_view("/b")]);
    let expected = json!({"accepted": 2, "dropped": [
        {"index": 1, "reason": "too_old"},
        {"index": 2, "reason": "invalid_name"},
    ]});
    assert_eq!((answer.status, answer.json()), (202, expected));
    assert_eq!(counted.figures().totals[2], 3);
    counted.end();
}
