use axum::http::StatusCode;
use serde_json::{Value, json};
use weir_event::{Amount, Kind, Reason};
use weir_ingest::IngestConfig;
use weir_queue::QueueOptions;

use crate::harness::{BEACON, EVENTS, Edge, FIREFOX, NOW};

fn view() -> Value {
    json!({"url": "https://example.com/pricing?utm_source=news", "referrer": "https://www.google.com/",
        "timestamp": "2026-05-28T20:26:39.877Z", "userId": null, "eventType": 1, "userAgent": "Browser/1"})
}

async fn post(edge: &Edge, path: &str, body: &Value) -> (StatusCode, String) {
    let headers = [("content-type", "application/json"), ("origin", "https://example.com")];
    let answer = edge.post(path, &headers, body.to_string()).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn an_older_tracker_s_page_view_is_taken_as_it_is() {
    let edge = Edge::new();
    let (status, text) = post(&edge, EVENTS, &view()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answer, json!({"message": "Event added successfully", "status": 202}));
    let stored = edge.only_stored();
    assert_eq!(
        (stored.kind, stored.path.as_str(), stored.utm.source.as_str()),
        (Kind::PageView, "/pricing", "news")
    );
    assert_eq!(stored.referrer.expect("a referrer").host, "google.com");
    assert_eq!((stored.time, stored.user_agent.as_str()), (NOW - 123, "Browser/1"));
}

#[tokio::test]
async fn an_older_tracker_s_custom_event_keeps_its_metadata_and_its_price() {
    let edge = Edge::new();
    let purchase = json!({"url": "https://example.com/", "timestamp": "2026-05-28T20:26:39.877Z", "userId": 42,
        "eventType": 2, "eventKey": "revenue:purchased",
        "eventMetadata": {"price": 1999, "currency": "EUR", "quantity": 2}, "userAgent": ""});
    assert_eq!(post(&edge, EVENTS, &purchase).await.0, StatusCode::ACCEPTED);
    let stored = edge.only_stored();
    assert_eq!((stored.kind, stored.name.as_str()), (Kind::Custom, "revenue:purchased"));
    assert_eq!(stored.amount, Some(Amount { currency: *b"EUR", minor: 3_998 }));
    assert_eq!(stored.props, r#"{"currency":"EUR","price":1999,"quantity":2}"#);
    assert_eq!(stored.user_agent, FIREFOX, "the header's, where the body has none");
}

#[tokio::test]
async fn an_older_tracker_s_beacon_is_as_durable_as_any_other() {
    let edge = Edge::new();
    let answer = edge.post(BEACON, &[("content-type", "text/plain")], view().to_string()).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::ACCEPTED, "Accepted"));
    assert_eq!(edge.only_stored().user_agent, FIREFOX, "a beacon's body names no browser");
}

#[tokio::test]
async fn a_batch_may_come_as_a_beacon() {
    let edge = Edge::new();
    let body = json!({"events": [{"type": "pageview", "url": "https://example.com/"}]}).to_string();
    let answer = edge.post(BEACON, &[], body).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::ACCEPTED, json!({"accepted": 1, "dropped": []})));
    assert_eq!(edge.stored().len(), 1);
}

