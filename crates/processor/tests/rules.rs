//! Days counted anew: after a change of rules, a crash, a release that counts otherwise.

use weir_event::{Event, Millis, Reason, SiteId, limits};
use weir_store::{BookEntry, DayState};
use weir_testkit::page_view;

use crate::world::World;

/// A midnight in UTC.
const MIDNIGHT: Millis = Millis(1_780_012_800_000);
const BOT: BookEntry = BookEntry::SetAside(Reason::Bot);

fn world() -> (World, SiteId) {
    let world = World::new();
    let site = world.site("example.com", "UTC").id;
    world.site("pulse.test", "UTC");
    (world, site)
}

fn view(n: u64, site: SiteId, time: Millis) -> Event {
    Event { props: format!("{{\"n\":{n}}}"), ..page_view(n, site, 1, time) }
}

fn bot(n: u64, site: SiteId, time: Millis) -> Event {
    Event { webdriver: true, ..view(n, site, time) }
}

/// Moves the time of receipt on without touching the site.
fn receipt_at(world: &mut World, n: u64, time: Millis) {
    let pulse = world.registry.site("pulse.test").expect("there").id;
    world.take(&[page_view(n, pulse, 1, time)]);
}

fn check_sound(world: &World) {
    let verified = world.verify();
    assert!(verified.is_equal(), "{:#?}", verified.told);
    assert_eq!((verified.moving, verified.stale_days), (0, 0));
    assert_eq!(world.unbalanced(), Vec::<String>::new());
}

#[test]
fn bots_that_count_move_in_the_books_on_their_day_of_receipt_and_keep_their_reason() {
    let (mut world, site) = world();
    // Received on the next day.
    let mut late = bot(3, site, MIDNIGHT + Millis::DAY - 1);
    late.received = late.received + Millis::MINUTE;
    late.received_day = late.received_day.next();
    let (day, next) = (late.day, late.received_day);
    world.take(&[view(1, site, MIDNIGHT), bot(2, site, MIDNIGHT + 1), late]);
    let entries = |world: &World| {
        let mut entries = world.store_books().entries;
        entries.retain(|(of, ..)| *of == site);
        entries.sort_by_key(|(_, day, entry, _)| (*day, *entry));
        entries.into_iter().map(|(_, day, entry, n)| (day, entry, n)).collect::<Vec<_>>()
    };
    let before = (world.rows(site), entries(&world));
    assert_eq!(before.1, [(day, BookEntry::Stored, 1), (day, BOT, 1), (next, BOT, 1)]);
    world.set_counting("example.com", 30, true);
    world.drain();
    assert_eq!(entries(&world), [(day, BookEntry::Stored, 2), (next, BookEntry::Stored, 1)]);
    assert_eq!(world.site_day(site, day)[3], 3, "page views");
    assert!(world.log(site).values().filter(|row| row.set_aside == Some("bot")).count() == 2);
    // One that comes now counts at once.
    world.take(&[bot(4, site, MIDNIGHT + 2)]);
    assert_eq!(world.site_day(site, day)[3], 4);
    check_sound(&world);
    world.set_counting("example.com", 30, false);
    world.drain();
    assert_eq!(world.rows(site), before.0);
    assert_eq!(entries(&world), [(day, BookEntry::Stored, 1), (day, BOT, 2), (next, BOT, 1)]);
    check_sound(&world);
}

#[test]
fn a_visitor_counts_so_many_events_and_no_more_also_when_bots_come_to_count() {
    let (mut world, site) = world();
    let max = u64::try_from(limits::UNIT_EVENTS_MAX).expect("few");
    let at = |n: u64| MIDNIGHT + i64::try_from(n).expect("few");
    let bots: Vec<Event> = (1..=max).map(|n| bot(n, site, at(n))).collect();
    world.take(&bots);
    world.take(&[view(max + 1, site, at(max + 1))]);
    let rows = world.rows(site);
    world.set_counting("example.com", 30, true);
    world.drain();
    let full = BookEntry::SetAside(Reason::VisitorFull);
    assert_eq!((world.booked(site, BookEntry::Stored), world.booked(site, full)), (max, 1));
    assert_eq!(world.booked(site, BOT), 0);
    // What was counted goes on counting: the bots' last had to make room.
    assert_eq!(world.log(site)[&format!("{{\"n\":{max}}}")].set_aside, Some("visitor_full"));
    check_sound(&world);
    world.take(&[bot(max + 2, site, at(max + 2))]);
    assert_eq!(world.booked(site, full), 2);
    world.set_counting("example.com", 30, false);
    world.drain();
    assert_eq!(world.rows(site), rows);
    check_sound(&world);
}

