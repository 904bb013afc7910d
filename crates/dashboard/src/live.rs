//! Live updates: a stream per open view that says when its site's figures have changed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use weir_event::{SiteId, limits};
use weir_registry::Access;

use crate::Dashboard;
use crate::answer::{ApiError, ErrorBody};
use crate::caller::{Credential, Reader};
use crate::freshness::Freshness;
use crate::streams::StreamPlace;

/// What the store committed last, for those who wait. Readers may miss versions but never a site:
/// each site's last version stays until its next.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    version: u64,
    of_all: u64,
    of_site: HashMap<SiteId, u64>,
}

impl Commit {
    /// A commit changed these sites.
    pub fn touch(&mut self, sites: impl IntoIterator<Item = SiteId>) {
        self.version += 1;
        for site in sites {
            self.of_site.insert(site, self.version);
        }
    }

    /// A commit changed sites that nobody names: after a rebuild, or a site's removal.
    pub fn touch_all(&mut self) {
        self.version += 1;
        self.of_all = self.version;
        self.of_site.clear();
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// The last version that changed the site.
    pub fn version_of(&self, site: SiteId) -> u64 {
        self.of_site.get(&site).copied().unwrap_or_default().max(self.of_all)
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveParams {
    /// The site's domain.
    site_id: String,
}

/// The data of every message.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiveFigures {
    /// Distinct visitors of the last 5 minutes.
    visitors_now: u64,
    /// RFC 3339. What was acknowledged before is in the statistics.
    complete_until: String,
    /// Acknowledged events, of all sites, that are not in the statistics yet.
    pending: u64,
}

/// Server-sent events: `hello` once, `change` after what changed the site's figures (four a second
/// at most), `now` every 10 seconds.
#[utoipa::path(get, path = "/api/live", tag = "query", params(LiveParams), responses(
    (status = 200, body = LiveFigures, content_type = "text/event-stream"),
    (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody, description = "This login or token has too many live views open"),
    (status = 503, body = ErrorBody, description = "Too many live views are open")))]
pub(crate) async fn live(
    State(dashboard): State<Dashboard>,
    reader: Reader,
    params: Result<Query<LiveParams>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(params) = params?;
    let site = reader.site(&dashboard, &params.site_id)?.id;
    let place = dashboard.shared.streams.take(&reader.credential)?;
    let (messages, stream) = mpsc::channel(1);
    let view = View { commits: dashboard.commits.clone(), dashboard, site, credential: reader.credential };
    tokio::spawn(view.run(messages, place));
    let ping = KeepAlive::new().interval(Duration::from_millis(limits::STREAM_PING_INTERVAL_MS)).text("ping");
    // nginx would hold the messages back until its buffer is full.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((AppendHeaders(unbuffered), Sse::new(ReceiverStream::new(stream)).keep_alive(ping)).into_response())
}

type Messages = mpsc::Sender<Result<Event, Infallible>>;

/// An open view of a site.
struct View {
    dashboard: Dashboard,
    commits: watch::Receiver<Commit>,
    site: SiteId,
    credential: Credential,
}

impl View {
    /// Goes on until the browser leaves, the server stops or the caller may no longer read.
    async fn run(mut self, messages: Messages, _place: StreamPlace) {
        let mut closing = self.dashboard.shared.closing.subscribe();
        let left = messages.clone();
        tokio::select! {
            () = left.closed() => {}
            _ = closing.wait_for(|closing| *closing) => {}
            () = self.follow(messages) => {}
        }
    }

    async fn follow(&mut self, messages: Messages) {
        // Before the first figures are read: a commit after them is told, one before them is in them.
        let mut told = self.commits.borrow_and_update().version_of(self.site);
        if self.tell("hello", &messages).await.is_none() {
            return;
        }
        let every = Duration::from_millis(limits::STREAM_NOW_INTERVAL_MS);
        let mut now = interval_at(Instant::now() + every, every);
        now.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_change = Instant::now();
        loop {
            tokio::select! {
                version = self.next_version(told, next_change) => {
                    let Some(version) = version else { return };
                    told = version;
                    next_change = Instant::now() + Duration::from_millis(limits::STREAM_GAP_MS_MIN);
                    if self.tell("change", &messages).await.is_none() {
                        return;
                    }
                }
                _ = now.tick() => {
                    if !self.may_still_read().await || self.tell("now", &messages).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for a commit that changed the site, but not before `from`: what comes meanwhile is one
    /// change. `None` when no commit can come any more.
    async fn next_version(&mut self, told: u64, from: Instant) -> Option<u64> {
        sleep_until(from).await;
        let site = self.site;
        let commit = self.commits.wait_for(|commit| commit.version_of(site) != told).await.ok()?;
        Some(commit.version_of(site))
    }

    /// `None` when nobody listens. Figures that can't be read now are left out: the next message
    /// brings them.
    async fn tell(&self, name: &'static str, messages: &Messages) -> Option<()> {
        let site = self.site;
        let figures = self.dashboard.off_thread(move |dashboard| figures(dashboard, site)).await;
        let event = figures.ok().and_then(|figures| Event::default().event(name).json_data(figures).ok());
        match event {
            Some(event) => messages.send(Ok(event)).await.ok(),
            None => Some(()),
        }
    }

    async fn may_still_read(&self) -> bool {
        let (credential, site) = (self.credential.clone(), self.site);
        let access = self.dashboard.off_thread(move |dashboard| {
            let listed = dashboard.registry.site_by_id(site).is_some();
            Ok(if listed { credential.access(dashboard) } else { None })
        });
        matches!(access.await, Ok(Some(access)) if access == Access::All || access == Access::Site(site))
    }
}

fn figures(dashboard: &Dashboard, site: SiteId) -> Result<LiveFigures, ApiError> {
    let Freshness { complete_until, pending } = Freshness::of(dashboard)?;
    let since = dashboard.clock.now() - limits::NOW_MS;
    let visitors_now = dashboard.store.read(|reading| reading.visitors_now(site, since))?;
    Ok(LiveFigures { visitors_now, complete_until: complete_until.to_string(), pending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_keeps_the_version_that_changed_it_last() {
        let (a, b) = (SiteId(1), SiteId(2));
        let mut commit = Commit::default();
        commit.touch([a]);
        commit.touch([b]);
        assert_eq!((commit.version(), commit.version_of(a), commit.version_of(b)), (2, 1, 2));
        commit.touch_all();
        assert_eq!((commit.version_of(a), commit.version_of(b)), (3, 3));
        commit.touch([]);
        assert_eq!((commit.version(), commit.version_of(a)), (4, 3));
    }
}