/// What the older tracker sends: a page's view, and each of its kinds of custom events.
const SENT: [&str; 11] = [
    r#"{"timestamp":"2026-05-28T20:26:39.877Z","referrer":"https://www.google.com/","url":"https://example.com/","userId":null,"eventType":1,"userAgent":"Mozilla/5.0"}"#,
    r#"{"timestamp":"2026-05-28T20:26:39.878Z","referrer":"","url":"https://example.com/a?ref=x#part","userId":null,"eventType":1,"userAgent":"Mozilla/5.0"}"#,
    r#"{"timestamp":"2026-05-28T22:26:39.879+02:00","url":"https://www.example.com/b","eventType":1}"#,
    r#"{"timestamp":"2026-05-28T20:26:39Z","referrer":"::no address::","url":"https://blog.example.com/","userId":"u-1","eventType":1,"eventKey":"","eventMetadata":null,"userAgent":""}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.880Z","userId":42,"eventType":2,"eventMetadata":{"plan":"gold","n":3,"of":{"deep":[1]}},"eventKey":"signup","userAgent":"Mozilla/5.0"}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.881Z","userId":null,"eventType":2,"eventMetadata":{"price":1999,"currency":"USD","quantity":1},"eventKey":"revenue:purchased","userAgent":"Mozilla/5.0"}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.882Z","userId":null,"eventType":2,"eventMetadata":{"text":"Sign up"},"eventKey":"button:sign_up","userAgent":"Mozilla/5.0"}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.883Z","userId":null,"eventType":2,"eventMetadata":{"formId":"f","formName":"","method":"post"},"eventKey":"contact","userAgent":"Mozilla/5.0"}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.884Z","referrer":"https://news.example/","userId":null,"eventType":2,"eventMetadata":{"href":"/pricing","text":"Prices"},"eventKey":"prices","userAgent":"Mozilla/5.0"}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.885Z","userId":null,"eventType":2,"eventMetadata":{"percentage":25},"eventKey":"scroll:depth:25","userAgent":"Mozilla/5.0"}"#,
    r#"{"url":"https://example.com/","timestamp":"2026-05-28T20:26:39.886Z","userId":null,"eventType":2,"eventMetadata":{"section":"plans"},"eventKey":"scroll:section:plans","userAgent":"Mozilla/5.0"}"#,
];

