//! From the queue's rows to statistics.

use std::path::Path;

use anyhow::ensure;
use weir_event::LocalDay;

use crate::folder::{TODAY, drain, enter, queue, registry, site};
use crate::traffic::Traffic;

/// A day ends within a run, and is closed and sealed.
const EVENTS_PER_DAY: usize = 10_000;
/// Of earlier days, folded beforehand: nothing is new to the store any more.
const PAST_EVENTS: usize = 20_000;

/// A store with a past, and a queue with so many events to fold.
pub(crate) fn prepare(folder: &Path, events: usize) -> anyhow::Result<()> {
    let registry = registry(folder)?;
    let site = site(&registry)?;
    let queue = queue(folder)?;
    let first_day = LocalDay(TODAY.0 - (PAST_EVENTS / EVENTS_PER_DAY) as i32);
    let mut traffic = Traffic::new(&site, first_day, EVENTS_PER_DAY);
    enter(&queue, traffic.by_ref().take(PAST_EVENTS))?;
    drain(folder, &queue, &registry)?;
    enter(&queue, traffic.take(events))?;
    queue.close();
    Ok(())
}

pub(crate) fn run(folder: &Path, events: usize) -> anyhow::Result<()> {
    let registry = registry(folder)?;
    let queue = queue(folder)?;
    let rows = drain(folder, &queue, &registry)?;
    queue.close();
    ensure!(rows == events as u64, "{rows} rows were folded instead of {events}");
    Ok(())
}
