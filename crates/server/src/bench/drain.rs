//! How fast a full queue is folded, and whether that slows down as the log grows.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, ensure};
use weir_event::{LocalDay, SystemClock, Zone};
use weir_processor::{Processor, ProcessorOptions};
use weir_queue::{Entry, Queue, QueueOptions};
use weir_registry::{Registry, Site};
use weir_store::Store;

use super::report::{Section, figure};
use super::run::Bench;
use super::server::DOMAIN;
use crate::output;
use crate::traffic::{Profile, Traffic};

const VISITORS_PER_DAY: f64 = 10_000.0;

const CHUNK_EVENTS: usize = 20_000;

/// Parts of the work whose speeds are compared.
const SLICES: u64 = 10;

pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<Section> {
    output::note(&format!("Drain of {} events: filling the queue ...", bench.args.events));
    let folder = bench.folder()?;
    let registry = Registry::open(folder.path(), Arc::new(SystemClock))?;
    let site = registry.add_site(DOMAIN, &Zone::utc())?;
    let queue = Queue::open(&folder.path().join("queue.db"), options(bench.args.events))?;
    let begun = Instant::now();
    fill(bench, &queue, &site)?;
    let fill_secs = begun.elapsed().as_secs_f64();
    output::note("Drain: folding ...");
    let commits = Arc::new(Mutex::new(Vec::new()));
    let mut processor = processor(folder.path(), &queue, &registry, commits.clone())?;
    let begun = Instant::now();
    let drained = processor.drain()?;
    let secs = begun.elapsed().as_secs_f64();
    drop(processor);
    queue.close();
    ensure!(drained.rows == bench.args.events && drained.dead == 0, "not all was folded: {drained:?}");
    let commits = std::mem::take(&mut *commits.lock().unwrap_or_else(PoisonError::into_inner));
    let events = bench.args.events as f64;
    let mut figures = vec![
        figure("events", events),
        figure("drained_events_per_second", events / secs),
        figure("us_per_event", secs * 1e6 / events),
        figure("commits", drained.batches as f64),
        figure("append_events_per_second", events / fill_secs),
    ];
    figures.extend(
        slices(&commits, begun, bench.args.events)
            .into_iter()
            .enumerate()
            .map(|(n, speed)| figure(format!("slice_{}_events_per_second", n + 1), speed)),
    );
    Ok(Section { name: "drain".to_owned(), figures })
}

fn options(events: u64) -> QueueOptions {
    QueueOptions { backlog_events_max: events + 1, site_share_max: 1.0, ..QueueOptions::default() }
}

/// Exactly as many events as asked for, as days of ordinary traffic.
fn fill(bench: &Bench<'_>, queue: &Queue, site: &Site) -> anyhow::Result<()> {
    let first_day = LocalDay(20_000);
    let traffic = Traffic::new(Profile {
        site: site.id,
        domain: site.domain.clone(),
        zone: Zone::utc(),
        visitors_per_day: VISITORS_PER_DAY,
        growth_per_day: 0.0,
        last_day: first_day,
        seed: 12,
    });
    let for_ever = Zone::utc().start_of(LocalDay(1_000_000));
    let events = traffic.history(first_day, for_ever).flatten().take(bench.args.events as usize);
    let mut entries = events.map(|event| Entry::Event(Box::new(event))).peekable();
    while entries.peek().is_some() {
        bench.check_stopped()?;
        let chunk: Vec<Entry> = entries.by_ref().take(CHUNK_EVENTS).collect();
        queue.append_blocking(chunk).context("the queue takes no more")?;
    }
    Ok(())
}

/// (up to which row, when) of every commit.
type Commits = Arc<Mutex<Vec<(i64, Instant)>>>;

fn processor(
    folder: &Path,
    queue: &Queue,
    registry: &Registry,
    commits: Commits,
) -> anyhow::Result<Processor> {
    let store = Store::open(&folder.join("weir.db"))?;
    let on_commit = move |committed: &weir_processor::Committed| {
        let commit = (committed.checkpoint.seq.0, Instant::now());
        commits.lock().unwrap_or_else(PoisonError::into_inner).push(commit);
    };
    let options = ProcessorOptions::default();
    Ok(Processor::new(store, queue.clone(), registry.clone(), options, Box::new(on_commit))?)
}

/// Events a second of each tenth of the work, to the commit that ends it.
fn slices(commits: &[(i64, Instant)], begun: Instant, events: u64) -> Vec<f64> {
    let mut speeds = Vec::new();
    let (mut from, mut since) = (0, begun);
    for n in 1..=SLICES {
        let to = (events * n / SLICES) as i64;
        let Some((seq, at)) = commits.iter().find(|(seq, _)| *seq >= to) else { break };
        if *seq > from {
            speeds.push((seq - from) as f64 / at.duration_since(since).as_secs_f64());
        }
        (from, since) = (*seq, *at);
    }
    speeds
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn slices_show_when_the_second_half_takes_twice_as_long() {
        let begun = Instant::now();
        let after = |ms| begun + Duration::from_millis(ms);
        let commits: Vec<_> =
            (1..=10).map(|n| (n * 100, after(n as u64 * 100 + (n as u64).saturating_sub(5) * 100))).collect();
        let speeds = slices(&commits, begun, 1_000);
        assert_eq!(speeds.len(), 10);
        for (n, speed) in speeds.iter().enumerate() {
            let expected = if n < 5 { 1_000.0 } else { 500.0 };
            assert!((speed - expected).abs() < 1e-6, "{n}: {speed}");
        }
    }

    #[test]
    fn few_large_commits_make_fewer_slices() {
        let begun = Instant::now();
        let commits = [(900, begun + Duration::from_secs(1)), (1_000, begun + Duration::from_secs(2))];
        assert_eq!(slices(&commits, begun, 1_000).len(), 2);
    }
}
