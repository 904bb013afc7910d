use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt;
use weir_event::{Clock, Event, Millis, Reason, Seq, Zone};
use weir_ingest::{Ingest, IngestConfig, deliver_directly, is_delivery, routes};
use weir_queue::{Entry, Queue, QueueOptions};
use weir_registry::Registry;
use weir_testkit::TestClock;

/// 2026-05-28T20:26:40Z
pub const NOW: Millis = Millis(1_780_000_000_000);
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 4711);
pub const EVENTS: &str = "/x/api/v1/events";
pub const BEACON: &str = "/x/api/v1/events/beacon";
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A server's edge in a folder of its own, with the sites example.com and other.example, both in UTC.
pub struct Edge {
    pub clock: TestClock,
    pub queue: Queue,
    pub registry: Registry,
    pub ingest: Ingest,
    pub router: Router,
    _folder: tempfile::TempDir,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Edge {
    pub fn new() -> Self {
        Self::with(IngestConfig::default(), QueueOptions::default())
    }

    pub fn with(config: IngestConfig, options: QueueOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = TestClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let queue = Queue::open(&folder.path().join("queue.db"), options).expect("a queue");
        let registry = Registry::open(folder.path(), Arc::clone(&shared)).expect("a registry");
        for domain in ["example.com", "other.example"] {
            registry.add_site(domain, &Zone::utc()).expect("a site");
        }
        let ingest = Ingest::new(queue.clone(), registry.clone(), shared, config);
        let router = routes(ingest.clone());
        Self { clock, queue, registry, ingest, router, _folder: folder }
    }

    /// Sends a request from loopback, where a trusted proxy would be, the way that the server takes it.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        if is_delivery(&request) {
            return Answer::of(deliver_directly(&self.ingest, PEER.into(), request).await).await;
        }
        self.send_to_router(request).await
    }

    /// The same, whatever it is.
    pub async fn send_to_router(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(PEER)));
        Answer::of(self.router.clone().oneshot(request).await.expect("infallible")).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path);
        if !headers.iter().any(|(name, _)| *name == "user-agent") {
            request = request.header("user-agent", FIREFOX);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// Sends one event in the batch form.
    pub async fn post_event(&self, headers: &[(&str, &str)], event: Value) -> Answer {
        self.post(EVENTS, headers, json!({"events": [event]}).to_string()).await
    }

    /// All events on disk, in order.
    pub fn stored(&self) -> Vec<Event> {
        let mut reader = self.queue.reader().expect("a reader");
        let rows = reader.pending(Seq(0), 10_000).expect("rows");
        let event = |row: &weir_queue::Row| match row.decode().expect("a row of ours") {
            Entry::Event(event) => *event,
            Entry::Control(control) => panic!("no event: {control:?}"),
        };
        rows.iter().map(event).collect()
    }

    pub fn only_stored(&self) -> Event {
        let mut stored = self.stored();
        assert_eq!(stored.len(), 1, "events on disk");
        stored.remove(0)
    }

    /// How often the reason was counted, for any site or none.
    pub fn counted(&self, reason: Reason) -> u64 {
        let all = self.registry.refusals().expect("counts");
        all.iter().filter(|refusals| refusals.reason == reason).map(|refusals| refusals.n).sum()
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let answer = Self { status: head.status, headers: head.headers, text };
        answer.check_headers();
        answer
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// What every answer has, so that a page on another origin can read it.
    fn check_headers(&self) {
        assert_eq!(self.header("access-control-allow-origin"), "*", "{self:?}");
        assert_eq!(self.header("access-control-expose-headers"), "Retry-After", "{self:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        assert!(!self.headers.contains_key("set-cookie"), "{self:?}");
    }
}

pub fn page_view(url: &str) -> Value {
    json!({"type": "pageview", "url": url, "timestamp": NOW.0})
}

pub fn custom(name: &str) -> Value {
    json!({"type": "event", "url": "https://example.com/", "timestamp": NOW.0, "name": name})
}
