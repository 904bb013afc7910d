//! A data folder with one site, and the parts on it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use weir_event::limits::COMMIT_EVENTS_MAX;
use weir_event::{Event, LocalDay, Millis, Zone};
use weir_processor::{Processor, ProcessorOptions};
use weir_queue::{Entry, Queue, QueueOptions};
use weir_registry::{Registry, Site};
use weir_store::Store;
use weir_testkit::TestClock;

pub(crate) const DOMAIN: &str = "example.com";

/// The day of now, which is noon.
pub(crate) const TODAY: LocalDay = LocalDay(20_600);

pub(crate) fn now() -> Millis {
    Zone::utc().start_of(TODAY) + 12 * Millis::HOUR
}

pub(crate) fn registry(folder: &Path) -> anyhow::Result<Registry> {
    Ok(Registry::open(folder, Arc::new(TestClock::at(now())))?)
}

/// The folder's site; made where missing.
pub(crate) fn site(registry: &Registry) -> anyhow::Result<Site> {
    match registry.site(DOMAIN) {
        Some(site) => Ok(Site::clone(&site)),
        None => Ok(registry.add_site(DOMAIN, &Zone::utc())?),
    }
}

pub(crate) fn queue(folder: &Path) -> anyhow::Result<Queue> {
    // How much room the machine's disk has is none of the path's business.
    let options = QueueOptions { disk_reserve_bytes: 0, ..QueueOptions::default() };
    Ok(Queue::open(&folder.join("queue.db"), options)?)
}

pub(crate) fn entry(event: Event) -> Entry {
    Entry::Event(Box::new(event))
}

/// One commit, or some where there are more events than one takes.
pub(crate) fn enter(queue: &Queue, events: impl Iterator<Item = Event>) -> anyhow::Result<()> {
    let mut entries = events.map(entry).peekable();
    while entries.peek().is_some() {
        let commit = entries.by_ref().take(COMMIT_EVENTS_MAX).collect();
        queue.append_blocking(commit).context("the queue takes no more")?;
    }
    Ok(())
}

/// Folds all that the queue holds.
pub(crate) fn drain(folder: &Path, queue: &Queue, registry: &Registry) -> anyhow::Result<u64> {
    let store = Store::open(&folder.join("weir.db"))?;
    let options = ProcessorOptions::default();
    let mut processor =
        Processor::new(store, queue.clone(), registry.clone(), options, Box::new(|_: &_| {}))?;
    Ok(processor.drain()?.rows)
}
