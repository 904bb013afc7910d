//! Trouble of the disk or a database: nothing advances, nobody is condemned, and all of it is made
//! good when the trouble ends.

use std::fs;

use weir_event::{Event, LocalDay, Millis, SiteId};
use weir_store::{BookEntry, DayState};
use weir_testkit::page_view;

use crate::world::World;

/// A midnight in UTC.
const MIDNIGHT: Millis = Millis(1_780_012_800_000);

fn world() -> (World, SiteId) {
    let world = World::new();
    let site = world.site("example.com", "UTC").id;
    (world, site)
}

fn views(site: SiteId, from: u64, n: u64) -> Vec<Event> {
    let view = |n: u64| {
        let time = MIDNIGHT + Millis::HOUR + i64::try_from(n).expect("few");
        Event { props: format!("{{\"n\":{n}}}"), ..page_view(n, site, n % 3, time) }
    };
    (from..from + n).map(view).collect()
}

fn check_sound(world: &World) {
    let verified = world.verify();
    assert!(verified.is_equal(), "{:#?}", verified.told);
    assert_eq!(world.unbalanced(), Vec::<String>::new());
}

/// As if the disk failed whenever this is done.
fn fail_at(world: &World, done: &str) {
    world.tamper(&format!(
        "CREATE TRIGGER failing BEFORE {done} BEGIN SELECT RAISE(FAIL, 'the disk failed'); END"
    ));
}

fn heal(world: &World) {
    world.tamper("DROP TRIGGER failing");
}

fn check_repeated_whole(failing: &str) {
    let (mut world, site) = world();
    world.take(&views(site, 0, 5));
    let before = world.state(site);
    fail_at(&world, failing);
    world.append(&views(site, 3, 7));
    for _ in 0..3 {
        let error = world.try_drain().expect_err("the disk fails");
        assert!(error.contains("the disk failed"), "{failing}: {error}");
        assert_eq!(world.state(site), before, "{failing}");
    }
    heal(&world);
    let drained = world.drain();
    assert_eq!((drained.rows, drained.dead), (7, 0), "{failing}");
    assert_eq!(world.booked(site, BookEntry::Stored), 10, "{failing}");
    assert_eq!(world.booked(site, BookEntry::Duplicate), 2, "{failing}");
    check_sound(&world);
}

#[test]
fn a_batch_that_fails_at_any_step_advances_nothing_and_is_repeated_as_a_whole() {
    check_repeated_whole("INSERT ON seen_ids");
    check_repeated_whole("INSERT ON events");
    check_repeated_whole("UPDATE ON queue_days");
    check_repeated_whole("UPDATE ON site_stats");
    check_repeated_whole("UPDATE ON ledger");
    check_repeated_whole("UPDATE ON checkpoint");
}

/// A second thread reads on while a batch is applied; with batches this large it does.
#[test]
fn what_is_read_ahead_of_a_batch_that_fails_is_read_again_and_counted_once() {
    let mut world = World::in_batches_of(1_000);
    let site = world.site("example.com", "UTC").id;
    let mut events = views(site, 0, 3_500);
    events[2_200].day = LocalDay(i32::MAX);
    events.push(events[100].clone());
    world.append(&events);
    fail_at(&world, "UPDATE ON checkpoint");
    world.try_drain().expect_err("the second batch fails");
    assert_eq!(world.booked(site, BookEntry::Stored), 1_000);
    heal(&world);
    let drained = world.drain();
    assert_eq!((drained.rows, drained.dead), (2_501, 1));
    assert_eq!(world.booked(site, BookEntry::Stored), 3_499);
    assert_eq!(world.booked(site, BookEntry::Duplicate), 1);
    check_sound(&world);
}

#[test]
fn a_store_that_is_locked_advances_nothing_and_is_waited_for() {
    let (mut world, site) = world();
    let lock = world.sql();
    lock.execute_batch("BEGIN IMMEDIATE").expect("locks");
    world.append(&views(site, 0, 5));
    let error = world.try_drain().expect_err("is locked");
    assert!(error.contains("locked"), "{error}");
    lock.execute_batch("ROLLBACK").expect("lets go");
    assert_eq!(world.drain().rows, 5);
    check_sound(&world);
}

