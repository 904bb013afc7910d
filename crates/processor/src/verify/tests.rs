use std::sync::Arc;
use std::time::Duration;

use weir_event::{Event, Millis};
use weir_queue::{Entry, Queue, QueueOptions};
use weir_registry::Registry;
use weir_store::Store;
use weir_testkit::{TestClock, page_view};

use super::*;
use crate::{Processor, ProcessorOptions};

const NOON: Millis = Millis(1_780_056_000_000);

/// Everything in pieces and many parts.
const SMALL: (Pace, Bounds) = (Pace { one: Duration::ZERO, rows: 7 }, Bounds { events: 11, rows: 40 });

/// 400 views of 40 visitors on 30 pages, today and yesterday.
fn filled(folder: &std::path::Path) -> Store {
    let registry = Registry::open(folder, Arc::new(TestClock::at(NOON))).expect("a registry");
    let site = registry.add_site("example.com", &weir_event::Zone::utc()).expect("a site").id;
    let queue = Queue::open(&folder.join("queue.db"), QueueOptions::default()).expect("a queue");
    let view = |n: u64| {
        let time = NOON + i64::try_from(n % 9).expect("few") * Millis::HOUR
            - i64::from(n.is_multiple_of(3)) * Millis::DAY;
        let event = page_view(n, site, n % 40, time);
        // One in ten has no visitor.
        let visitor = event.visitor.filter(|_| !n.is_multiple_of(10));
        Event { path: format!("/{}", n % 30), visitor, ..event }
    };
    let events = (0..400).map(|n| Entry::Event(Box::new(view(n)))).collect();
    let store = Store::open(&folder.join("weir.db")).expect("a store");
    let processor =
        Processor::new(store, queue.clone(), registry, ProcessorOptions::default(), Box::new(|_| {}));
    let mut processor = processor.expect("a processor");
    assert!(queue.append_blocking(events).is_ok());
    processor.drain().expect("drained");
    processor.into_store()
}

fn found(reader: &StoreReader, how: (Pace, Bounds)) -> Verified {
    verify_paced(reader, &[], how, &mut |_, _| {}).expect("verified")
}

#[test]
fn days_read_in_pieces_and_parts_are_found_as_those_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = filled(folder.path()).reader();
    let whole = found(&reader, (PACE, BOUNDS));
    assert!(whole.is_equal() && whole.days == 2 && whole.rows > 500, "{whole:?}");
    for bounds in [Bounds { events: 11, rows: 40 }, Bounds { events: 60, rows: 150 }, BOUNDS] {
        assert_eq!(found(&reader, (SMALL.0, bounds)), whole, "{bounds:?}");
    }
    let sql = rusqlite::Connection::open(folder.path().join("weir.db")).expect("opens");
    for change in [
        "UPDATE page_stats SET pageviews = pageviews + 1 WHERE grain = 1 AND role = 0",
        "DELETE FROM page_stats WHERE grain = 0 AND role = 1 AND value % 3 = 0",
        "UPDATE site_stats SET bounces = 0 WHERE grain = 2",
        "INSERT INTO host_stats SELECT 1, 1, 0, 7, 3, 1, 1, 1, 1, 1, 1, 1",
    ] {
        assert!(sql.execute(change, []).expect("changed") > 0, "{change}");
    }
    let whole = found(&reader, (PACE, BOUNDS));
    assert!(whole.different > 50, "{whole:?}");
    let pieces = found(&reader, SMALL);
    assert_eq!((pieces.different, pieces.rows), (whole.different, whole.rows));
}

#[test]
fn a_day_that_never_stands_still_is_not_accused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = filled(folder.path());
    let reader = store.reader();
    let site = SiteId(1);
    let today = LocalDay(20_602);
    let mut tries = 0;
    let read = steady::read(&reader, site, (today, today), SMALL.0, |steady| {
        tries += 1;
        steady.piece(|reading| reading.changes(site, today, today))?;
        let mut batch = store.begin()?;
        batch.touch_day(site, today)?;
        batch.commit()?;
        steady.piece(|reading| reading.changes(site, today, today))
    });
    assert_eq!(read.expect("read"), None);
    assert_eq!(tries, 4, "once whole, three times in pieces");
    // Another day of the site is none of its business.
    let other = (today.previous(), today.previous());
    let read = steady::read(&reader, site, other, SMALL.0, |steady| {
        let before = steady.piece(|reading| reading.changes(site, other.0, other.1))?;
        let mut batch = store.begin()?;
        batch.touch_day(site, today)?;
        batch.commit()?;
        let after = steady.piece(|reading| reading.changes(site, other.0, other.1))?;
        Ok(before == after)
    });
    assert_eq!(read.expect("read"), Some(true));
}
