//! A store with a year of events, for questions and for its size.

use anyhow::ensure;
use tempfile::TempDir;
use weir_event::{Clock, LocalDay, Millis, SiteId, SystemClock, Zone};
use weir_ingest::IngestConfig;
use weir_processor::ProcessorOptions;
use weir_queue::QueueOptions;

use super::run::Bench;
use super::server::DOMAIN;
use crate::serve::{House, HouseOptions};
use crate::traffic::{Profile, Traffic};
use crate::{demo, output};

const DAYS: i32 = 365;

/// Days that tell how many events a visitor makes.
const SAMPLE_DAYS: i32 = 14;
const SAMPLE_VISITORS_PER_DAY: f64 = 500.0;

/// All parts, at rest.
pub(super) struct Year {
    pub house: House,
    pub site: SiteId,
    pub events: u64,
    pub now: Millis,
    _folder: TempDir,
}

impl Year {
    pub fn make(bench: &Bench<'_>) -> anyhow::Result<Self> {
        output::note(&format!("A year with about {} events ...", bench.args.events));
        let folder = bench.folder()?;
        let mut house = House::open(&folder.path().join("data"), options())?;
        let site = house.registry.add_site(DOMAIN, &Zone::utc())?.id;
        let now = SystemClock.now();
        let last_day = Zone::utc().day_of(now);
        let mut profile = Profile {
            site,
            domain: DOMAIN.to_owned(),
            zone: Zone::utc(),
            visitors_per_day: SAMPLE_VISITORS_PER_DAY,
            growth_per_day: 0.0,
            last_day,
            seed: 13,
        };
        let per_visitor = events_per_visitor(&profile);
        profile.visitors_per_day = bench.args.events as f64 / f64::from(DAYS) / per_visitor;
        let traffic = Traffic::new(profile);
        let first_day = LocalDay(last_day.0 + 1 - DAYS);
        let bar = output::progress("Entering days", DAYS as u64);
        let days = traffic.history(first_day, now);
        let entered = demo::enter(&mut house, days, &bench.stop, &|| bar.inc(1));
        bar.finish_and_clear();
        let events = entered?;
        bench.check_stopped()?;
        ensure!(events > 0, "a year without an event");
        Ok(Self { house, site, events, now, _folder: folder })
    }
}

fn events_per_visitor(profile: &Profile) -> f64 {
    let from = LocalDay(profile.last_day.0 - DAYS);
    let until = profile.zone.start_of(LocalDay(from.0 + SAMPLE_DAYS));
    let events: usize = Traffic::new(profile.clone()).history(from, until).map(|day| day.len()).sum();
    events as f64 / f64::from(SAMPLE_DAYS) / SAMPLE_VISITORS_PER_DAY
}

fn options() -> HouseOptions {
    HouseOptions {
        ingest: IngestConfig::default(),
        queue: QueueOptions::default(),
        processor: ProcessorOptions::default(),
        public_url: None,
        demo: true,
    }
}
