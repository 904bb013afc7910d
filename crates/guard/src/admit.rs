//! From a delivery's bytes to admitted events.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use serde_json::{Map, Value, json};
use tower::ServiceExt;
use weir_event::{Event, Kind, Millis};
use weir_ingest::{Ingest, IngestConfig, routes};
use weir_testkit::TestClock;

use crate::folder::{DOMAIN, TODAY, now, queue, registry, site};
use crate::traffic::{Traffic, address};

const EVENTS_PER_DELIVERY: usize = 10;
const EVENTS_PER_DAY: usize = 50_000;
/// The most that a run may ask for.
pub(crate) const EVENTS_MAX: usize = 11_000;

pub(crate) fn prepare(folder: &Path, _units: usize) -> anyhow::Result<()> {
    site(&registry(folder)?)?;
    queue(folder)?.close();
    Ok(())
}

/// The queue is closed: it takes the rows' encoding and says no, so that the answer is 503. Whatever
/// happens before that is what a delivery costs the edge.
pub(crate) fn run(folder: &Path, events: usize) -> anyhow::Result<()> {
    let registry = registry(folder)?;
    let site = site(&registry)?;
    let queue = queue(folder)?;
    queue.close();
    let clock = Arc::new(TestClock::at(now()));
    let ingest = Ingest::new(queue, registry, clock, IngestConfig::default());
    let router = routes(ingest.clone());
    let all: Vec<Event> = Traffic::new(&site, TODAY, EVENTS_PER_DAY).take(EVENTS_MAX).collect();
    // All of them whatever their number to send, so that making them costs the same in every run.
    let requests = all.chunks(EVENTS_PER_DELIVERY).enumerate().map(|(n, delivery)| request(n, delivery));
    let mut requests: Vec<Request<Body>> = requests.collect::<anyhow::Result<_>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for request in requests.drain(..events / EVENTS_PER_DELIVERY) {
        let status = runtime.block_on(send(&router, request))?;
        ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "answered {status}");
    }
    let gauges = ingest.gauges();
    let deliveries = (events / EVENTS_PER_DELIVERY) as u64;
    let is_as_meant = (gauges.not_written, gauges.dropped_events) == (deliveries, 0);
    ensure!(is_as_meant, "other work than was meant: {gauges:?}");
    Ok(())
}

async fn send(router: &Router, request: Request<Body>) -> anyhow::Result<StatusCode> {
    Ok(router.clone().oneshot(request).await?.status())
}

/// A delivery by a reverse proxy on the same machine.
fn request(n: usize, events: &[Event]) -> anyhow::Result<Request<Body>> {
    let body = json!({ "sentAt": now().0, "events": events.iter().map(event).collect::<Vec<_>>() });
    let mut request = Request::post("/x/api/v1/events")
        .header(header::ORIGIN, format!("https://{DOMAIN}"))
        .header(header::USER_AGENT, &events[0].user_agent)
        .header("x-forwarded-for", address(n))
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(body.to_string()))?;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
    Ok(request)
}

/// As the tracker sends it.
fn event(event: &Event) -> Value {
    let mut body = Map::new();
    let tag = if event.utm.source.is_empty() { "" } else { "?utm_source=news&utm_medium=email" };
    body.insert("id".to_owned(), json!(event.id.to_string()));
    body.insert("timestamp".to_owned(), json!(now().0 - 200 * (event.time.0 % 10) - Millis::SECOND));
    body.insert("url".to_owned(), json!(format!("https://{}{}{tag}", event.host, event.path)));
    if let Some(referrer) = &event.referrer {
        body.insert("referrer".to_owned(), json!(format!("https://{}{}", referrer.host, referrer.path)));
    }
    let kind = match event.kind {
        Kind::PageView => "pageview",
        Kind::Engagement => "engagement",
        Kind::Custom | Kind::Passive => "event",
    };
    body.insert("type".to_owned(), json!(kind));
    if kind == "event" {
        body.insert("name".to_owned(), json!(event.name));
        body.insert("props".to_owned(), json!({ "plan": "large", "seats": 3 }));
    }
    if event.kind == Kind::Engagement {
        body.insert("engaged".to_owned(), json!(event.engaged_ms));
    }
    Value::Object(body)
}
