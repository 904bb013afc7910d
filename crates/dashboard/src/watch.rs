//! What becomes of the events of one browser: the one that asks.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use weir_event::{Kind, Verdict, limits};
use weir_verdicts::{Fate, Sighting, Told, Watch};

use crate::Dashboard;
use crate::answer::{ApiError, ErrorBody};
use crate::caller::{Credential, Owner, client_address};
use crate::streams::StreamPlace;

const RETRY_AFTER_SECS: u32 = 30;

/// An event, or news of one: what is not said is as it was.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerdictMessage {
    /// The same for all that is said of one event.
    n: u64,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The site's domain; none of an event that no site has.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    /// `pageview`, `event`, `engagement`, or `delivery`: all that was sent at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The page, without query and fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `waiting`, `stored`, `duplicate`, `expired`, `dead`, or a reason as in the ledger.
    verdict: &'static str,
    words: String,
}

/// Server-sent events: `hello` once, `verdict` for each event that comes from the caller's IP address
/// with its user agent and for what becomes of it, `now` every 10 seconds. Ends after 10 minutes with
/// `end`. Nothing is kept: only what comes meanwhile is told.
#[utoipa::path(get, path = "/api/verdicts", tag = "query", responses(
    (status = 200, body = VerdictMessage, content_type = "text/event-stream"),
    (status = 401, body = ErrorBody, description = "It takes a login; no token will do"),
    (status = 403, body = ErrorBody, description = "The demo shows nobody's events"),
    (status = 429, body = ErrorBody, description = "This login has too many live views open"),
    (status = 503, body = ErrorBody, description = "Too many live views are open")))]
pub(crate) async fn verdicts(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    owner: Owner,
) -> Result<Response, ApiError> {
    let credential = Credential::Session(owner.token);
    let place = dashboard.shared.streams.take(&credential)?;
    let agent = headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
    let who = dashboard.verdicts.who(client_address(&extensions), agent);
    let watch = dashboard.verdicts.watch(who);
    let watch =
        watch.map_err(|_| ApiError::busy("Too many browsers are watched: try again", RETRY_AFTER_SECS))?;
    let (messages, stream) = mpsc::channel(1);
    let view = View { dashboard, watch, credential };
    tokio::spawn(view.run(messages, place));
    let ping = KeepAlive::new().interval(Duration::from_millis(limits::STREAM_PING_INTERVAL_MS)).text("ping");
    // nginx would hold the messages back until its buffer is full.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((AppendHeaders(unbuffered), Sse::new(ReceiverStream::new(stream)).keep_alive(ping)).into_response())
}

type Messages = mpsc::Sender<Result<Event, Infallible>>;

struct View {
    dashboard: Dashboard,
    watch: Watch,
    credential: Credential,
}

impl View {
    /// Goes on until the browser leaves, the server stops, the caller may no longer read, or it has
    /// been long enough: a page that somebody has forgotten must not watch for ever.
    async fn run(mut self, messages: Messages, _place: StreamPlace) {
        let mut closing = self.dashboard.shared.closing.subscribe();
        let left = messages.clone();
        tokio::select! {
            () = left.closed() => {}
            _ = closing.wait_for(|closing| *closing) => {}
            () = self.follow(&messages) => {}
            () = end(&messages) => {}
        }
    }

    async fn follow(&mut self, messages: &Messages) {
        let every = Duration::from_millis(limits::STREAM_NOW_INTERVAL_MS);
        let mut now = interval_at(Instant::now() + every, every);
        now.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let plain = |name: &str| Event::default().event(name).data("{}");
        let mut next = Some(plain("hello"));
        loop {
            if let Some(message) = next.take()
                && messages.send(Ok(message)).await.is_err()
            {
                return;
            }
            next = tokio::select! {
                told = self.watch.next() => {
                    let Some(told) = told else { return };
                    self.message(told)
                }
                _ = now.tick() => {
                    if !self.may_still_read().await {
                        return;
                    }
                    Some(plain("now"))
                }
            };
        }
    }

    fn message(&self, told: Told) -> Option<Event> {
        let message = match told {
            Told::Event { n, at, sighting, fate } => {
                let at = Some(at.to_string());
                VerdictMessage { at, ..self.of_sighting(n, sighting, &fate) }
            }
            Told::Fate { n, fate } => VerdictMessage::news(n, &fate),
            Told::Delivery { n, at, reason } => {
                let (at, kind) = (Some(at.to_string()), Some("delivery"));
                VerdictMessage { at, kind, ..VerdictMessage::news(n, &Fate::of(Verdict::Not(reason))) }
            }
        };
        Event::default().event("verdict").json_data(message).ok()
    }

    fn of_sighting(&self, n: u64, sighting: Sighting, fate: &Fate) -> VerdictMessage {
        let Sighting { id, site, kind, url, name } = sighting;
        let site = site.and_then(|site| self.dashboard.registry.site_by_id(site));
        let kind = match kind {
            Kind::PageView => "pageview",
            Kind::Custom | Kind::Passive => "event",
            Kind::Engagement => "engagement",
        };
        VerdictMessage {
            id: id.map(|id| id.to_string()),
            site: site.map(|site| site.domain.clone()),
            kind: Some(kind),
            url: Some(url),
            name: Some(name),
            ..VerdictMessage::news(n, fate)
        }
    }

    async fn may_still_read(&self) -> bool {
        let credential = self.credential.clone();
        let access = self.dashboard.off_thread(move |dashboard| Ok(credential.access(dashboard)));
        matches!(access.await, Ok(Some(_)))
    }
}

async fn end(messages: &Messages) {
    sleep(Duration::from_millis(limits::WATCH_MS_MAX)).await;
    let _ = messages.send(Ok(Event::default().event("end").data("{}"))).await;
}

impl VerdictMessage {
    fn news(n: u64, fate: &Fate) -> Self {
        let (verdict, words) = (fate.verdict.name(), fate.words());
        Self { n, at: None, id: None, site: None, kind: None, url: None, name: None, verdict, words }
    }
}
