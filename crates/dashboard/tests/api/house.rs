use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;
use weir_checkup::Reach;
use weir_dashboard::{Commit, Dashboard, DashboardParts, Health, HealthCheck, OwnPaths, routes};
use weir_event::{Millis, QueueDay, Seq, SiteId, Zone};
use weir_queue::{Entry, Queue, QueueOptions};
use weir_registry::Registry;
use weir_store::{BookEntry, Checkpoint, Store};
use weir_testkit::{TestClock, page_view};
use weir_verdicts::Verdicts;

/// 2026-06-01T12:00:00Z
pub const NOON: Millis = Millis(1_780_315_200_000);
pub const HOST: &str = "stats.test";
pub const EMAIL: &str = "owner@example.com";
pub const PASSWORD: &str = "correct horse battery";

pub struct House {
    pub registry: Registry,
    pub queue: Queue,
    pub store: Mutex<Store>,
    pub clock: TestClock,
    pub verdicts: Verdicts,
    pub commits: watch::Sender<Commit>,
    pub health: Arc<Mutex<Health>>,
    pub health_looks: Arc<AtomicU64>,
    pub dashboard: Dashboard,
    router: Router,
    _folder: TempDir,
}

/// What differs between houses.
#[derive(Default)]
pub struct Plan {
    pub demo: bool,
    pub public_url: Option<&'static str>,
    pub reach: Option<Reach>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl House {
    pub fn new() -> Self {
        Self::planned(Plan::default())
    }

    pub fn demo() -> Self {
        Self::planned(Plan { demo: true, ..Plan::default() })
    }

    pub fn planned(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::at(NOON);
        let registry = Registry::open(folder.path(), Arc::new(clock.clone())).unwrap();
        let queue = Queue::open(&folder.path().join("queue.db"), options()).unwrap();
        let store = Store::open(&folder.path().join("weir.db")).unwrap();
        let (commits, watched) = watch::channel(Commit::default());
        let health = Arc::new(Mutex::new(Health { database_ok: true, checks: vec![check("queue", true)] }));
        let health_looks = Arc::new(AtomicU64::new(0));
        let verdicts = Verdicts::new(Arc::new(clock.clone()));
        let (seen, looks) = (health.clone(), health_looks.clone());
        let dashboard = Dashboard::new(DashboardParts {
            registry: registry.clone(),
            store: store.reader(),
            queue: queue.clone(),
            commits: watched,
            verdicts: verdicts.clone(),
            clock: Arc::new(clock.clone()),
            demo: plan.demo,
            public_url: plan.public_url.map(str::to_owned),
            own_paths: OwnPaths::default(),
            reach: plan.reach.unwrap_or_else(Reach::public),
            health: Arc::new(move || {
                looks.fetch_add(1, Ordering::SeqCst);
                seen.lock().unwrap().clone()
            }),
            metrics: Arc::new(|streams| format!("open {} of {}\n", streams.open, streams.open_max)),
        });
        let router = routes(dashboard.clone());
        let store = Mutex::new(store);
        Self {
            registry,
            queue,
            store,
            clock,
            verdicts,
            commits,
            health,
            health_looks,
            dashboard,
            router,
            _folder: folder,
        }
    }

    /// With an owner, who is logged in: the second is the cookie to send.
    pub fn with_owner() -> (Self, String) {
        Self::planned_with_owner(Plan::default())
    }

    pub fn planned_with_owner(plan: Plan) -> (Self, String) {
        let house = Self::planned(plan);
        house.registry.add_user(EMAIL, PASSWORD).unwrap();
        let session = house.registry.login(EMAIL, PASSWORD).unwrap().unwrap();
        (house, format!("weir_session={}", session.token))
    }

    pub fn add_site(&self, domain: &str) -> SiteId {
        self.registry.add_site(domain, &Zone::utc()).unwrap().id
    }

    /// A token for one site, or for all.
    pub fn token(&self, name: &str, site: Option<&str>) -> String {
        format!("Bearer {}", self.registry.create_token(name, site).unwrap().token)
    }

    /// Receives `n` page views of the site now; the last one's number.
    pub fn receive(&self, site: SiteId, first: u64, n: u64) -> Seq {
        let view = |i| Entry::Event(Box::new(page_view(first + i, site, i, NOON)));
        let views = (0..n).map(view).collect();
        // On a thread of its own: waiting for the disk must not hold up a runtime.
        std::thread::scope(|scope| scope.spawn(|| self.queue.append_blocking(views)).join().unwrap()).unwrap()
    }

    /// Books `n` events of the site as stored and moves the checkpoint, as the processor does.
    pub fn store_events(&self, site: SiteId, n: i64, up_to: Seq) {
        let mut store = self.store.lock().unwrap();
        let mut reader = self.queue.reader().unwrap();
        let queue = reader.openings().unwrap().last().unwrap().queue;
        let of = QueueDay { queue, site, day: Zone::utc().day_of(NOON) };
        let received = reader.received(&[of]).unwrap()[0];
        let mut batch = store.begin().unwrap();
        batch.book(site, of.day, BookEntry::Stored, n).unwrap();
        batch.take(of, received, n.cast_unsigned()).unwrap();
        batch.advance(Checkpoint { queue, seq: up_to, received: NOON }).unwrap();
        batch.commit().unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The answer with its body still open.
    pub async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str, credential: &str) -> Answer {
        self.send(request(Method::GET, path, credential).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, credential: &str, body: Value) -> Answer {
        self.send(json_request(Method::POST, path, credential, &body)).await
    }

    pub async fn delete(&self, path: &str, credential: &str) -> Answer {
        self.send(request(Method::DELETE, path, credential).body(Body::empty()).unwrap()).await
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts an error of this status, with a sentence.
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        let body = self.json();
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        body["error"].as_str().unwrap().to_owned()
    }

    /// Asserts success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }

    /// The cookie as a browser would send it back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

/// A request as a page of this server makes it. `credential` is a cookie, `Bearer ...`, or nothing.
pub fn request(method: Method, path: &str, credential: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
    let request = request.header("sec-fetch-site", "same-origin");
    match credential {
        "" => request,
        token if token.starts_with("Bearer ") => request.header(header::AUTHORIZATION, token),
        cookie => request.header(header::COOKIE, cookie),
    }
}

pub fn json_request(method: Method, path: &str, credential: &str, body: &Value) -> Request<Body> {
    let request = request(method, path, credential).header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

pub fn check(name: &str, ok: bool) -> HealthCheck {
    HealthCheck { name: name.to_owned(), ok, detail: format!("{name} was looked at.") }
}

pub fn login_body() -> Value {
    json!({"email": EMAIL, "password": PASSWORD})
}

fn options() -> QueueOptions {
    // The disk of a test machine may be nearly full.
    QueueOptions { disk_reserve_bytes: 0, ..QueueOptions::default() }
}
