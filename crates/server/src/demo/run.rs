use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use weir_dashboard::OwnPaths;
use weir_event::{Clock, Event, LocalDay, Millis, SystemClock, Zone};
use weir_ingest::IngestConfig;
use weir_processor::ProcessorOptions;
use weir_queue::QueueOptions;

use super::{history, live};
use crate::Outcome;
use crate::args::DemoArgs;
use crate::config::Config;
use crate::serve::{self, House, HouseOptions};
use crate::traffic::{Live, Profile, Traffic};
use crate::{output, telemetry};

const DOMAIN: &str = "lakeside.example";

/// Over 90 days, a third more.
const GROWTH_PER_DAY: f64 = 0.0032;

const SEED: u64 = 20;

/// The last minutes before the demo is ready belong to the live visitors, too, so that somebody is
/// there when the first page opens.
const LIVE_SINCE_MS: i64 = 12 * Millis::MINUTE;

/// Enters a past, then serves, with visitors, until asked to stop.
pub(crate) fn demo(config: &Config, args: &DemoArgs) -> anyhow::Result<Outcome> {
    telemetry::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // The port first: when it is taken, no work is done in vain.
    let listener = runtime.block_on(serve::listen(config.listen))?;
    let stop = stop_when_asked(&runtime);
    let folder = tempfile::Builder::new().prefix("weir-demo-").tempdir();
    let folder = folder.context("can't make a folder for the demo")?;
    let mut house = House::open(folder.path(), options())?;
    let Some(live) = enter_history(&mut house, args, &stop)? else { return Ok(Outcome::Done) };
    let address = listener.local_addr()?;
    output::line(&format!("Open http://{address} to see {DOMAIN}, with visitors as they come."));
    output::note("Everything is in a folder of its own that goes when the demo stops (Ctrl-C).");
    let visitors = runtime.spawn(live::run(live, house.queue.clone()));
    let served = serve::run(&runtime, house, listener);
    visitors.abort();
    served?;
    Ok(Outcome::Done)
}

fn options() -> HouseOptions {
    HouseOptions {
        ingest: IngestConfig::default(),
        queue: QueueOptions::default(),
        processor: ProcessorOptions::default(),
        public_url: None,
        own_paths: OwnPaths::default(),
        demo: true,
    }
}

/// Set once somebody asks: the folder must go even if that is before the server is up.
fn stop_when_asked(runtime: &tokio::runtime::Runtime) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    runtime.spawn(async move {
        serve::asked_to_stop().await;
        asked.store(true, Ordering::Release);
    });
    stop
}

/// The visitors to come; none if asked to stop meanwhile.
fn enter_history(house: &mut House, args: &DemoArgs, stop: &AtomicBool) -> anyhow::Result<Option<Live>> {
    let begun = Instant::now();
    let now = SystemClock.now();
    let zone = Zone::of_this_machine();
    let site = house.registry.add_site(DOMAIN, &zone)?;
    let last_day = zone.day_of(now);
    let first_day = LocalDay(last_day.0 + 1 - args.days as i32);
    let profile = Profile {
        site: site.id,
        domain: site.domain,
        zone,
        visitors_per_day: f64::from(args.visitors_per_day),
        growth_per_day: GROWTH_PER_DAY,
        last_day,
        seed: SEED,
    };
    let bar = output::progress("Entering days", args.days.into());
    let past = Traffic::new(profile.clone()).into_history(first_day, now - LIVE_SINCE_MS);
    let days_done =
        |last: &Event| bar.set_position((last.received_day.0 - first_day.0).unsigned_abs().into());
    let entered = history::enter(house, past, stop, &days_done);
    bar.finish_and_clear();
    let mut events = entered?;
    let mut live = Live::from(Traffic::new(profile), now - LIVE_SINCE_MS);
    events += history::enter(house, live.until(SystemClock.now()).into_iter(), stop, &|_| {})?;
    if stop.load(Ordering::Acquire) {
        return Ok(None);
    }
    let secs = begun.elapsed().as_secs_f64();
    output::line(&format!("Entered {events} events of {} days in {secs:.1} s.", args.days));
    Ok(Some(live))
}