#[tokio::test]
async fn every_event_that_the_older_tracker_sends_gets_the_very_answer_that_it_knows() {
    for (path, kind, expected) in [
        (EVENTS, "application/json", r#"{"message":"Event added successfully","status":202}"#),
        (EVENTS, "text/plain;charset=UTF-8", r#"{"message":"Event added successfully","status":202}"#),
        (BEACON, "text/plain;charset=UTF-8", "Accepted"),
        (BEACON, "application/json", "Accepted"),
    ] {
        let edge = Edge::new();
        for body in SENT {
            let headers =
                [("content-type", kind), ("origin", "https://example.com"), ("sec-fetch-site", "cross-site")];
            let answer = edge.post(path, &headers, body).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, expected), "{path} {body}");
        }
        let stored = edge.stored();
        assert_eq!(stored.len(), SENT.len());
        let views = stored.iter().filter(|event| event.kind == Kind::PageView).count();
        assert_eq!(views, 4);
        let passive: Vec<&str> = stored
            .iter()
            .filter(|event| event.kind == Kind::Passive)
            .map(|event| event.name.as_str())
            .collect();
        assert_eq!(passive, ["scroll:depth:25", "scroll:section:plans"]);
        assert_eq!(stored[4].props, r#"{"plan":"gold","n":3,"of":"{\"deep\":[1]}"}"#);
        assert_eq!(stored[5].amount, Some(Amount { currency: *b"USD", minor: 1_999 }));
    }
}

/// (body, origin, status, error, code) of what the older server refuses; the reason is ours.
#[tokio::test]
async fn what_the_older_server_refuses_is_refused_in_its_words() {
    let event =
        |url: &str| format!(r#"{{"url":"{url}","timestamp":"2026-05-28T20:26:39.877Z","eventType":1}}"#);
    let (own, no_site) = ("https://example.com", "Website not found - please register your domain first");
    let edge = Edge::new();
    for (body, origin, status, error, code) in [
        ("{".to_owned(), own, 400, "Invalid request", None),
        ("[1]".to_owned(), own, 400, "Invalid request", None),
        (event("https://unregistered.example/"), own, 400, no_site, Some("WEBSITE_NOT_FOUND")),
        (event("https://example.com/"), "https://evil.example", 403, "Invalid origin", None),
        // There, any registered site may write into any other.
        (event("https://example.com/"), "https://other.example", 403, "Invalid origin", None),
    ] {
        for path in [EVENTS, BEACON] {
            let answer = edge.post(path, &[("origin", origin)], body.clone()).await;
            let said = answer.json();
            assert_eq!(answer.status.as_u16(), status, "{path} {body} {origin}: {answer:?}");
            assert!(said["error"].as_str().is_some_and(|text| text.starts_with(error)), "{said}");
            assert_eq!(said["code"].as_str(), code, "{path} {body}");
        }
    }
    assert_eq!(edge.stored(), []);
}

#[tokio::test]
async fn a_browser_may_ask_first_on_every_older_route() {
    let edge = Edge::new();
    for path in [EVENTS, BEACON, "/x/api/v1/me", "/x/api/v1/you", "/y/api/v1/sdk.js"] {
        let request = axum::http::Request::options(path)
            .header("origin", "https://example.com")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let answer = edge.send(request.body(axum::body::Body::empty()).expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""), "{path}");
        for method in ["GET", "POST", "OPTIONS"] {
            assert!(answer.header("access-control-allow-methods").contains(method), "{path}");
        }
        assert!(answer.header("access-control-allow-headers").contains("Content-Type"), "{path}");
    }
}

/// The tracker's own events carry an id in this form, too: two clicks in one millisecond are two.
#[tokio::test]
async fn an_event_that_is_sent_alone_may_have_an_id() {
    let edge = Edge::new();
    for id in ["0193f5d2-7c1a-7abc-8def-0123456789ab", "0193f5d2-7c1a-7abc-8def-0123456789ac"] {
        let mut event = view();
        event["id"] = json!(id);
        assert_eq!(post(&edge, EVENTS, &event).await.0, StatusCode::ACCEPTED);
    }
    let ids: Vec<String> = edge.stored().iter().map(|event| event.id.to_string()).collect();
    assert_eq!(ids, ["0193f5d2-7c1a-7abc-8def-0123456789ab", "0193f5d2-7c1a-7abc-8def-0123456789ac"]);
    let mut event = view();
    event["id"] = json!("no id");
    assert_eq!(post(&edge, EVENTS, &event).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_resend_of_an_older_tracker_is_recognised_by_its_content() {
    let edge = Edge::new();
    for path in [EVENTS, EVENTS] {
        edge.clock.advance_ms(1_500);
        post(&edge, path, &view()).await;
    }
    let stored = edge.stored();
    assert_eq!(stored[0].id, stored[1].id);
}

#[tokio::test]
async fn an_older_tracker_gets_the_refusals_that_it_knows() {
    let edge = Edge::new();
    let mut unknown = view();
    unknown["url"] = json!("https://unknown.example/");
    let answer = edge.post(EVENTS, &[], unknown.to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let expected = json!({"error": "Website not found - please register your domain first",
        "code": "WEBSITE_NOT_FOUND", "reason": "unknown_host"});
    assert_eq!(answer.json(), expected);
    let answer = edge.post(EVENTS, &[("origin", "https://evil.example")], view().to_string()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json(), json!({"error": "Invalid origin", "reason": "foreign_origin"}));
    for (member, value, reason) in [
        ("eventType", json!(3), Reason::Malformed),
        ("url", json!(""), Reason::InvalidUrl),
        ("timestamp", json!("0001-01-01T00:00:00Z"), Reason::TooOld),
        ("eventMetadata", json!([1]), Reason::InvalidProps),
    ] {
        let mut event = view();
        event[member] = value;
        for path in [EVENTS, BEACON] {
            let (status, text) = post(&edge, path, &event).await;
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(
                (status, &answer["reason"]),
                (StatusCode::BAD_REQUEST, &json!(reason.name())),
                "{member}"
            );
        }
    }
    assert_eq!(edge.stored(), []);
}

/// Older trackers send again, at every page load, whatever is not answered by a success.
#[tokio::test]
async fn an_older_tracker_at_an_excluded_address_is_told_so_without_an_error() {
    let config = IngestConfig {
        excluded_ips: vec!["127.0.0.0/8".parse().expect("a network")],
        ..IngestConfig::default()
    };
    let edge = Edge::with(config, QueueOptions::default());
    let (status, text) = post(&edge, EVENTS, &view()).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (status, &answer["accepted"], &answer["reason"]),
        (StatusCode::ACCEPTED, &json!(0), &json!("excluded_ip"))
    );
    assert_eq!(edge.stored(), []);
    assert_eq!(edge.counted(Reason::ExcludedIp), 1);
}