/// With overflow checks the step that looks for the end of such a day panics.
#[test]
fn a_row_that_panics_while_the_store_is_in_trouble_is_not_condemned_before_the_trouble_is_over() {
    let (mut world, site) = world();
    world.take(&views(site, 0, 1));
    let mut events = views(site, 1, 3);
    events[1].day = LocalDay(i32::MAX);
    world.append(&events);
    fail_at(&world, "UPDATE ON checkpoint");
    for _ in 0..2 {
        world.try_drain().expect_err("the store fails");
        assert_eq!(world.booked(site, BookEntry::Dead), 0);
    }
    heal(&world);
    assert_eq!(world.drain().dead, 1);
    assert_eq!(world.number("SELECT seq FROM dead_events"), 3);
    check_sound(&world);
}

#[test]
fn a_day_that_can_not_be_retired_stops_neither_counting_nor_settling_and_is_retired_once_it_can() {
    let (mut world, site) = world();
    let other = world.site("pulse.test", "UTC").id;
    world.take(&views(site, 0, 5));
    fail_at(&world, "UPDATE OF state ON site_days");
    for n in 0..3u64 {
        let later = MIDNIGHT + 3 * Millis::DAY + i64::try_from(n).expect("few") * Millis::MINUTE;
        world.append(&[page_view(100 + n, other, 1, later)]);
        let error = world.try_drain().expect_err("is told");
        assert!(error.contains("the disk failed"), "{error}");
        assert_eq!(world.booked(other, BookEntry::Stored), n + 1, "the event is counted all the same");
        assert_eq!(world.day_states(site), [DayState::Open]);
    }
    heal(&world);
    world.drain();
    assert_eq!(world.day_states(site), [DayState::Sealed], "without another event");
    check_sound(&world);
}

#[test]
fn statistics_whose_file_is_deleted_under_the_processor_are_all_there_and_go_on() {
    for endings in [&[""][..], &["-wal"], &["", "-wal", "-shm"]] {
        let (mut world, site) = world();
        world.take(&views(site, 0, 5));
        assert_eq!(world.rows(site)[&name(site)][3], 5);
        for ending in endings {
            fs::remove_file(world.path(&format!("weir.db{ending}"))).expect("removed");
        }
        assert_eq!(world.rows(site)[&name(site)][3], 5, "readers read on");
        world.take(&views(site, 3, 7));
        assert_eq!(world.rows(site)[&name(site)][3], 10);
        world.restart();
        assert_eq!(world.rows(site)[&name(site)][3], 10, "{endings:?}");
        assert_eq!(world.booked(site, BookEntry::Duplicate), 2);
        check_sound(&world);
    }
}

fn name(site: SiteId) -> crate::world::RowName {
    crate::world::RowName {
        site,
        table: "site_stats",
        grain: "day",
        role: 0,
        bucket: MIDNIGHT.0 / Millis::DAY,
        value: String::new(),
        second: String::new(),
    }
}

#[test]
fn nothing_is_settled_while_another_file_stands_in_the_statistics_place() {
    let (mut world, site) = world();
    world.take(&views(site, 0, 5));
    let aside = world.path("aside.db");
    fs::rename(world.path("weir.db"), &aside).expect("moved");
    fs::write(world.path("weir.db"), "an older copy").expect("written");
    let before = world.append(&views(site, 5, 5));
    let error = world.try_drain().expect_err("another file");
    assert!(error.contains("weir.db was replaced"), "{error}");
    assert_eq!(
        world.queue.reader().expect("opens").pending(weir_event::Seq(before.0 - 5), 10).expect("reads").len(),
        5
    );
    fs::rename(&aside, world.path("weir.db")).expect("moved back");
    world.drain();
    assert_eq!(world.booked(site, BookEntry::Stored), 10);
    check_sound(&world);
}
