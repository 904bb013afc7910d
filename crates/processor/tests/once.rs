//! Every event once, whatever breaks between the queue and the store.

use weir_event::{Event, Millis, SiteId};
use weir_processor::Drained;
use weir_store::BookEntry;
use weir_testkit::page_view;

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

/// Page views of one visitor, ids and properties counting up from `from`.
fn views(site: SiteId, from: u64, n: u64) -> Vec<Event> {
    let view = |n| {
        let event = page_view(n, site, 1, NOON + i64::try_from(n).expect("few") * 1_000);
        Event { props: format!("{{\"n\":{n}}}"), path: format!("/{}", n % 3), ..event }
    };
    (from..from + n).map(view).collect()
}

fn world() -> (World, SiteId) {
    let world = World::new();
    let site = world.site("example.com", "UTC").id;
    (world, site)
}

#[test]
fn a_batch_that_the_queue_still_holds_after_a_crash_is_not_taken_again() {
    let (mut world, site) = world();
    world.append(&views(site, 0, 20));
    let unsettled = world.copy_queue();
    assert_eq!(world.drain().rows, 20);
    let before = world.state(site);
    world.restart_with_queue(Some(unsettled));
    assert_eq!(world.drain(), Drained::default(), "the checkpoint is past all of it");
    assert_eq!(world.state(site), before);
    assert_eq!(world.unbalanced(), Vec::<String>::new());
    world.take(&views(site, 20, 1));
    assert_eq!(world.booked(site, BookEntry::Stored), 21, "and it goes on from there");
    assert!(world.verify().is_equal());
}

#[test]
fn a_batch_that_fails_before_its_commit_changes_nothing_and_condemns_nobody() {
    let (mut world, site) = world();
    world.take(&views(site, 0, 5));
    let before = world.state(site);
    let sql = "CREATE TRIGGER broken BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'the disk'); END";
    world.sql().execute_batch(sql).expect("made");
    world.append(&views(site, 3, 5));
    assert!(world.try_drain().is_err());
    assert_eq!(world.state(site), before);
    assert_eq!(world.number("SELECT count(*) FROM dead_events"), 0);
    assert_eq!(world.unbalanced(), Vec::<String>::new(), "what is not folded is pending");
    world.sql().execute_batch("DROP TRIGGER broken").expect("dropped");
    assert_eq!(world.drain(), Drained { rows: 5, batches: 1, dead: 0 });
    assert_eq!(world.booked(site, BookEntry::Stored), 8);
    assert_eq!(world.booked(site, BookEntry::Duplicate), 2);
    assert!(world.verify().is_equal());
    assert_eq!(world.unbalanced(), Vec::<String>::new());
}

#[test]
fn a_queue_that_names_no_opening_that_is_known_is_read_from_its_oldest_row_and_known_ids_decide() {
    let (mut world, site) = world();
    world.append(&views(site, 0, 20));
    let copy = world.copy_queue();
    world.drain();
    let (rows, log, _) = world.state(site);
    let strange = rusqlite::Connection::open(&copy).expect("opens");
    strange.execute("UPDATE openings SET id = randomblob(16)", []).expect("changed");
    drop(strange);
    world.restart_with_queue(Some(copy));
    assert_eq!(world.drain().rows, 20);
    assert_eq!(world.booked(site, BookEntry::Duplicate), 20);
    assert_eq!((world.rows(site), world.log(site)), (rows, log));
    assert_eq!(world.unbalanced(), Vec::<String>::new());
}

#[test]
fn a_new_queue_file_begins_at_one_and_is_read_from_there() {
    let (mut world, site) = world();
    world.take(&views(site, 0, 20));
    world.restart_with_queue(None);
    world.append(&views(site, 18, 4));
    assert_eq!(world.drain().rows, 4, "although the checkpoint was at 20");
    assert_eq!(world.booked(site, BookEntry::Stored), 22);
    assert_eq!(world.booked(site, BookEntry::Duplicate), 2);
    assert_eq!(world.drain(), Drained::default());
    assert!(world.verify().is_equal());
}

#[test]
fn ids_are_forgotten_48_hours_after_their_receipt_and_no_sooner() {
    let (mut world, site) = world();
    // The hour of receipt has to change for ids to be looked at: begin on a full one.
    let view = |n: u64, after_ms: i64| {
        let event = page_view(n, site, 1, NOON + after_ms);
        Event { props: format!("{{\"n\":{n}}}"), ..event }
    };
    let known = |world: &World| world.number("SELECT count(*) FROM seen_ids");
    world.take(&[view(0, 0), view(1, 1_000)]);
    assert_eq!(known(&world), 2);
    world.take(&[view(2, 2 * Millis::DAY - Millis::HOUR)]);
    assert_eq!(known(&world), 3);
    world.take(&[view(3, 2 * Millis::DAY)]);
    assert_eq!(known(&world), 4, "exactly 48 hours");
    world.take(&[view(4, 2 * Millis::DAY + Millis::HOUR)]);
    assert_eq!(known(&world), 3, "a full hour later the first two are gone, and the fifth is there");
}
