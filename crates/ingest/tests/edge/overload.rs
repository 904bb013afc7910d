use std::num::NonZeroU32;

use axum::http::StatusCode;
use serde_json::json;
use weir_event::{Reason, limits};
use weir_ingest::{IngestConfig, RateLimit};
use weir_queue::{Limit, QueueOptions};

use crate::harness::{Answer, EVENTS, Edge, page_view};

/// The wait stands in the header and, the same, in the body.
fn check_come_back(answer: &Answer, status: StatusCode, reason: Reason) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json()["reason"], reason.name());
    let secs: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=u64::from(limits::RETRY_AFTER_SECS_MAX)).contains(&secs), "{secs}");
    assert_eq!(answer.json()["retryAfter"], secs);
}

#[tokio::test]
async fn without_a_permit_the_sender_is_told_to_come_back() {
    let edge = Edge::with(IngestConfig { permits: 0, ..IngestConfig::default() }, QueueOptions::default());
    let answer = edge.post_event(&[], page_view("https://example.com/")).await;
    check_come_back(&answer, StatusCode::SERVICE_UNAVAILABLE, Reason::Overloaded);
    assert_eq!((edge.stored().len(), edge.counted(Reason::Overloaded)), (0, 1));
    assert_eq!((edge.ingest.gauges().overloaded, edge.ingest.gauges().without_permit), (1, 1));
}

#[tokio::test]
async fn a_permit_is_given_back_with_the_answer() {
    let edge = Edge::with(IngestConfig { permits: 1, ..IngestConfig::default() }, QueueOptions::default());
    for body in ["nonsense".to_owned(), json!({"events": [page_view("https://example.com/")]}).to_string()] {
        edge.post(EVENTS, &[], body).await;
        assert_eq!(edge.ingest.gauges().in_work, 0);
    }
    assert_eq!(edge.stored().len(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_the_whole_delivery() {
    let options = QueueOptions { backlog_events_max: 3, site_share_max: 1.0, ..QueueOptions::default() };
    let edge = Edge::with(IngestConfig::default(), options);
    let of = |n| json!({"events": vec![page_view("https://example.com/"); n]}).to_string();
    assert_eq!(edge.post(EVENTS, &[], of(2)).await.status, StatusCode::ACCEPTED);
    let answer = edge.post(EVENTS, &[], of(2)).await;
    check_come_back(&answer, StatusCode::SERVICE_UNAVAILABLE, Reason::Overloaded);
    assert_eq!((edge.stored().len(), edge.counted(Reason::Overloaded)), (2, 2));
    assert_eq!(edge.post(EVENTS, &[], of(1)).await.status, StatusCode::ACCEPTED, "there is room for one");
}

#[tokio::test]
async fn those_who_are_refused_together_are_told_different_times() {
    let no_permit = IngestConfig { permits: 0, ..IngestConfig::default() };
    let empty = QueueOptions { backlog_events_max: 0, ..QueueOptions::default() };
    // Where nothing was settled yet nobody can tell, so the longest waits are given; a permit is a
    // matter of moments.
    for (config, options, window) in
        [(no_permit, QueueOptions::default(), 1..=3), (IngestConfig::default(), empty, 15..=30)]
    {
        let edge = Edge::with(config, options);
        let mut told = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let answer = edge.post_event(&[], page_view("https://example.com/")).await;
            check_come_back(&answer, StatusCode::SERVICE_UNAVAILABLE, Reason::Overloaded);
            told.insert(answer.json()["retryAfter"].as_u64().expect("seconds"));
        }
        assert_eq!(told, window.collect(), "every second of the window");
    }
}

#[tokio::test]
async fn a_full_queue_refuses_before_it_looks() {
    let options = QueueOptions { backlog_events_max: 0, ..QueueOptions::default() };
    let edge = Edge::with(IngestConfig::default(), options);
    let answer = edge.post(EVENTS, &[], "nonsense").await;
    check_come_back(&answer, StatusCode::SERVICE_UNAVAILABLE, Reason::Overloaded);
    assert_eq!(edge.queue.gauges().refused.by(Limit::Backlog), 1);
    let of = |reason| edge.ingest.refused_events(reason);
    assert_eq!((of(Reason::Overloaded), of(Reason::Malformed)), (1, 0));
    assert_eq!(edge.ingest.gauges().without_permit, 0);
}

#[tokio::test]
async fn a_closed_queue_acknowledges_nothing() {
    let edge = Edge::new();
    edge.queue.close();
    let answer = edge.post_event(&[], page_view("https://example.com/")).await;
    check_come_back(&answer, StatusCode::SERVICE_UNAVAILABLE, Reason::Overloaded);
}

#[tokio::test]
async fn one_address_can_not_take_more_than_its_share() {
    let limit = RateLimit {
        events_per_second: NonZeroU32::MIN,
        burst_events: const { NonZeroU32::new(100).expect("not zero") },
    };
    let edge = Edge::with(
        IngestConfig { rate_limit: Some(limit), ..IngestConfig::default() },
        QueueOptions::default(),
    );
    let hundred = json!({"events": vec![page_view("https://example.com/"); 100]}).to_string();
    let sender = [("x-forwarded-for", "193.0.6.139")];
    assert_eq!(edge.post(EVENTS, &sender, hundred.clone()).await.status, StatusCode::ACCEPTED);
    let answer = edge.post(EVENTS, &sender, hundred.clone()).await;
    check_come_back(&answer, StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited);
    assert_eq!((edge.stored().len(), edge.counted(Reason::RateLimited)), (100, 100));
    assert_eq!(edge.ingest.gauges().rate_limited, 1);
    let neighbour = [("x-forwarded-for", "193.0.6.140")];
    assert_eq!(edge.post(EVENTS, &neighbour, hundred.clone()).await.status, StatusCode::ACCEPTED);
    // The proxy's own address says nothing about the visitor.
    for _ in 0..2 {
        assert_eq!(edge.post(EVENTS, &[], hundred.clone()).await.status, StatusCode::ACCEPTED);
    }
}

#[tokio::test]
async fn an_address_of_a_content_network_is_noticed_and_not_limited() {
    let limit = RateLimit { events_per_second: NonZeroU32::MIN, burst_events: NonZeroU32::MIN };
    let edge = Edge::with(
        IngestConfig { rate_limit: Some(limit), ..IngestConfig::default() },
        QueueOptions::default(),
    );
    for _ in 0..3 {
        let answer =
            edge.post_event(&[("x-forwarded-for", "172.70.1.1")], page_view("https://example.com/")).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    assert_eq!(edge.ingest.gauges().from_cdn, 3);
}
