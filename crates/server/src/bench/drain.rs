//! How fast a full queue is folded, whether that slows down as the log grows, and whether one busy
//! visitor costs more than many.

use std::time::Instant;

use anyhow::ensure;
use weir_event::{Event, EventId, Kind, LocalDay, Millis, SiteId, VisitorId, Zone, limits};
use weir_queue::Entry;

use super::filling::{Filling, Past};
use super::report::{Section, figure};
use super::run::Bench;
use super::stored::EVENTS;
use crate::output;
use crate::traffic::Random;

/// Whose speed is asked for: a site of 10,000 visitors a day, and a large one.
const EVENTS_PER_DAY: [(&str, f64); 2] = [("37k", 37_000.0), ("1m", 1_000_000.0)];

const FIRST_DAY: LocalDay = LocalDay(20_000);
const SEED: u64 = 12;

/// Folded at a time while one visitor's day grows.
const VISIT_EVENTS: usize = 250;

/// A store of its own for each kind of site.
pub(super) fn measure(bench: &Bench<'_>, add: &mut dyn FnMut(Section)) -> anyhow::Result<()> {
    for (name, events_per_day) in EVENTS_PER_DAY {
        add(site(bench, name, events_per_day)?);
    }
    add(one_visitor(bench)?);
    Ok(())
}

fn site(bench: &Bench<'_>, name: &str, events_per_day: f64) -> anyhow::Result<Section> {
    let events = bench.args.events.unwrap_or(EVENTS);
    output::note(&format!("Drain of {events} events, {name} a day ..."));
    // Some days have half as many, and weeks end: there is no end but the number.
    let days = (2.0 * events as f64 / events_per_day) as i32 + 7;
    let until = Zone::utc().start_of(LocalDay(FIRST_DAY.0 + days));
    let past = Past { first_day: FIRST_DAY, until, events_per_day, events, seed: SEED };
    let folder = bench.folder()?;
    let mut filling = Filling::begin(bench, folder.path(), &past)?;
    filling.enter(until)?;
    ensure!(filling.events == events, "{} events came of {events}", filling.events);
    Ok(Section { name: format!("drain_at_{name}_a_day"), figures: filling.figures() })
}

/// One visitor's day grows to its limit, beside days of as many visitors as there are events.
fn one_visitor(bench: &Bench<'_>) -> anyhow::Result<Section> {
    output::note("Drain of one visitor's day ...");
    let us_per_event = |same: bool| -> anyhow::Result<Vec<f64>> {
        let folder = bench.folder()?;
        let yesterday = one_day(FIRST_DAY);
        let mut filling = Filling::begin(bench, folder.path(), &yesterday)?;
        // Others were there before: lists, texts and pages of the file are as they will be.
        filling.enter(yesterday.until)?;
        let day = views(&one_day(FIRST_DAY.next()), filling.site, same);
        day.chunks(VISIT_EVENTS).map(|events| fold(&mut filling, events)).collect()
    };
    let (one, many) = (us_per_event(true)?, us_per_event(false)?);
    let mean = |rounds: &[f64]| rounds.iter().sum::<f64>() / rounds.len().max(1) as f64;
    let last = |rounds: &[f64]| mean(&rounds[rounds.len() - rounds.len() / 4..]);
    let figures = vec![
        figure("events", limits::UNIT_EVENTS_MAX as f64),
        figure("events_at_a_time", VISIT_EVENTS as f64),
        figure("us_per_event", mean(&one)),
        figure("us_per_event_of_many_visitors", mean(&many)),
        figure("last_quarter_us_per_event", last(&one)),
        figure("last_quarter_us_per_event_of_many_visitors", last(&many)),
        figure("one_visitor_to_many", mean(&one) / mean(&many)),
    ];
    Ok(Section { name: "drain_of_one_visitors_day".to_owned(), figures })
}

fn one_day(day: LocalDay) -> Past {
    let until = Zone::utc().start_of(day.next());
    Past { first_day: day, until, events_per_day: 37_000.0, events: u64::MAX, seed: SEED }
}

/// Views of that day, one every 15 seconds, by one visitor or by one each.
fn views(past: &Past, site: SiteId, same: bool) -> Vec<Event> {
    let mut random = Random::new(SEED, 1);
    let start = Zone::utc().start_of(past.first_day);
    let views =
        past.history(site).filter(|event| event.kind == Kind::PageView && event.day == past.first_day);
    let view = |(n, event): (usize, Event)| {
        let time = start + n as i64 * 15 * Millis::SECOND;
        let id = EventId::from_parts(time.0.unsigned_abs(), random.bytes());
        let visitor = Some(VisitorId(if same { 1 } else { 1 + n as u64 }));
        Event { id, time, received: time + 200, received_day: event.day, visitor, ..event }
    };
    views.take(limits::UNIT_EVENTS_MAX).enumerate().map(view).collect()
}

/// Microseconds an event.
fn fold(filling: &mut Filling<'_>, events: &[Event]) -> anyhow::Result<f64> {
    let entries = events.iter().cloned().map(|event| Entry::Event(Box::new(event))).collect();
    filling.house.queue.append_blocking(entries)?;
    let begun = Instant::now();
    let drained = filling.house.processor.drain()?;
    ensure!(drained.rows == events.len() as u64, "{} events gave {drained:?}", events.len());
    Ok(begun.elapsed().as_secs_f64() * 1e6 / events.len() as f64)
}
