//! From admitted events to rows on disk.

use std::path::Path;

use anyhow::ensure;
use weir_queue::Entry;

use crate::folder::{TODAY, entry, queue, registry, site};
use crate::traffic::Traffic;

const EVENTS_PER_DAY: usize = 50_000;
/// The most that a run may ask for.
pub(crate) const EVENTS_MAX: usize = 41_000;

pub(crate) fn prepare(folder: &Path, _units: usize) -> anyhow::Result<()> {
    site(&registry(folder)?)?;
    // The first commit makes the tables.
    queue(folder)?.close();
    Ok(())
}

pub(crate) fn of_ten(folder: &Path, events: usize) -> anyhow::Result<()> {
    in_deliveries_of(10, folder, events)
}

pub(crate) fn of_a_thousand(folder: &Path, events: usize) -> anyhow::Result<()> {
    in_deliveries_of(1_000, folder, events)
}

/// Each has a commit of its own: the next one comes when it has been answered. All are made whatever
/// their number to append, so that making them costs the same in every run.
fn in_deliveries_of(size: usize, folder: &Path, events: usize) -> anyhow::Result<()> {
    let site = site(&registry(folder)?)?;
    let queue = queue(folder)?;
    let mut traffic = Traffic::new(&site, TODAY, EVENTS_PER_DAY).map(entry);
    let deliveries = (0..EVENTS_MAX / size).map(|_| traffic.by_ref().take(size).collect());
    let mut deliveries: Vec<Vec<Entry>> = deliveries.collect();
    for delivery in deliveries.drain(..events / size) {
        queue.append_blocking(delivery)?;
    }
    let gauges = queue.gauges();
    queue.close();
    let expected = (events as u64, (events / size) as u64);
    ensure!((gauges.backlog_events, gauges.commits) == expected, "other work than was meant: {gauges:?}");
    Ok(())
}
