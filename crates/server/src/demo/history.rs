//! A past, entered below admission: with receipt times and visitor ids of its own, through the real
//! queue and processor.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context;
use weir_event::Event;
use weir_queue::{Entry, Queue};

use crate::serve::House;

/// Appended at a time; a whole number of them makes the processor's largest batch.
const CHUNK_EVENTS: usize = 10_000;

/// Chunks that may wait in the queue: enough that neither side waits for the other, few enough that
/// the queue stays small.
const CHUNKS_WAITING_MAX: usize = 3;

/// Enters `events` while earlier ones are folded, and says how many events there were. Ends early, but
/// with a whole chunk, once `stop` is set. `entered` hears of the last event of every chunk.
///
/// # Errors
/// The queue can't take an event, or the store can't be written.
pub(super) fn enter(
    house: &mut House,
    events: impl Iterator<Item = Event> + Send,
    stop: &AtomicBool,
    entered: &(dyn Fn(&Event) + Sync),
) -> anyhow::Result<u64> {
    let queue = house.queue.clone();
    std::thread::scope(|scope| {
        let (appended, chunks) = sync_channel(CHUNKS_WAITING_MAX);
        let producer = scope.spawn(move || append(&queue, events, stop, &appended, entered));
        let drained = chunks.into_iter().try_for_each(|()| {
            house.processor.drain().map(drop).context("events that were entered can't be folded")
        });
        let events = producer.join().expect("the generator doesn't panic");
        drained?;
        events
    })
}

fn append(
    queue: &Queue,
    mut events: impl Iterator<Item = Event>,
    stop: &AtomicBool,
    appended: &SyncSender<()>,
    entered: &dyn Fn(&Event),
) -> anyhow::Result<u64> {
    let mut count = 0;
    loop {
        let chunk: Vec<Event> = events.by_ref().take(CHUNK_EVENTS).collect();
        let Some(last) = chunk.last() else { return Ok(count) };
        entered(last);
        count += chunk.len() as u64;
        let entries = chunk.into_iter().map(|event| Entry::Event(Box::new(event))).collect();
        queue.append_blocking(entries).context("the queue takes no more")?;
        // Who folds has given up, and says why.
        if appended.send(()).is_err() || stop.load(Ordering::Acquire) {
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_dashboard::{OwnPaths, read_ledger};
    use weir_event::{Clock, LocalDay, Millis, SystemClock, Zone};
    use weir_ingest::IngestConfig;
    use weir_processor::{ProcessorOptions, verify};
    use weir_queue::QueueOptions;
    use weir_registry::Access;

    use super::*;
    use crate::serve::HouseOptions;
    use crate::traffic::{Live, Profile, Traffic};

    fn house(folder: &std::path::Path) -> House {
        let options = HouseOptions {
            ingest: IngestConfig::default(),
            queue: QueueOptions::default(),
            processor: ProcessorOptions::default(),
            public_url: None,
            own_paths: OwnPaths::default(),
            demo: true,
        };
        House::open(folder, options).expect("a house")
    }

    #[test]
    fn a_demos_past_balances_and_is_what_its_log_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut house = house(folder.path());
        let zone: Zone = "Europe/Berlin".parse().expect("a zone");
        let site = house.registry.add_site("lakeside.example", &zone).expect("a site");
        let now = SystemClock.now();
        let last_day = zone.day_of(now);
        let (domain, visitors_per_day) = (site.domain, 120.0);
        let (growth_per_day, seed) = (0.0, 3);
        let profile =
            Profile { site: site.id, domain, zone, visitors_per_day, growth_per_day, last_day, seed };
        let stop = AtomicBool::new(false);
        let first_day = LocalDay(last_day.0 - 2);
        let before = now - 10 * Millis::MINUTE;
        let history = Traffic::new(profile.clone()).into_history(first_day, before);
        let mut events = enter(&mut house, history, &stop, &|_| {}).expect("entered");
        let mut live = Live::from(Traffic::new(profile), before);
        events += enter(&mut house, live.until(now).into_iter(), &stop, &|_| {}).expect("entered");
        assert!(events > 500, "{events}");
        let mut queue = house.queue.reader().expect("a reader");
        let ledger = read_ledger(&mut queue, &house.store, &house.registry, Access::All).expect("a ledger");
        assert!(ledger.balanced);
        assert_eq!(ledger.pending, 0);
        let days = ledger.sites.iter().flat_map(|site| &site.days);
        assert_eq!(days.map(|day| day.received).sum::<u64>(), events);
        let verified = verify(&house.store, &[], &mut |_, _| {}).expect("verified");
        assert!(verified.is_equal(), "{:?}", verified.told);
        let is_here =
            |reading: &weir_store::Reading<'_>| reading.visitors_now(site.id, now - 5 * Millis::MINUTE);
        assert!(house.store.read(is_here).expect("read") > 0, "somebody is there");
    }

    #[test]
    fn a_past_that_is_stopped_ends_with_a_whole_chunk() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut house = house(folder.path());
        let stop = AtomicBool::new(true);
        let site = house.registry.add_site("lakeside.example", &Zone::utc()).expect("a site");
        let last_day = LocalDay(20_000);
        let traffic = Traffic::new(Profile {
            site: site.id,
            domain: site.domain,
            zone: Zone::utc(),
            visitors_per_day: 5_000.0,
            growth_per_day: 0.0,
            last_day,
            seed: 3,
        });
        let history = traffic.into_history(last_day, Zone::utc().start_of(last_day.next()));
        let events = enter(&mut house, history, &stop, &|_| {}).expect("entered");
        assert_eq!(events, CHUNK_EVENTS as u64);
    }
}
