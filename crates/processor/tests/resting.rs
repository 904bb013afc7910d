//! What a processor gives back when nothing comes must not be missed by what comes then.

use weir_event::{Event, Millis, SiteId};
use weir_queue::{Entry, Queue};
use weir_rollups::{Counters, Table};
use weir_testkit::page_view;

use crate::world::{RowName, World};

/// Visits that go on over batches: some visitors come back, some are new, and each is read about by a
/// browser of its own.
fn batches(site: SiteId) -> Vec<Vec<Event>> {
    let begin = Millis(1_780_000_000_000);
    let view = |n: u64| {
        let user_agent =
            format!("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", 100 + n);
        let (path, props) = (format!("/{}", n % 3), format!("{{\"n\":{n}}}"));
        Event { user_agent, path, props, ..page_view(n, site, n % 5, begin + n as i64 * Millis::MINUTE) }
    };
    (0..6).map(|batch| (batch * 4..batch * 4 + 7).map(view).collect()).collect()
}

#[test]
fn resting_between_batches_changes_no_figure() {
    let mut states = Vec::new();
    for rests in [false, true] {
        let mut world = World::new();
        let site = world.site("example.com", "UTC").id;
        for batch in batches(site) {
            world.take(&batch);
            if rests {
                world.rest();
            }
        }
        let verified = world.verify();
        assert!(verified.rows > 0 && verified.different == 0, "{verified:?}");
        states.push((world.rows(site), world.log(site)));
    }
    assert!(states[0] == states[1], "{states:#?}");
}

fn fold(queue: &Queue, event: &Event) {
    queue.append_blocking(vec![Entry::Event(Box::new(event.clone()))]).expect("appended");
    while queue.gauges().backlog_events > 0 {
        std::thread::yield_now();
    }
}

/// Looking for commands of other processes wakes the processor, under load now and then for nothing. It
/// shows in what it knows of a visitor whose log was lost: after a rest that would be nothing.
#[test]
fn being_woken_is_no_reason_to_rest() {
    let mut world = World::new();
    let site = world.site("example.com", "UTC").id;
    let begin = Millis(1_780_000_000_000);
    let view = |n: u64| page_view(n, site, 1, begin + n as i64 * Millis::MINUTE);
    let store = world.path("weir.db");
    world.run_beside(|queue| {
        fold(queue, &view(0));
        let log = rusqlite::Connection::open(store).expect("opens");
        assert_eq!(log.execute("DELETE FROM events", []).expect("deletes"), 1);
        for _ in 0..10_000 {
            queue.wake();
            std::thread::yield_now();
        }
        fold(queue, &view(1));
    });
    let of_day =
        |row: &(RowName, [i64; 8])| (row.0.table, row.0.grain, row.0.role) == (Table::Site.name(), "day", 0);
    let days: Vec<_> = world.rows(site).into_iter().filter(of_day).collect();
    let visits = Counters::from_values(days[0].1).visits;
    assert_eq!((days.len(), visits), (1, 1), "the second view goes on with the visit: {days:?}");
}