#[test]
fn bots_that_count_do_not_expire_as_those_set_aside_do() {
    let (mut world, site) = world();
    world.set_counting("example.com", 30, true);
    world.take(&[view(1, site, MIDNIGHT), bot(2, site, MIDNIGHT + 1)]);
    let rows = world.rows(site);
    receipt_at(&mut world, 100, MIDNIGHT + 3 * Millis::DAY);
    receipt_at(&mut world, 101, MIDNIGHT + 40 * Millis::DAY);
    receipt_at(&mut world, 102, MIDNIGHT + 41 * Millis::DAY);
    assert_eq!(world.day_states(site), [DayState::Sealed]);
    assert_eq!((world.log(site).len(), world.booked(site, BookEntry::Expired)), (2, 0));
    assert_eq!(world.rows(site), rows);
    check_sound(&world);
    // Set aside again, it is older than such rows are kept.
    world.set_counting("example.com", 30, false);
    world.drain();
    assert_eq!(world.booked(site, BOT), 1);
    check_sound(&world);
    receipt_at(&mut world, 103, MIDNIGHT + 42 * Millis::DAY);
    assert_eq!((world.log(site).len(), world.booked(site, BookEntry::Expired)), (1, 1));
    check_sound(&world);
}

#[test]
fn days_that_wait_are_counted_anew_after_a_crash() {
    let (mut world, site) = world();
    world.take(&[view(1, site, MIDNIGHT), view(2, site, MIDNIGHT + Millis::DAY)]);
    let rows = world.rows(site);
    assert_eq!(world.tamper("UPDATE site_stats SET pageviews = 77 WHERE site = 1 AND grain = 1"), 2);
    // As a crash leaves them between the wish and its last day.
    world.tamper("UPDATE site_days SET stale = 1 WHERE site = 1");
    assert!(world.verify().stale_days == 2 && !world.verify().is_equal());
    world.restart();
    world.drain();
    assert_eq!(world.rows(site), rows);
    check_sound(&world);
}

#[test]
fn a_day_that_another_version_has_folded_is_counted_anew_before_its_next_event() {
    let (mut world, site) = world();
    world.take(&[view(1, site, MIDNIGHT), view(2, site, MIDNIGHT + Millis::MINUTE)]);
    world.restart();
    // As if an older version had counted otherwise; the processor has looked for such days before.
    assert_eq!(world.tamper("UPDATE site_stats SET visits = 5, bounces = 5 WHERE grain < 2"), 2);
    assert_eq!(world.tamper("UPDATE site_stats SET visits = 5, bounces = 5 WHERE grain = 2"), 1);
    world.tamper("UPDATE site_days SET fold_version = 0");
    world.take(&[view(3, site, MIDNIGHT + 2 * Millis::MINUTE)]);
    assert_eq!(world.site_day(site, view(3, site, MIDNIGHT).day)[2..4], [1, 3], "visits, page views");
    check_sound(&world);
    // And at the start, without any event.
    world.tamper("UPDATE site_stats SET visits = 5");
    world.tamper("UPDATE site_days SET fold_version = 0");
    world.restart();
    world.drain();
    check_sound(&world);
}

#[test]
fn a_frozen_day_keeps_its_rules() {
    let retention = weir_processor::Retention { raw_days: Some(10), ..weir_processor::Retention::default() };
    let mut world = World::with(weir_processor::ProcessorOptions {
        retention,
        ..weir_processor::ProcessorOptions::default()
    });
    let site = world.site("example.com", "UTC").id;
    world.site("pulse.test", "UTC");
    world.take(&[view(1, site, MIDNIGHT), view(2, site, MIDNIGHT + 45 * Millis::MINUTE)]);
    receipt_at(&mut world, 100, MIDNIGHT + 3 * Millis::DAY);
    receipt_at(&mut world, 101, MIDNIGHT + 12 * Millis::DAY);
    assert_eq!(world.day_states(site), [DayState::Frozen]);
    let rows = world.rows(site);
    world.set_counting("example.com", 60, true);
    world.drain();
    assert_eq!(world.rows(site), rows);
    let days = world.reader.read(|reading| reading.rule_days(site, 3_600, true)).expect("read");
    assert_eq!((days.all, days.waiting, days.frozen), (1, 0, 1));
    check_sound(&world);
}

/// There is no such day, and the step that looks for its month panics.
#[test]
fn a_day_that_makes_a_step_panic_is_left_as_it_is_and_the_others_are_counted() {
    let (mut world, site) = world();
    world.take(&[view(1, site, MIDNIGHT), view(2, site, MIDNIGHT + Millis::DAY)]);
    assert_eq!(world.tamper("UPDATE site_stats SET visits = 5 WHERE site = 1 AND grain = 1"), 2);
    world.tamper("UPDATE site_days SET day = 2147483647 WHERE site = 1 AND day = 20603");
    world.tamper("UPDATE site_days SET stale = 1 WHERE site = 1");
    world.restart();
    world.drain();
    assert_eq!(world.number("SELECT count(*) FROM site_days WHERE stale"), 0);
    assert_eq!(world.site_day(site, view(1, site, MIDNIGHT).day)[2], 1, "visits");
    let left = "SELECT visits FROM site_stats WHERE grain = 1 AND bucket = 20603";
    assert_eq!(world.number(left), 5);
}
