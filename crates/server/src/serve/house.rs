//! All parts of a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use tokio::sync::watch;
use tower_http::timeout::TimeoutLayer;
use weir_checkup::Reach;
use weir_dashboard::{Commit, Dashboard, DashboardParts, OwnPaths};
use weir_event::{Clock, SystemClock};
use weir_ingest::{Ingest, IngestConfig, TrustedProxies};
use weir_processor::{Committed, Processor, ProcessorOptions};
use weir_queue::{Queue, QueueOptions};
use weir_registry::Registry;
use weir_store::{Store, StoreReader};

use super::connections::Connections;
use super::health::HealthProbe;
use super::http::Arrivals;
use super::metrics::{Folded, Metrics};
use super::nightly::Nightly;
use crate::data_folder::{DataFolder, Lock};

/// From the head of a request for a page or figures to the head of its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

const STORE_MADE_ANEW: &str = "weir.db was missing when the server started, and a new one was made: what was counted \
    before is not in it, and `weir ledger` calls it lost. If it is somewhere else, stop the server and put it back \
    before more is counted here";

const QUEUE_MADE_ANEW: &str = "queue.db was missing when the server started, and a new one was made: acknowledged events \
    that were not counted yet are lost with it, and `weir ledger` says how many are known of. If it is somewhere else, \
    stop the server and put it back before more is taken here";

/// What differs between a server and a demo.
pub(crate) struct HouseOptions {
    pub ingest: IngestConfig,
    pub queue: QueueOptions,
    pub processor: ProcessorOptions,
    pub public_url: Option<String>,
    pub own_paths: OwnPaths,
    pub demo: bool,
}

/// The parts, opened and wired, not yet running.
pub(crate) struct House {
    pub registry: Registry,
    pub queue: Queue,
    pub processor: Processor,
    pub ingest: Ingest,
    pub dashboard: Dashboard,
    pub store: StoreReader,
    pub probe: Arc<HealthProbe>,
    pub nightly: Arc<Nightly>,
    pub folder: DataFolder,
    pub connections: Arc<Connections>,
    trusted_proxies: TrustedProxies,
    pub own_paths: OwnPaths,
    pub lock: Lock,
}

impl House {
    /// Opens everything in `data`, which no other process may be draining.
    ///
    /// # Errors
    /// In words for the operator: the folder can't be written, is in use, or holds something that
    /// can't be read.
    pub fn open(data: &Path, options: HouseOptions) -> anyhow::Result<Self> {
        let folder = DataFolder::make(data)?;
        let lock = folder.lock()?;
        folder.check_registry()?;
        let (has_store, has_queue) = (folder.store().exists(), folder.queue().exists());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = Registry::open(folder.path(), clock.clone())?;
        let store = Store::open(&folder.store())?;
        let queue = Queue::open(&folder.queue(), options.queue)?;
        queue.share_among(registry.snapshot().sites().len());
        let reader = store.reader();
        let made_anew = match (has_store, has_queue) {
            (false, true) => Some(STORE_MADE_ANEW),
            // A first start that was killed half way has counted nothing.
            (true, false) if reader.read(|reading| reading.checkpoint())?.is_some() => Some(QUEUE_MADE_ANEW),
            _ => None,
        };
        if let Some(sentence) = made_anew {
            tracing::error!("{sentence}");
        }
        let (signal, commits) = watch::channel(Commit::default());
        let folded = Arc::new(Folded::default());
        let counted = folded.clone();
        let on_commit = move |committed: &Committed| {
            counted.count(committed);
            signal.send_modify(|commit| commit.touch(committed.sites.iter().copied()));
        };
        let processor =
            Processor::new(store, queue.clone(), registry.clone(), options.processor, Box::new(on_commit))?;
        let trusted_proxies = options.ingest.trusted_proxies.clone();
        let ingest = Ingest::new(queue.clone(), registry.clone(), clock.clone(), options.ingest);
        let processor = processor.with_verdicts(ingest.verdicts());
        let probe = HealthProbe::new(
            registry.clone(),
            queue.clone(),
            reader.clone(),
            ingest.clone(),
            clock.clone(),
            folder.store(),
            made_anew,
        );
        let probe = Arc::new(probe);
        let nightly = Nightly {
            registry: registry.clone(),
            store: reader.clone(),
            queue: queue.clone(),
            clock: clock.clone(),
        };
        let health = probe.clone();
        let connections = Arc::new(Connections::new(trusted_proxies.clone()));
        let metrics = Metrics {
            queue: queue.clone(),
            store: reader.clone(),
            ingest: ingest.clone(),
            clock: clock.clone(),
            probe: probe.clone(),
            connections: connections.clone(),
            folded,
            started: clock.now(),
        };
        let dashboard = Dashboard::new(DashboardParts {
            registry: registry.clone(),
            store: reader.clone(),
            queue: queue.clone(),
            commits,
            verdicts: ingest.verdicts(),
            clock,
            demo: options.demo,
            public_url: options.public_url,
            own_paths: options.own_paths.clone(),
            reach: Reach::public(),
            health: Arc::new(move || health.look()),
            metrics: Arc::new(move |streams| metrics.text(streams)),
        });
        let store = reader;
        Ok(Self {
            registry,
            queue,
            processor,
            ingest,
            dashboard,
            store,
            probe,
            nightly: Arc::new(nightly),
            folder,
            connections,
            trusted_proxies,
            own_paths: options.own_paths,
            lock,
        })
    }

    /// Every route of the server.
    pub fn routes(&self) -> Router {
        let pages = weir_dashboard::routes(self.dashboard.clone());
        let pages = pages.layer(Arrivals::layer(self.trusted_proxies.clone()));
        // Someone who begins a request and never ends it must not hold a connection for ever. A live
        // stream is answered at once, so it may go on.
        let pages = pages.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_TIMEOUT));
        weir_ingest::routes(self.ingest.clone()).merge(pages)
    }
}
