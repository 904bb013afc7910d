//! What the edge tells those who ask about single events.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use weir_event::{EventId, Kind, Reason, Verdict, limits};
use weir_ingest::IngestConfig;
use weir_queue::QueueOptions;
use weir_verdicts::{BotRule, Fate, Told, Watch};

use crate::harness::{EVENTS, Edge, FIREFOX, NOW, custom, page_view};

const ID: &str = "0193f5d2-7c1a-7abc-8def-0123456789ab";
const OTHER_ID: &str = "0193f5d2-7c1a-7abc-8def-0123456789ac";
const MINE: [(&str, &str); 1] = [("x-forwarded-for", "192.0.2.1")];

fn with_id(id: &str, mut event: Value) -> Value {
    event["id"] = json!(id);
    event
}

fn asked_for(events: &[Value]) -> String {
    json!({"debug": true, "events": events}).to_string()
}

fn watch_me(edge: &Edge) -> Watch {
    let verdicts = edge.ingest.verdicts();
    verdicts.watch(verdicts.who([192, 0, 2, 1].into(), FIREFOX.as_bytes())).expect("room")
}

async fn ask(edge: &Edge, ids: &str) -> Value {
    let request = Request::get(format!("/x/api/v1/events?ids={ids}")).body(Body::empty());
    let answer = edge.send(request.expect("a request")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    answer.json()["verdicts"].clone()
}

#[tokio::test]
async fn whoever_watches_their_own_events_is_told_of_each_and_why_it_was_refused() {
    let excluded = IngestConfig {
        excluded_ips: vec!["192.0.2.9/32".parse().expect("a network")],
        ..IngestConfig::default()
    };
    let edge = Edge::with(excluded, QueueOptions::default());
    let mut watch = watch_me(&edge);
    let events = json!([
        with_id(ID, page_view("https://example.com/a?secret=1#x")),
        page_view("https://nobody.example/b"),
        {"type": "event", "url": "https://example.com/", "name": ""},
        7,
    ]);
    edge.post(EVENTS, &MINE, json!({"events": events}).to_string()).await;
    // Another browser, and another address: nobody watches them.
    let other = [MINE[0], ("user-agent", "Other/1")];
    edge.post_event(&other, page_view("https://example.com/other")).await;
    edge.post_event(&[("x-forwarded-for", "192.0.2.9")], page_view("https://example.com/other")).await;
    edge.post(EVENTS, &MINE, "{").await;

    let mut told = Vec::new();
    for _ in 0..4 {
        let Some(Told::Event { at, sighting, fate, .. }) = watch.next().await else { panic!("an event") };
        assert_eq!(at, NOW);
        told.push((sighting.url, sighting.kind, sighting.site.is_some(), fate.verdict));
    }
    let view = |url: &str, has_site, verdict| (url.to_owned(), Kind::PageView, has_site, verdict);
    assert_eq!(
        told,
        [
            view("https://example.com/a", true, Verdict::Waiting),
            view("https://nobody.example/b", false, Verdict::Not(Reason::UnknownHost)),
            ("https://example.com/".to_owned(), Kind::Custom, true, Verdict::Not(Reason::InvalidName)),
            view("", false, Verdict::Not(Reason::Malformed)),
        ]
    );
    let Some(Told::Delivery { reason, .. }) = watch.next().await else { panic!("a delivery") };
    assert_eq!(reason, Reason::Malformed, "and nothing of others came between");
}

#[tokio::test]
async fn a_long_address_is_told_as_far_as_it_is_needed() {
    let edge = Edge::new();
    let mut watch = watch_me(&edge);
    let url = format!("https://example.com/{}", "ä".repeat(limits::PATH_BYTES_MAX));
    edge.post_event(&MINE, page_view(&url)).await;
    let Some(Told::Event { sighting, .. }) = watch.next().await else { panic!("an event") };
    assert!(sighting.url.len() <= limits::PATH_BYTES_MAX && url.starts_with(&sighting.url));
}

#[tokio::test]
async fn what_was_sent_to_be_asked_about_can_be_asked_about_and_nothing_else() {
    let edge = Edge::new();
    let events = [with_id(ID, custom("a")), with_id(OTHER_ID, page_view("https://nobody.example/"))];
    assert_eq!(edge.post(EVENTS, &[], asked_for(&events)).await.json()["accepted"], 1);
    let quiet = ID.replace('a', "b");
    edge.post_event(&[], with_id(&quiet, custom("b"))).await;

    let answer = ask(&edge, &format!("{ID},{OTHER_ID},{quiet},nonsense")).await;
    let verdicts: Vec<(&str, &str)> = answer
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["id"].as_str().expect("an id"), one["verdict"].as_str().expect("a verdict")))
        .collect();
    assert_eq!(verdicts, [(ID, "waiting"), (OTHER_ID, "unknown_host")]);
    assert_eq!(answer[1]["words"], "Refused: no site here has the host of this page");

    let id: EventId = ID.parse().expect("an id");
    edge.ingest.verdicts().settle(&[(id, Fate::bot(BotRule::Driven))]);
    assert_eq!(ask(&edge, ID).await[0]["verdict"], "bot");
    edge.clock.advance_ms(limits::FOLLOWED_MS_MAX + 1);
    assert_eq!(ask(&edge, ID).await, json!([]));
}

