use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use weir_event::{Clock, LocalDay, Reason, SiteId, Zone, limits};
use weir_queue::Queue;
use weir_registry::Registry;
use weir_verdicts::Verdicts;

use crate::IngestConfig;
use crate::crowd::Crowd;
use crate::rate_limit::RateLimiter;

/// The edge: what a request handler needs. Clones share everything.
#[derive(Clone)]
pub struct Ingest(Arc<Shared>);

pub(crate) struct Shared {
    pub queue: Queue,
    pub registry: Registry,
    pub clock: Arc<dyn Clock>,
    pub config: IngestConfig,
    pub rate_limiter: Option<RateLimiter>,
    pub crowd: Crowd,
    pub counts: Counts,
    pub verdicts: Verdicts,
    permits: Semaphore,
    /// Bodies that come in more than one piece: each is put together in memory.
    pub bodies: Semaphore,
}

/// Every code that a reason can have.
const REASONS: usize = u8::MAX as usize + 1;

/// Since the start of the process.
pub(crate) struct Counts {
    pub deliveries: AtomicU64,
    pub accepted_events: AtomicU64,
    pub dropped_events: AtomicU64,
    /// Events, by [`Reason::code`].
    pub refused_events: [AtomicU64; REASONS],
    pub overloaded: AtomicU64,
    pub without_permit: AtomicU64,
    pub not_written: AtomicU64,
    pub rate_limited: AtomicU64,
    pub tracker_lost: AtomicU64,
    pub from_cdn: AtomicU64,
}

/// What the edge has done since it started, and what it thinks of its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauges {
    pub deliveries: u64,
    pub accepted_events: u64,
    /// Refused one by one, with a reason each.
    pub dropped_events: u64,
    /// Deliveries that were told to come back, for whatever want.
    pub overloaded: u64,
    /// Of these: because too many were in work, and because the queue could not be written. The rest
    /// were refused by the queue's limits, which it counts itself.
    pub without_permit: u64,
    pub not_written: u64,
    pub rate_limited: u64,
    /// Events that trackers gave up, by their own account.
    pub tracker_lost: u64,
    /// Deliveries in work now.
    pub in_work: usize,
    pub in_work_max: usize,
    /// Most deliveries share one address though many browsers sent them: a proxy is not trusted, or
    /// doesn't say whom it speaks for.
    pub is_one_address: bool,
    /// Deliveries whose sender seems to be a content network that is not a trusted proxy.
    pub from_cdn: u64,
}

impl Ingest {
    pub fn new(queue: Queue, registry: Registry, clock: Arc<dyn Clock>, config: IngestConfig) -> Self {
        Self(Arc::new(Shared {
            queue,
            registry,
            rate_limiter: config.rate_limit.map(RateLimiter::new),
            crowd: Crowd::default(),
            counts: Counts::new(),
            verdicts: Verdicts::new(Arc::clone(&clock)),
            clock,
            permits: Semaphore::new(config.permits),
            bodies: Semaphore::new(limits::BODIES_IN_PIECES_MAX),
            config,
        }))
    }

    pub fn gauges(&self) -> Gauges {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.0.counts;
        Gauges {
            deliveries: of(&counts.deliveries),
            accepted_events: of(&counts.accepted_events),
            dropped_events: of(&counts.dropped_events),
            overloaded: of(&counts.overloaded),
            without_permit: of(&counts.without_permit),
            not_written: of(&counts.not_written),
            rate_limited: of(&counts.rate_limited),
            tracker_lost: of(&counts.tracker_lost),
            in_work: self.0.config.permits.saturating_sub(self.0.permits.available_permits()),
            in_work_max: self.0.config.permits,
            is_one_address: self.0.crowd.is_one_address(),
            from_cdn: of(&counts.from_cdn),
        }
    }

    /// Events refused for this reason since the start.
    pub fn refused_events(&self, reason: Reason) -> u64 {
        self.0.counts.refused_events[usize::from(reason.code())].load(Ordering::Relaxed)
    }

    /// What is told of single events to those who ask.
    pub fn verdicts(&self) -> Verdicts {
        self.0.verdicts.clone()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    /// One delivery's right to be worked on; `None` when as many are as may be.
    pub(crate) fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.try_acquire().ok()
    }

    /// Counts beside the books; the registry keeps what no site is known for under the UTC day.
    pub(crate) fn count_refusals(&self, site: Option<SiteId>, reason: Reason, n: u64) {
        let (site, day) = self.site_and_day(site);
        self.counts.refused_events[usize::from(reason.code())].fetch_add(n, Ordering::Relaxed);
        self.registry.count_refusals(site, day, reason, n);
    }

    /// What a tracker says that it gave up.
    pub(crate) fn count_given_up(&self, site: Option<SiteId>, n: u64) {
        if n == 0 {
            return;
        }
        Counts::add(&self.counts.tracker_lost, usize::try_from(n).unwrap_or(usize::MAX));
        let (site, day) = self.site_and_day(site);
        self.registry.count_given_up(site, day, n);
    }

    /// The site, if it is listed, and its local day of now.
    fn site_and_day(&self, site: Option<SiteId>) -> (Option<SiteId>, LocalDay) {
        let now = self.clock.now();
        let site = site.and_then(|id| self.registry.snapshot().site_by_id(id).cloned());
        let day = site.as_ref().map_or_else(|| Zone::utc().day_of(now), |site| site.day_of(now));
        (site.map(|site| site.id), day)
    }
}

impl Counts {
    fn new() -> Self {
        Self {
            deliveries: AtomicU64::default(),
            accepted_events: AtomicU64::default(),
            dropped_events: AtomicU64::default(),
            refused_events: [const { AtomicU64::new(0) }; REASONS],
            overloaded: AtomicU64::default(),
            without_permit: AtomicU64::default(),
            not_written: AtomicU64::default(),
            rate_limited: AtomicU64::default(),
            tracker_lost: AtomicU64::default(),
            from_cdn: AtomicU64::default(),
        }
    }

    pub(crate) fn add(count: &AtomicU64, n: usize) {
        count.fetch_add(n as u64, Ordering::Relaxed);
    }
}
