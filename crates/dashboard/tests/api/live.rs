use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Method;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use weir_event::{SiteId, limits};

use crate::house::{House, request};

struct Stream {
    body: BodyDataStream,
    read: String,
}

impl Stream {
    async fn open(house: &House, site: &str, credential: &str) -> Self {
        let path = format!("/api/live?site_id={site}");
        let request = request(Method::GET, &path, credential).header("accept-encoding", "gzip, br");
        let response = house.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Self { body: response.into_body().into_data_stream(), read: String::new() }
    }

    /// The next message, comments left out; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.read.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.read = rest;
                if !message.starts_with(':') {
                    return Some(parse(&message));
                }
                continue;
            }
            self.read += std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap();
        }
    }
}

fn parse(message: &str) -> (String, Value) {
    let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    (field("event: ").to_owned(), serde_json::from_str(field("data: ")).unwrap())
}

fn touch(house: &House, site: SiteId) {
    house.commits.send_modify(|commit| commit.touch([site]));
}

#[tokio::test]
async fn a_commit_is_told_with_the_figures_of_that_moment() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("a.test");
    let mut stream = Stream::open(&house, "a.test", &cookie).await;
    let nothing_yet = json!({"visitors_now": 0, "complete_until": "2026-06-01T12:00:00.000Z", "pending": 0});
    assert_eq!(stream.next().await, Some(("hello".to_owned(), nothing_yet)));

    let last = house.receive(site, 0, 3);
    house.clock.advance_ms(60_000);
    touch(&house, site);
    let (name, data) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), &data["pending"]), ("change", &json!(3)));

    house.store_events(site, 3, last);
    house.commits.send_modify(weir_dashboard::Commit::touch_all);
    let (name, data) = stream.next().await.unwrap();
    assert_eq!(name, "change");
    assert_eq!(data["pending"], 0);
    assert_eq!(data["complete_until"], "2026-06-01T12:01:00.000Z");
}

#[tokio::test]
async fn while_events_wait_the_figures_say_how_far_they_go() {
    let house = House::demo();
    let site = house.add_site("a.test");
    let first = house.receive(site, 0, 1);
    house.store_events(site, 1, first);
    house.receive(site, 1, 2);
    house.clock.advance_ms(60_000);
    let (_, data) = Stream::open(&house, "a.test", "").await.next().await.unwrap();
    assert_eq!((&data["pending"], &data["complete_until"]), (&json!(2), &json!("2026-06-01T12:00:00.000Z")));
}

/// Time stands still until all wait: the next message after another site's commit is that of the clock.
#[tokio::test(start_paused = true)]
async fn a_commit_of_another_site_is_not_told() {
    let house = House::demo();
    let (site, other) = (house.add_site("a.test"), house.add_site("b.test"));
    let mut stream = Stream::open(&house, "a.test", "").await;
    assert_eq!(stream.next().await.unwrap().0, "hello");
    touch(&house, other);
    assert_eq!(stream.next().await.unwrap().0, "now");
    touch(&house, site);
    assert_eq!(stream.next().await.unwrap().0, "change");
}

#[tokio::test(start_paused = true)]
async fn many_commits_are_few_messages_and_silence_is_broken() {
    let house = House::demo();
    let site = house.add_site("a.test");
    let mut stream = Stream::open(&house, "a.test", "").await;
    assert_eq!(stream.next().await.unwrap().0, "hello");

    let began = tokio::time::Instant::now();
    for _ in 0..8 {
        touch(&house, site);
        assert_eq!(stream.next().await.unwrap().0, "change");
    }
    let gap = Duration::from_millis(limits::STREAM_GAP_MS_MIN);
    assert!(began.elapsed() >= gap * 7, "{:?}", began.elapsed());

    assert_eq!(stream.next().await.unwrap().0, "now");
    assert!(began.elapsed() >= Duration::from_millis(limits::STREAM_NOW_INTERVAL_MS));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_session_that_opened_it() {
    let (house, cookie) = House::with_owner();
    house.add_site("a.test");
    let mut stream = Stream::open(&house, "a.test", &cookie).await;
    assert_eq!(stream.next().await.unwrap().0, "hello");
    assert_eq!(stream.next().await.unwrap().0, "now");
    house.post("/api/logout", &cookie, json!({})).await;
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_site() {
    let house = House::demo();
    house.add_site("a.test");
    let mut stream = Stream::open(&house, "a.test", "").await;
    assert_eq!(stream.next().await.unwrap().0, "hello");
    house.registry.remove_site("a.test").unwrap();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn closing_ends_every_stream() {
    let house = House::demo();
    house.add_site("a.test");
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(Stream::open(&house, "a.test", "").await);
    }
    house.dashboard.close();
    for mut stream in streams {
        // Whether it was greeted before is a matter of luck.
        while let Some((name, _)) = stream.next().await {
            assert_eq!(name, "hello");
        }
    }
    let mut late = Stream::open(&house, "a.test", "").await;
    while late.next().await.is_some() {}
}

#[tokio::test]
async fn no_more_streams_are_open_than_allowed_and_one_that_is_left_makes_room() {
    let house = House::demo();
    house.add_site("a.test");
    let mut streams = Vec::new();
    for _ in 0..limits::STREAMS_MAX {
        streams.push(Stream::open(&house, "a.test", "").await);
    }
    let refused = house.get("/api/live?site_id=a.test", "").await;
    refused.refused(503);
    assert!(!refused.header("retry-after").is_empty());

    streams.pop();
    let request = || request(Method::GET, "/api/live?site_id=a.test", "").body(Body::empty()).unwrap();
    while house.open(request()).await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_token_can_not_take_everybody_s_places() {
    let (house, cookie) = House::with_owner();
    house.add_site("a.test");
    let (greedy, other) = (house.token("greedy", None), house.token("other", None));
    let mut streams = Vec::new();
    for _ in 0..limits::STREAMS_PER_CREDENTIAL_MAX {
        streams.push(Stream::open(&house, "a.test", &greedy).await);
    }
    let refused = house.get("/api/live?site_id=a.test", &greedy).await;
    assert!(refused.refused(429).contains("20 live views"), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "30");
    for credential in [&other, &cookie] {
        streams.push(Stream::open(&house, "a.test", credential).await);
    }
    streams.remove(0);
    let request = || request(Method::GET, "/api/live?site_id=a.test", &greedy).body(Body::empty()).unwrap();
    while house.open(request()).await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stream_needs_a_site() {
    let (house, cookie) = House::with_owner();
    house.get("/api/live", &cookie).await.refused(400);
    house.get("/api/live?site_id=nothing.test", &cookie).await.refused(404);
}