#[tokio::test]
async fn an_event_that_comes_alone_can_be_asked_about_as_well() {
    let edge = Edge::new();
    let alone = |id: &str, url: &str, debug: Value| {
        json!({"id": id, "url": url, "eventType": 1, "userAgent": FIREFOX, "debug": debug}).to_string()
    };
    edge.post(EVENTS, &[], alone(ID, "https://example.com/", json!(true))).await;
    edge.post(EVENTS, &[], alone(OTHER_ID, "https://example.com/", json!("yes"))).await;
    let answer = ask(&edge, &format!("{ID},{OTHER_ID}")).await;
    assert_eq!(
        (&answer[0]["id"], &answer[0]["verdict"], &answer[1]),
        (&json!(ID), &json!("waiting"), &Value::Null)
    );
    edge.post(EVENTS, &[], alone(OTHER_ID, "https://nobody.example/", json!(true))).await;
    assert_eq!(ask(&edge, OTHER_ID).await[0]["verdict"], "unknown_host");
}

/// Nobody sits behind a program's browser.
#[tokio::test]
async fn a_program_with_a_token_can_ask_too_and_nobody_watches_it() {
    let edge = Edge::new();
    let token = edge.registry.create_sending_token("backend", None).expect("a token").token;
    let bearer = format!("Bearer {token}");
    let mut watch = watch_me(&edge);
    let headers = [MINE[0], ("authorization", &*bearer)];
    edge.post(EVENTS, &headers, asked_for(&[with_id(ID, custom("paid"))])).await;
    assert_eq!(ask(&edge, ID).await[0]["verdict"], "waiting");
    edge.post_event(&MINE, custom("mine")).await;
    let Some(Told::Event { sighting, .. }) = watch.next().await else { panic!("an event") };
    assert_eq!(sighting.name, "mine");
}

#[tokio::test]
async fn what_the_queue_would_not_have_is_not_said_to_wait() {
    let options = QueueOptions { backlog_events_max: 1, site_share_max: 1.0, ..QueueOptions::default() };
    let edge = Edge::with(IngestConfig::default(), options);
    let mut watch = watch_me(&edge);
    let answer = edge.post(EVENTS, &MINE, asked_for(&[with_id(ID, custom("a")), custom("b")])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&edge, ID).await, json!([]));
    let Some(Told::Delivery { reason, .. }) = watch.next().await else { panic!("a delivery") };
    assert_eq!(reason, Reason::Overloaded);
}

#[tokio::test]
async fn while_nobody_asks_nothing_is_held() {
    let edge = Edge::new();
    edge.post_event(&[], with_id(ID, custom("a"))).await;
    let body = json!({"debug": "yes", "events": [with_id(OTHER_ID, custom("a"))]}).to_string();
    assert_eq!(edge.post(EVENTS, &[], body).await.status, StatusCode::ACCEPTED);
    assert_eq!((edge.ingest.verdicts().held(), edge.ingest.verdicts().is_following()), (0, false));
}

#[tokio::test]
async fn questions_are_limited_per_address_as_deliveries_are() {
    let limit = weir_ingest::RateLimit {
        events_per_second: std::num::NonZeroU32::MIN,
        burst_events: std::num::NonZeroU32::MIN,
    };
    let edge = Edge::with(
        IngestConfig { rate_limit: Some(limit), ..IngestConfig::default() },
        QueueOptions::default(),
    );
    let ask = || {
        let request = Request::get("/x/api/v1/events?ids=x").header("x-forwarded-for", "192.0.2.1");
        edge.send(request.body(Body::empty()).expect("a request"))
    };
    assert_eq!(ask().await.status, StatusCode::OK);
    let refused = ask().await;
    assert_eq!(
        (refused.status, &refused.json()["reason"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("rate_limited"))
    );
}
