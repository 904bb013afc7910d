//! A past, entered in rounds: events are appended, then folded, and only the folding is timed.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use weir_dashboard::OwnPaths;
use weir_event::{Event, LocalDay, Millis, SiteId, Zone};
use weir_ingest::IngestConfig;
use weir_processor::ProcessorOptions;
use weir_queue::{Entry, QueueOptions};

use super::report::{Figure, figure};
use super::run::Bench;
use super::server::DOMAIN;
use crate::machine;
use crate::output;
use crate::serve::{House, HouseOptions};
use crate::traffic::{History, Profile, Traffic};

/// Appended at a time.
const CHUNK_EVENTS: usize = 10_000;

/// Folded at a time: what waits in the queue takes room, and nobody wants to wait long for Ctrl-C.
const ROUND_EVENTS: std::ops::RangeInclusive<u64> = 1_000..=500_000;

/// Parts of the work whose speeds are compared.
const SLICES: u64 = 10;

/// Visitors and days that tell how many events a visitor makes.
const SAMPLE_VISITORS_PER_DAY: f64 = 500.0;
const SAMPLE_DAYS: i32 = 14;

/// What happened, and how much of it.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub first_day: LocalDay,
    /// Exclusive.
    pub until: Millis,
    pub events_per_day: f64,
    /// As many come about; never more.
    pub events: u64,
    pub seed: u64,
}

/// A house on its way to a past.
pub(super) struct Filling<'a> {
    bench: &'a Bench<'a>,
    pub house: House,
    pub site: SiteId,
    pub events: u64,
    left: std::iter::Peekable<std::iter::Take<History>>,
    expected: u64,
    appending: Duration,
    rounds: Vec<Round>,
    bar: ProgressBar,
}

/// Events that were folded, and what that took.
#[derive(Debug, Clone, Copy)]
struct Round {
    events: u64,
    commits: u64,
    time: Duration,
    /// Of the processor, whichever thread spent it.
    cpu_secs: f64,
}

impl<'a> Filling<'a> {
    pub fn begin(bench: &'a Bench<'a>, data: &Path, past: &Past) -> anyhow::Result<Self> {
        let house = House::open(data, options())?;
        let site = house.registry.add_site(DOMAIN, &Zone::utc())?.id;
        Ok(Self {
            bench,
            house,
            site,
            events: 0,
            left: past.history(site).take(usize::try_from(past.events).unwrap_or(usize::MAX)).peekable(),
            expected: past.expected(),
            appending: Duration::ZERO,
            rounds: Vec::new(),
            bar: output::progress("Entering events", past.expected()),
        })
    }

    /// Enters what was received before `until`.
    pub fn enter(&mut self, until: Millis) -> anyhow::Result<()> {
        let events = (self.expected / SLICES).clamp(*ROUND_EVENTS.start(), *ROUND_EVENTS.end());
        while self.round(events, until)? > 0 {}
        Ok(())
    }

    /// Appends up to so many events and folds them.
    fn round(&mut self, events: u64, until: Millis) -> anyhow::Result<u64> {
        let appended = self.append(events, until)?;
        if appended > 0 {
            self.fold(appended)?;
        }
        Ok(appended)
    }

    fn append(&mut self, events: u64, until: Millis) -> anyhow::Result<u64> {
        let mut appended = 0;
        while appended < events {
            self.bench.check_stopped()?;
            let chunk = usize::try_from(events - appended).unwrap_or(CHUNK_EVENTS).min(CHUNK_EVENTS);
            let due = |event: &Event| event.received < until;
            let next = || self.left.next_if(due).map(|event| Entry::Event(Box::new(event)));
            let chunk: Vec<Entry> = std::iter::from_fn(next).take(chunk).collect();
            if chunk.is_empty() {
                break;
            }
            let entered = chunk.len() as u64;
            appended += entered;
            let begun = Instant::now();
            self.house.queue.append_blocking(chunk).context("the queue takes no more")?;
            self.appending += begun.elapsed();
            self.bar.inc(entered);
        }
        Ok(appended)
    }

    fn fold(&mut self, events: u64) -> anyhow::Result<()> {
        let cpu_before = own_cpu_secs();
        let begun = Instant::now();
        let drained = self.house.processor.drain()?;
        let time = begun.elapsed();
        ensure!(drained.rows == events && drained.dead == 0, "{events} events gave {drained:?}");
        let cpu_secs = own_cpu_secs() - cpu_before;
        self.rounds.push(Round { events, commits: drained.batches, time, cpu_secs });
        self.events += events;
        Ok(())
    }

