//! How long an acknowledgement takes while events come at their own pace: at several rates, and beside
//! everything else that a server does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use weir_event::Clock;
use weir_event::{LocalDay, SystemClock, Zone};

use super::caller::Caller;
use super::filling::Past;
use super::pace::Pace;
use super::questions::{self, Questions};
use super::report::{Figure, Section, figure};
use super::run::Bench;
use super::server::{DATA, Server};
use super::stored::Stored;
use crate::output;

const RATES: [u64; 4] = [1_000, 10_000, 20_000, 40_000];

/// While something else goes on.
const RATE_BESIDE: u64 = 10_000;

/// Before the clock runs.
const WARM_UP: Duration = Duration::from_secs(1);

/// What waits to be folded: more than can be while it is measured, up to a bound.
const BACKLOG_EVENTS_PER_SECOND: u64 = 150_000;
const BACKLOG_EVENTS_MAX: u64 = 5_000_000;

/// Times a second that somebody opens a dashboard, and asks for filtered views.
const DASHBOARDS_PER_SECOND: u32 = 10;
const FILTERED_PER_SECOND: u32 = 1;

pub(super) fn measure(
    bench: &Bench<'_>,
    stored: &Stored,
    add: &mut dyn FnMut(Section),
) -> anyhow::Result<()> {
    let rates = if bench.args.rate.is_empty() { &RATES[..] } else { &bench.args.rate };
    let mut undisturbed = None;
    for &rate in rates {
        let server = Server::start(bench.folder()?)?;
        let section = at(bench, &server, rate, format!("ack_at_{rate}_events_per_second"))?;
        undisturbed = undisturbed.or_else(|| (rate == RATE_BESIDE).then(|| section.clone()));
        add(section);
    }
    let mut add = |mut section: Section| {
        section.against(undisturbed.as_ref(), "p99_ms", "p99_to_undisturbed");
        add(section);
    };
    add(while_draining(bench)?);
    let readers = [
        ("ack_while_dashboards_are_read", questions::dashboard("30d", &json!([])), DASHBOARDS_PER_SECOND),
        ("ack_while_filtered_views_are_read", questions::filtered("30d"), FILTERED_PER_SECOND),
    ];
    for (name, questions, per_second) in readers {
        let server = Server::start(stored.copy(bench)?)?;
        add(while_read(bench, &server, name, &questions, per_second)?);
    }
    Ok(())
}

fn at(bench: &Bench<'_>, server: &Server, rate: u64, name: String) -> anyhow::Result<Section> {
    output::note(&format!("{name}, {} s ...", bench.secs()));
    let pace = Pace::new(bench, server, rate);
    pace.send(WARM_UP)?;
    let cpu_before = server.cpu_secs();
    let taken = pace.send(bench.time())?;
    bench.check_stopped()?;
    let cpu_secs = server.cpu_secs().zip(cpu_before).map(|(after, before)| after - before);
    let per_event = |secs: f64| secs * 1e6 / taken.accepted.max(1) as f64;
    let mut figures = vec![figure("offered_events_per_second", rate as f64)];
    let more = cpu_secs.map(|secs| figure("server_cpu_us_per_event", per_event(secs)));
    figures.extend(taken.figures(bench.floor.flush_us()));
    figures.extend(more);
    figures.extend(server.memory_mib_max().map(|mib| figure("server_mib_max", mib)));
    Ok(Section { name, figures })
}

/// While the processor is behind, and works as fast as it can.
fn while_draining(bench: &Bench<'_>) -> anyhow::Result<Section> {
    let events = (bench.secs() * BACKLOG_EVENTS_PER_SECOND).min(BACKLOG_EVENTS_MAX);
    // For a small run a small backlog.
    let events = bench.args.events.map_or(events, |asked| events.min(asked));
    output::note(&format!("A backlog of {events} events ..."));
    let now = SystemClock.now();
    let first_day = LocalDay(Zone::utc().day_of(now).0 - 200);
    let past = Past { first_day, until: now, events_per_day: 37_000.0, events, seed: 14 };
    let folder = bench.folder()?;
    past.wait_in(bench, &folder.path().join(DATA))?;
    let server = Server::start(folder)?;
    let mut section = at(bench, &server, RATE_BESIDE, "ack_while_draining".to_owned())?;
    let (_, pending) = server.books()?;
    section.figures.push(figure("backlog_events", events as f64));
    section.figures.push(figure("not_folded_at_the_end", pending as f64));
    Ok(section)
}

fn while_read(
    bench: &Bench<'_>,
    server: &Server,
    name: &str,
    questions: &Questions,
    per_second: u32,
) -> anyhow::Result<Section> {
    let over = AtomicBool::new(false);
    let mut caller = server.caller()?;
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(&mut caller, questions, per_second, &over));
        let section = at(bench, server, RATE_BESIDE, name.to_owned());
        over.store(true, Ordering::Release);
        let read = reading.join().expect("who reads doesn't panic");
        let mut section = section?;
        section.figures.push(read?);
        Ok(section)
    })
}

/// Asks all of the questions so many times a second, or as often as they are answered.
fn read(
    caller: &mut Caller,
    questions: &Questions,
    per_second: u32,
    over: &AtomicBool,
) -> anyhow::Result<Figure> {
    let begun = Instant::now();
    let mut asked = 0u32;
    while !over.load(Ordering::Acquire) {
        for (_, question) in questions {
            caller.query(question)?;
        }
        asked += 1;
        let next = begun + Duration::from_secs(1) * asked / per_second;
        #[allow(clippy::disallowed_methods)] // people open dashboards at their own pace
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(figure("read_times_a_second", f64::from(asked) / begun.elapsed().as_secs_f64()))
}
