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
