//! What becomes of events that are not counted: each has its place in the books.

use weir_event::{Event, LocalDay, Millis, Reason, Referrer, SiteId, limits};
use weir_processor::Drained;
use weir_store::BookEntry;
use weir_testkit::page_view;

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

fn world() -> (World, SiteId) {
    let world = World::new();
    let site = world.site("example.com", "UTC").id;
    (world, site)
}

fn view(n: u64, site: SiteId, visitor: u64) -> Event {
    let event = page_view(n, site, visitor, NOON + i64::try_from(n).expect("few"));
    Event { props: format!("{{\"n\":{n}}}"), ..event }
}

/// Pageviews of the day, as the statistics have it.
fn pageviews(world: &World, site: SiteId) -> i64 {
    world.site_day(site, view(0, site, 1).day)[3]
}

fn check_sound(world: &World) {
    let verified = world.verify();
    assert!(verified.is_equal(), "{:#?}", verified.told);
    assert_eq!(world.unbalanced(), Vec::<String>::new());
}

#[test]
fn a_row_that_can_not_be_read_is_kept_aside_and_the_others_are_folded() {
    let (mut world, site) = world();
    world.append(&[view(0, site, 1), view(1, site, 1), view(2, site, 2)]);
    let queue = rusqlite::Connection::open(world.path("queue.db")).expect("opens");
    queue.execute("UPDATE ingested_events SET body = x'01ff' WHERE seq = 2", []).expect("damaged");
    assert_eq!(world.drain(), Drained { rows: 3, batches: 1, dead: 1 });
    assert_eq!(world.booked(site, BookEntry::Dead), 1);
    assert_eq!(pageviews(&world, site), 2);
    let sql = "SELECT count(*) FROM dead_events
               WHERE seq = 2 AND site = 1 AND body = x'01ff' AND error LIKE 'the row is damaged%'";
    assert_eq!(world.number(sql), 1, "whole, and with what is wrong");
    check_sound(&world);
}

#[test]
fn a_row_of_another_day_than_it_says_is_kept_aside() {
    let (mut world, site) = world();
    let elsewhere = |n, days: i32| {
        let event = view(n, site, 1);
        Event { day: LocalDay(event.day.0 + days), ..event }
    };
    world.take(&[elsewhere(0, 1), view(1, site, 1), elsewhere(2, -1), elsewhere(3, 0)]);
    assert_eq!(world.booked(site, BookEntry::Dead), 2);
    assert_eq!(pageviews(&world, site), 2);
    assert_eq!(world.day_states(site).len(), 1, "and opens no day");
    check_sound(&world);
}

/// There is no such day: with overflow checks the step that looks for its end panics, without them
/// the event lies in no day. Both condemn this row and no other.
#[test]
fn a_row_that_makes_a_step_panic_is_kept_aside_alone() {
    let (mut world, site) = world();
    let mut events: Vec<Event> = (0..9).map(|n| view(n, site, n)).collect();
    events[5].day = LocalDay(i32::MAX);
    let drained = world.take(&events);
    assert_eq!((drained.rows, drained.dead), (9, 1));
    assert_eq!(world.booked(site, BookEntry::Dead), 1);
    assert_eq!(world.number("SELECT seq FROM dead_events"), 6);
    assert_eq!(pageviews(&world, site), 8);
    check_sound(&world);
    world.take(&[view(9, site, 9)]);
    assert_eq!(pageviews(&world, site), 9, "and the loop goes on");
}

#[test]
fn a_visitors_day_holds_its_limit_of_events_and_not_one_more() {
    let (mut world, site) = world();
    let max = limits::UNIT_EVENTS_MAX as u64;
    let full = BookEntry::SetAside(Reason::VisitorFull);
    world.take(&(0..max).map(|n| view(n, site, 1)).collect::<Vec<_>>());
    assert_eq!((world.booked(site, BookEntry::Stored), world.booked(site, full)), (max, 0));
    world.take(&[view(max, site, 1), view(max + 1, site, 2)]);
    assert_eq!((world.booked(site, BookEntry::Stored), world.booked(site, full)), (max + 1, 1));
    assert_eq!(pageviews(&world, site), i64::try_from(max).expect("few") + 1, "the other visitor counts");
    let logged = &world.log(site)[&format!("{{\"n\":{max}}}")];
    assert_eq!(logged.set_aside, Some("visitor_full"));
    check_sound(&world);
}

