//! What the dashboard is made of, handed in by the server.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore, watch};
use weir_checkup::Reach;
use weir_event::{Clock, Millis, limits};
use weir_queue::Queue;
use weir_registry::Registry;
use weir_store::StoreReader;
use weir_verdicts::Verdicts;

use crate::page_check::PageChecks;
use crate::streams::Streams;
use crate::tries::Tries;
use crate::{Commit, Health, OpenStreams};

/// Everything that [`Dashboard`] needs of the house.
pub struct DashboardParts {
    pub registry: Registry,
    pub store: StoreReader,
    pub queue: Queue,
    /// Moves after every commit of the store.
    pub commits: watch::Receiver<Commit>,
    /// What is told of single events.
    pub verdicts: Verdicts,
    pub clock: Arc<dyn Clock>,
    /// Everyone counts as logged in and nothing can be changed.
    pub demo: bool,
    /// The address that pages are to load the tracker from, such as `https://stats.example.com`.
    /// Without it the address that the request came to is used.
    pub public_url: Option<String>,
    pub own_paths: OwnPaths,
    /// What may be connected to when a site's page is looked at.
    pub reach: Reach,
    /// May wait for the disk: it is called off the async threads, at most once a second.
    pub health: Arc<dyn Fn() -> Health + Send + Sync>,
    /// The server's metrics in Prometheus' text format, those of the dashboard given. May wait for
    /// the disk.
    pub metrics: Arc<dyn Fn(OpenStreams) -> String + Send + Sync>,
}

/// Where the operator has the tracker and the endpoint served besides their usual paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnPaths {
    pub script: Option<String>,
    pub events: Option<String>,
}

/// How a request came in, as the server knows it that sees through its trusted proxies. Put into
/// the request's extensions by a layer around [`crate::routes`]; without it the socket's peer is
/// taken for the client, and the page's own address for what it says of https.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    pub client: IpAddr,
    pub https: bool,
}

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Dashboard {
    pub(crate) registry: Registry,
    pub(crate) store: StoreReader,
    pub(crate) queue: Queue,
    pub(crate) commits: watch::Receiver<Commit>,
    pub(crate) verdicts: Verdicts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) demo: bool,
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) own_paths: Arc<OwnPaths>,
    pub(crate) reach: Reach,
    pub(crate) health: Arc<dyn Fn() -> Health + Send + Sync>,
    pub(crate) metrics: Arc<dyn Fn(OpenStreams) -> String + Send + Sync>,
    pub(crate) shared: Arc<Shared>,
}

/// What all clones of a [`Dashboard`] count together.
pub(crate) struct Shared {
    pub(crate) logins: Arc<Semaphore>,
    pub(crate) reads: Arc<Semaphore>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) tries: Tries,
    pub(crate) page_checks: PageChecks,
    pub(crate) last_health: Mutex<Option<(Millis, Health)>>,
    pub(crate) closing: watch::Sender<bool>,
}

impl Dashboard {
    pub fn new(parts: DashboardParts) -> Self {
        let public_url = parts.public_url.map(|url| Arc::from(url.trim_end_matches('/')));
        Self {
            registry: parts.registry,
            store: parts.store,
            queue: parts.queue,
            commits: parts.commits,
            verdicts: parts.verdicts,
            clock: parts.clock,
            demo: parts.demo,
            public_url,
            own_paths: Arc::new(parts.own_paths),
            reach: parts.reach,
            health: parts.health,
            metrics: parts.metrics,
            shared: Arc::new(Shared {
                logins: Arc::new(Semaphore::new(limits::LOGINS_AT_ONCE_MAX)),
                reads: Arc::new(Semaphore::new(limits::READS_AT_ONCE_MAX)),
                streams: Arc::default(),
                tries: Tries::default(),
                page_checks: PageChecks::default(),
                last_health: Mutex::default(),
                closing: watch::Sender::new(false),
            }),
        }
    }

    /// Ends every live stream. A graceful shutdown waits for open answers, and these never end by
    /// themselves.
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
    }
}
