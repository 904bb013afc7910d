use axum::body::{Body, BodyDataStream};
use axum::http::Method;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use weir_dashboard::Arrival;
use weir_event::{EventId, Kind, Reason, SiteId, Verdict, limits};
use weir_verdicts::{Fate, Seen, Sighting, Who};

use crate::house::{House, NOON, request};

const PATH: &str = "/api/verdicts";
const FIREFOX: &str = "Firefox";
const ID: EventId = EventId([7; 16]);

struct Stream {
    body: BodyDataStream,
    read: String,
}

impl Stream {
    async fn open(house: &House, cookie: &str) -> Self {
        let arrival = Arrival { client: [192, 0, 2, 1].into(), https: false };
        let request = request(Method::GET, PATH, cookie).header("user-agent", FIREFOX).extension(arrival);
        let response = house.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        let mut stream = Self { body: response.into_body().into_data_stream(), read: String::new() };
        assert_eq!(stream.next().await, Some(("hello".to_owned(), json!({}))));
        stream
    }

    /// The next message, comments left out; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.read.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.read = rest;
                if !message.starts_with(':') {
                    let field =
                        |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                    return Some((
                        field("event: ").to_owned(),
                        serde_json::from_str(field("data: ")).unwrap(),
                    ));
                }
                continue;
            }
            self.read += std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap();
        }
    }

    async fn next_verdict(&mut self) -> Value {
        loop {
            let (name, data) = self.next().await.unwrap();
            match name.as_str() {
                "now" => {}
                "verdict" => return data,
                other => panic!("{other}"),
            }
        }
    }
}

fn me(house: &House) -> Who {
    house.verdicts.who([192, 0, 2, 1].into(), FIREFOX.as_bytes())
}

/// As the edge says it of an event that is taken.
fn deliver(house: &House, who: Who, site: SiteId) {
    let (url, name) = ("https://a.test/x".to_owned(), "signup".to_owned());
    let sighting = Sighting { id: Some(ID), site: Some(site), kind: Kind::Custom, url, name };
    let seen = vec![Seen { sighting, refused: None }];
    house.verdicts.begin(Some(who), &seen);
    house.verdicts.answered(Some(who), seen);
}

#[tokio::test]
async fn an_owner_sees_what_becomes_of_the_events_of_their_own_browser() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("a.test");
    let mut stream = Stream::open(&house, &cookie).await;
    assert!(house.verdicts.is_watched(me(&house)));
    deliver(&house, house.verdicts.who([192, 0, 2, 1].into(), b"another"), site);
    deliver(&house, me(&house), site);
    let event = stream.next_verdict().await;
    let n = event["n"].clone();
    assert_eq!(
        event,
        json!({"n": n, "at": NOON.to_string(), "id": ID.to_string(), "site": "a.test", "kind": "event",
            "url": "https://a.test/x", "name": "signup", "verdict": "waiting",
            "words": "Accepted, and waiting to be counted"})
    );
    house.verdicts.settle(&[(ID, Fate::of(Verdict::Stored))]);
    assert_eq!(stream.next_verdict().await, json!({"n": n, "verdict": "stored", "words": "Counted"}));
    house.verdicts.refused(me(&house), Reason::RateLimited);
    let delivery = stream.next_verdict().await;
    assert_eq!((&delivery["kind"], &delivery["verdict"]), (&json!("delivery"), &json!("rate_limited")));
}

#[tokio::test]
async fn only_a_person_who_is_logged_in_may_watch() {
    let (house, _) = House::with_owner();
    house.add_site("a.test");
    let token = house.token("all", None);
    house.get(PATH, "").await.refused(401);
    house.get(PATH, &token).await.refused(401);
    House::demo().get(PATH, "").await.refused(403);
    assert!(!house.verdicts.is_watching());
}

#[tokio::test]
async fn a_watch_ends_with_the_page_that_opened_it() {
    let (house, cookie) = House::with_owner();
    let stream = Stream::open(&house, &cookie).await;
    assert!(house.verdicts.is_watching());
    drop(stream);
    while house.verdicts.is_watching() {
        tokio::task::yield_now().await;
    }
}

/// Time stands still until all wait.
#[tokio::test(start_paused = true)]
async fn a_watch_ends_by_itself_after_a_while_and_says_so() {
    let (house, cookie) = House::with_owner();
    let began = tokio::time::Instant::now();
    let mut stream = Stream::open(&house, &cookie).await;
    let mut last = None;
    while let Some((name, _)) = stream.next().await {
        last = Some(name);
    }
    assert_eq!(last.as_deref(), Some("end"));
    assert!(began.elapsed().as_millis() >= u128::from(limits::WATCH_MS_MAX));
    assert!(!house.verdicts.is_watching());
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_the_session_that_opened_it() {
    let (house, cookie) = House::with_owner();
    let mut stream = Stream::open(&house, &cookie).await;
    house.post("/api/logout", &cookie, json!({})).await;
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn one_browser_more_than_may_is_asked_to_come_back() {
    let (house, cookie) = House::with_owner();
    let watches: Vec<_> =
        (0..limits::WATCHES_MAX).map(|_| house.verdicts.watch(me(&house)).ok().unwrap()).collect();
    house.get(PATH, &cookie).await.refused(503);
    drop(watches);
    Stream::open(&house, &cookie).await;
}