    /// How fast it was folded, and whether that slowed down as the log grew.
    pub fn figures(&self) -> Vec<Figure> {
        let all = sum(&self.rounds);
        let events = all.events.max(1) as f64;
        let speeds = slices(&self.rounds);
        let mut figures = vec![
            figure("events", all.events as f64),
            figure("drained_events_per_second", all.speed()),
            figure("us_per_event", all.time.as_secs_f64() * 1e6 / events),
            figure("cpu_us_per_event", all.cpu_secs * 1e6 / events),
            figure("commits", all.commits as f64),
            figure("append_events_per_second", events / self.appending.as_secs_f64().max(f64::EPSILON)),
        ];
        if let (Some(first), Some(last)) = (speeds.first(), speeds.last()) {
            figures.push(figure("first_slice_to_last", first / last));
        }
        let slice = |(n, speed): (usize, &f64)| figure(format!("slice_{}_events_per_second", n + 1), *speed);
        figures.extend(speeds.iter().enumerate().map(slice));
        figures
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Past {
    pub fn history(&self, site: SiteId) -> History {
        Traffic::new(self.profile(site)).into_history(self.first_day, self.until)
    }

    /// Leaves all of it in the queue of a new house, not folded.
    pub fn wait_in(&self, bench: &Bench<'_>, data: &Path) -> anyhow::Result<()> {
        let mut filling = Filling::begin(bench, data, self)?;
        while filling.append(self.events, self.until)? > 0 {}
        Ok(())
    }

    /// How many will come, roughly.
    fn expected(&self) -> u64 {
        let days = (self.until - Zone::utc().start_of(self.first_day)) as f64 / Millis::DAY as f64;
        self.events.min((self.events_per_day * days) as u64)
    }

    fn profile(&self, site: SiteId) -> Profile {
        let profile = Profile {
            site,
            domain: DOMAIN.to_owned(),
            zone: Zone::utc(),
            visitors_per_day: SAMPLE_VISITORS_PER_DAY,
            growth_per_day: 0.0,
            last_day: Zone::utc().day_of(self.until),
            seed: self.seed,
        };
        let visitors_per_day = self.events_per_day / events_per_visitor(&profile, self.first_day);
        Profile { visitors_per_day, ..profile }
    }
}

fn events_per_visitor(profile: &Profile, first_day: LocalDay) -> f64 {
    let until = profile.zone.start_of(LocalDay(first_day.0 + SAMPLE_DAYS));
    let events = Traffic::new(profile.clone()).into_history(first_day, until).count();
    events as f64 / f64::from(SAMPLE_DAYS) / profile.visitors_per_day
}

impl Round {
    fn speed(&self) -> f64 {
        self.events as f64 / self.time.as_secs_f64().max(f64::EPSILON)
    }
}

fn sum(rounds: &[Round]) -> Round {
    let none = Round { events: 0, commits: 0, time: Duration::ZERO, cpu_secs: 0.0 };
    rounds.iter().fold(none, |sum, round| Round {
        events: sum.events + round.events,
        commits: sum.commits + round.commits,
        time: sum.time + round.time,
        cpu_secs: sum.cpu_secs + round.cpu_secs,
    })
}

/// Events a second of each tenth of the work, or of each round where there are fewer.
fn slices(rounds: &[Round]) -> Vec<f64> {
    let total = sum(rounds).events.max(1);
    let mut before = 0;
    let slice_of = |round: &Round| {
        let middle = before + round.events / 2;
        before += round.events;
        middle * SLICES / total
    };
    let of: Vec<u64> = rounds.iter().map(slice_of).collect();
    let slice = |n| rounds.iter().zip(&of).filter(|(_, of)| **of == n).map(|(round, _)| *round).collect();
    let slices = (0..SLICES).map(slice).filter(|rounds: &Vec<Round>| !rounds.is_empty());
    slices.map(|rounds| sum(&rounds).speed()).collect()
}

/// CPU time that this process has spent; nothing on systems that don't tell.
fn own_cpu_secs() -> f64 {
    machine::cpu_secs(std::process::id()).unwrap_or(0.0)
}

fn options() -> HouseOptions {
    HouseOptions {
        ingest: IngestConfig::default(),
        queue: QueueOptions { site_share_max: 1.0, ..QueueOptions::default() },
        processor: ProcessorOptions::default(),
        public_url: None,
        own_paths: OwnPaths::default(),
        demo: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(events: u64, ms: u64) -> Round {
        Round { events, commits: 1, time: Duration::from_millis(ms), cpu_secs: 0.0 }
    }

    #[test]
    fn slices_show_when_the_second_half_takes_twice_as_long() {
        let rounds: Vec<Round> = (0..20).map(|n| round(50, if n < 10 { 50 } else { 100 })).collect();
        let speeds = slices(&rounds);
        assert_eq!(speeds.len(), 10);
        for (n, speed) in speeds.iter().enumerate() {
            let expected = if n < 5 { 1_000.0 } else { 500.0 };
            assert!((speed - expected).abs() < 1e-6, "{n}: {speed}");
        }
    }

    #[test]
    fn few_rounds_make_fewer_slices_and_none_make_none() {
        assert_eq!(slices(&[round(900, 1), round(100, 1)]).len(), 2);
        assert_eq!(slices(&[]).len(), 0);
    }

    #[test]
    fn a_visitor_makes_as_many_events_as_an_ordinary_day_says() {
        let first_day = LocalDay(20_000);
        let until = Zone::utc().start_of(LocalDay(20_030));
        let past = Past { first_day, until, events_per_day: 37_000.0, events: u64::MAX, seed: 1 };
        let visitors = past.profile(SiteId(1)).visitors_per_day;
        assert!((9_000.0..11_000.0).contains(&visitors), "{visitors}");
    }
}