#[test]
fn bots_and_spam_are_logged_with_their_reason_and_not_counted() {
    let (mut world, site) = world();
    let driven = Event { webdriver: true, ..view(0, site, 1) };
    let crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let crawler = Event { user_agent: crawler.to_owned(), ..view(1, site, 2) };
    let referrer = Referrer { host: "semalt.com".to_owned(), path: "/".to_owned() };
    let spam = Event { referrer: Some(referrer), ..view(2, site, 3) };
    world.take(&[driven, crawler, spam, view(3, site, 4)]);
    let log: Vec<_> = world.log(site).into_values().map(|row| row.set_aside).collect();
    assert_eq!(log, [Some("bot"), Some("bot"), Some("spam_referrer"), None]);
    assert_eq!(world.booked(site, BookEntry::SetAside(Reason::Bot)), 2);
    assert_eq!(world.booked(site, BookEntry::SetAside(Reason::SpamReferrer)), 1);
    assert_eq!(pageviews(&world, site), 1);
    check_sound(&world);
}

#[test]
fn a_removed_site_leaves_nothing_but_its_books() {
    let mut world = World::new();
    let (gone, stays) = (world.site("gone.test", "UTC"), world.site("stays.test", "UTC"));
    let bot = Event { webdriver: true, ..view(10, gone.id, 1) };
    world.append(&[view(0, gone.id, 1), view(1, stays.id, 1), view(0, gone.id, 1), bot]);
    let lost = world.append(&[view(2, gone.id, 1)]);
    let queue = rusqlite::Connection::open(world.path("queue.db")).expect("opens");
    queue.execute("UPDATE ingested_events SET body = x'00' WHERE seq = ?1", [lost.0]).expect("damaged");
    world.drain();
    let others = world.state(stays.id);
    world.append(&[view(3, gone.id, 2)]);
    world.remove_site(&gone);
    world.append(&[view(4, gone.id, 2)]);
    world.drain();

    let tables = "SELECT group_concat(m.name) FROM sqlite_schema m, pragma_table_info(m.name) c
                  WHERE m.type = 'table' AND c.name = 'site' AND m.name NOT IN ('ledger', 'queue_days')";
    let tables: String = world.sql().query_row(tables, [], |row| row.get(0)).expect("tables");
    assert!(tables.split(',').count() > 20, "{tables}");
    for table in tables.split(',') {
        let left = format!("SELECT count(*) FROM {table} WHERE site = {}", gone.id.0);
        assert_eq!(world.number(&left), 0, "{table}");
    }
    assert_eq!((world.rows(stays.id), world.log(stays.id)), (others.0, others.1));
    assert_eq!(world.booked(gone.id, BookEntry::Erased), 3, "stored, a bot, and a dead one");
    assert_eq!(world.booked(gone.id, BookEntry::Duplicate), 1);
    let late = BookEntry::SetAside(Reason::SiteRemoved);
    assert_eq!(world.booked(gone.id, late), 2, "before the wish was read and after it");
    check_sound(&world);
}

#[test]
fn a_page_keeps_its_host_though_hosts_have_been_counted_as_others() {
    let (mut world, site) = world();
    let on_host = |n, host: &str| Event { host: host.to_owned(), ..view(n, site, 1) };
    world.take(&[view(0, site, 1)]);
    let day = view(0, site, 1).received_day.0;
    // Codes of the dictionary: 2 is a host.
    let max = limits::NEW_LABELS_PER_DAY_MAX;
    world.tamper(&format!("INSERT OR REPLACE INTO growth VALUES ({}, {day}, 2, {max})", site.0));
    world.take(&[on_host(1, "new.example.com")]);
    world.tamper("DELETE FROM growth");
    world.take(&[on_host(2, "new.example.com"), view(3, site, 1)]);
    check_sound(&world);
    assert!(world.rows(site).values().flatten().all(|counter| *counter >= 0));
}
