use axum::http::StatusCode;
use serde_json::json;
use weir_event::{Millis, Reason, limits};

use crate::harness::{EVENTS, Edge, NOW, page_view};

/// (sent at, timestamp) -> stored time as an offset from the receipt
async fn check_time(sent_at: serde_json::Value, timestamp: serde_json::Value, expected_ms: i64) {
    let edge = Edge::new();
    let mut event = page_view("https://example.com/");
    event["timestamp"] = timestamp.clone();
    let body = json!({"sentAt": sent_at, "events": [event]}).to_string();
    assert_eq!(edge.post(EVENTS, &[], body).await.status, StatusCode::ACCEPTED, "{timestamp}");
    let stored = edge.only_stored();
    assert_eq!(stored.time - NOW, expected_ms, "sent at {sent_at}, timestamp {timestamp}");
    assert_eq!(stored.day, weir_event::Zone::utc().day_of(stored.time));
    assert_eq!(stored.received, NOW);
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_by_the_time_of_sending() {
    let year = 365 * Millis::DAY;
    check_time(json!(NOW.0 + year), json!(NOW.0 + year - 5_000), -5_000).await;
    check_time(json!(NOW.0 - year), json!(NOW.0 - year - 5_000), -5_000).await;
    check_time(json!("2030-01-01T00:00:10Z"), json!("2030-01-01T00:00:00.500Z"), -9_500).await;
    check_time(json!(null), json!(NOW.0 - 5_000), -5_000).await;
}

#[tokio::test]
async fn a_time_that_can_not_be_gives_way_to_the_time_of_receipt() {
    check_time(json!(null), json!("2100-01-01T00:00:00Z"), 0).await;
    check_time(json!(null), json!(4_102_444_800_000i64), 0).await;
    check_time(json!(null), json!(1e300), 0).await;
    check_time(json!(null), json!(null), 0).await;
    check_time(json!(null), json!("yesterday"), 0).await;
    check_time(json!(null), json!(NOW.0 + limits::EVENT_AHEAD_MS_MAX), limits::EVENT_AHEAD_MS_MAX).await;
    check_time(json!(null), json!(NOW.0 + limits::EVENT_AHEAD_MS_MAX + 1), 0).await;
}

#[tokio::test]
async fn an_event_may_be_a_day_old_and_not_a_millisecond_more() {
    check_time(json!(null), json!(NOW.0 - limits::EVENT_AGE_MS_MAX), -limits::EVENT_AGE_MS_MAX).await;
    let edge = Edge::new();
    for timestamp in [
        json!(NOW.0 - limits::EVENT_AGE_MS_MAX - 1),
        json!("0001-01-01T00:00:00Z"),
        json!(0),
        json!(i64::MIN),
    ] {
        let mut event = page_view("https://example.com/");
        event["timestamp"] = timestamp.clone();
        let answer = edge.post_event(&[], event).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{timestamp}");
        assert_eq!(answer.json()["reason"], "too_old", "{timestamp}");
    }
    assert_eq!(edge.stored(), []);
    assert_eq!(edge.counted(Reason::TooOld), 4);
}
