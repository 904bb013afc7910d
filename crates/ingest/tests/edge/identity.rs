use serde_json::{Value, json};
use weir_event::{EventId, Millis, VisitorId, limits};
use weir_ingest::{IngestConfig, TrustedProxies};
use weir_queue::QueueOptions;

use crate::harness::{EVENTS, Edge, NOW, page_view};

async fn visitor(edge: &Edge, ip: &str, agent: &str, url: &str) -> Option<VisitorId> {
    let before = edge.stored().len();
    edge.post_event(&[("x-forwarded-for", ip), ("user-agent", agent)], page_view(url)).await;
    edge.stored()[before].visitor
}

#[tokio::test]
async fn a_visitor_is_an_address_and_a_browser_on_one_site() {
    let edge = Edge::new();
    let first = visitor(&edge, "193.0.6.139", "A", "https://example.com/").await;
    assert!(first.is_some());
    assert_eq!(visitor(&edge, "193.0.6.139", "A", "https://blog.example.com/x").await, first);
    for (ip, agent, url) in [
        ("193.0.6.140", "A", "https://example.com/"),
        ("193.0.6.139", "B", "https://example.com/"),
        ("193.0.6.139", "A", "https://other.example/"),
    ] {
        assert_ne!(visitor(&edge, ip, agent, url).await, first, "{ip} {agent} {url}");
    }
}

#[tokio::test]
async fn a_stranger_can_not_pose_as_somebody_else() {
    let config = IngestConfig {
        trusted_proxies: TrustedProxies::parse(&["none"]).expect("a preset"),
        ..IngestConfig::default()
    };
    let edge = Edge::with(config, QueueOptions::default());
    let first = visitor(&edge, "193.0.6.139", "A", "https://example.com/").await;
    assert_eq!(visitor(&edge, "193.0.6.140", "A", "https://example.com/").await, first);
    assert_eq!(edge.stored()[0].country, None);
}

#[tokio::test]
async fn events_of_one_delivery_get_the_visitor_of_their_own_day() {
    let edge = Edge::new();
    // 00:30 in UTC: yesterday's key lives until 01:00.
    let midnight = Millis(NOW.0 - NOW.0 % Millis::DAY + Millis::DAY);
    let body = |now: Millis| {
        let at =
            |time: Millis| json!({"type": "pageview", "url": "https://example.com/", "timestamp": time.0});
        let events = [at(midnight - 1), at(now), at(midnight - 1), at(now)];
        json!({"sentAt": now.0, "events": events}).to_string()
    };
    edge.post(EVENTS, &[], body(NOW)).await;
    edge.clock.set(midnight + 30 * Millis::MINUTE);
    edge.post(EVENTS, &[], body(midnight + 30 * Millis::MINUTE)).await;
    edge.clock.set(midnight + limits::DAY_KEY_GRACE_MS + Millis::MINUTE);
    edge.post(EVENTS, &[], body(midnight + limits::DAY_KEY_GRACE_MS + Millis::MINUTE)).await;
    let visitors: Vec<_> = edge.stored().iter().map(|event| event.visitor).collect();
    let (yesterday, today) = (visitors[1], visitors[5]);
    assert!(yesterday.is_some() && today.is_some() && yesterday != today);
    assert_eq!(visitors[4..8], [yesterday, today, yesterday, today]);
    assert_eq!(visitors[8..12], [None, today, None, today], "late: yesterday's key is gone");
}

/// Sends the same bytes twice; the two ids.
async fn ids_of_a_resend(event: Value) -> (EventId, EventId) {
    let edge = Edge::new();
    for sent_later_ms in [0, 1_500] {
        edge.clock.set(NOW + sent_later_ms);
        edge.post_event(&[], event.clone()).await;
    }
    let stored = edge.stored();
    (stored[0].id, stored[1].id)
}

#[tokio::test]
async fn an_event_keeps_the_id_that_it_came_with() {
    let mut event = page_view("https://example.com/");
    event["id"] = json!("0193f5d2-7c1a-7abc-8def-0123456789ab");
    let id = "0193f5d2-7c1a-7abc-8def-0123456789ab".parse().expect("an id");
    assert_eq!(ids_of_a_resend(event).await, (id, id));
}

#[tokio::test]
async fn a_resend_without_id_is_recognised_by_its_content_where_its_time_is_fine() {
    for timestamp in [json!(NOW.0 - 123), json!("2026-05-28T20:26:39.000Z")] {
        let mut event = page_view("https://example.com/");
        event["timestamp"] = timestamp.clone();
        let (first, second) = ids_of_a_resend(event).await;
        assert_eq!(first, second, "{timestamp}");
    }
    for timestamp in [json!(NOW.0), json!("2026-05-28T20:26:39Z"), json!(null)] {
        let mut event = page_view("https://example.com/");
        event["timestamp"] = timestamp.clone();
        let (first, second) = ids_of_a_resend(event).await;
        assert_ne!(first, second, "{timestamp}");
    }
}

#[tokio::test]
async fn content_that_differs_anywhere_is_another_event() {
    let edge = Edge::new();
    let base = json!({"type": "event", "timestamp": NOW.0 - 123, "url": "https://example.com/", "name": "buy",
        "referrer": "", "props": {"a": 1}, "revenue": {"amount": 1, "currency": "EUR"}});
    let mut events = vec![base.clone()];
    for (member, value) in [
        ("timestamp", json!(NOW.0 - 124)),
        ("url", json!("https://example.com/?x")),
        ("name", json!("buy2")),
        ("referrer", json!("https://news.example/")),
        ("props", json!({"a": 2})),
        ("revenue", json!({"amount": 2, "currency": "EUR"})),
        ("interactive", json!(false)),
    ] {
        let mut event = base.clone();
        event[member] = value;
        events.push(event);
    }
    edge.post(EVENTS, &[], json!({"events": events}).to_string()).await;
    edge.post_event(&[("x-forwarded-for", "193.0.6.139")], base.clone()).await;
    let mut ids: Vec<EventId> = edge.stored().iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), events.len() + 1);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), events.len() + 1);
}

#[tokio::test]
async fn a_user_agent_is_cut_at_the_limit() {
    let edge = Edge::new();
    for bytes in [limits::USER_AGENT_BYTES_MAX, limits::USER_AGENT_BYTES_MAX + 1] {
        visitor(&edge, "193.0.6.139", &"a".repeat(bytes), "https://example.com/").await;
    }
    let lengths: Vec<usize> = edge.stored().iter().map(|event| event.user_agent.len()).collect();
    assert_eq!(lengths, [limits::USER_AGENT_BYTES_MAX; 2]);
}
