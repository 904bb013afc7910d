//! Rows that were put aside: tried again, given up, and never counted twice.

use weir_event::{Control, Event, LocalDay, Millis, Seq, SiteId};
use weir_queue::Entry;
use weir_store::{BookEntry, DeadLine};
use weir_testkit::page_view;

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

fn world() -> (World, SiteId) {
    let world = World::new();
    let site = world.site("example.com", "UTC").id;
    (world, site)
}

fn view(n: u64, site: SiteId) -> Event {
    let event = page_view(n, site, n, NOON + i64::try_from(n).expect("few"));
    Event { props: format!("{{\"n\":{n}}}"), ..event }
}

fn dead(world: &World) -> Vec<DeadLine> {
    world.reader.read(|reading| reading.dead(None, 100)).expect("read").0
}

fn ask(world: &mut World, control: Control) {
    world.queue.append_blocking(vec![Entry::Control(control)]).expect("appended");
    world.drain();
}

fn replay(world: &mut World, line: &DeadLine) {
    ask(world, Control::ReplayDead { queue: line.queue, seq: line.seq });
}

fn give_up(world: &mut World, line: &DeadLine) {
    ask(world, Control::DropDead { queue: line.queue, seq: line.seq });
}

/// Takes `event` with a body that can't be read; its line, and the body that can.
fn bury_unreadable(world: &mut World, event: &Event) -> (DeadLine, Vec<u8>) {
    let seq = world.append(std::slice::from_ref(event));
    let queue = rusqlite::Connection::open(world.path("queue.db")).expect("opens");
    let of = "FROM ingested_events WHERE seq = ?1";
    let body = queue.query_row(&format!("SELECT body {of}"), [seq.0], |row| row.get(0)).expect("read");
    queue.execute("UPDATE ingested_events SET body = x'7f' WHERE seq = ?1", [seq.0]).expect("damaged");
    world.drain();
    (dead(world).pop().expect("is dead"), body)
}

/// As an upgrade does: what could not be read can be.
fn mend(world: &World, body: &[u8]) {
    world.sql().execute("UPDATE dead_events SET body = ?1", [body]).expect("mended");
}

/// How many are stored, dead, dropped and duplicates.
fn check_books(world: &World, site: SiteId, expected: [u64; 4]) {
    use BookEntry::{Dead, Dropped, Duplicate, Stored};
    let booked = [Stored, Dead, Dropped, Duplicate].map(|entry| world.booked(site, entry));
    assert_eq!(booked, expected, "stored, dead, dropped, duplicates");
    assert_eq!(world.unbalanced(), Vec::<String>::new());
    assert!(world.verify().is_equal());
}

#[test]
fn a_row_that_can_be_read_after_an_upgrade_counts_once_when_it_is_replayed() {
    let (mut world, site) = world();
    world.take(&[view(0, site)]);
    let (line, body) = bury_unreadable(&mut world, &view(1, site));
    check_books(&world, site, [1, 1, 0, 0]);
    replay(&mut world, &line);
    assert_eq!(dead(&world), std::slice::from_ref(&line), "what still can't be read stays, under its number");
    check_books(&world, site, [1, 1, 0, 0]);
    mend(&world, &body);
    replay(&mut world, &line);
    assert_eq!(dead(&world), []);
    check_books(&world, site, [2, 0, 0, 0]);
    replay(&mut world, &line);
    world.take(&[view(1, site)]);
    check_books(&world, site, [2, 0, 0, 1]);
}

/// Nobody could know its id: sent again it counted, and the replayed row is the duplicate.
#[test]
fn a_row_that_was_sent_again_meanwhile_is_a_duplicate_when_it_is_replayed() {
    let (mut world, site) = world();
    let (line, body) = bury_unreadable(&mut world, &view(1, site));
    world.take(&[view(1, site)]);
    mend(&world, &body);
    replay(&mut world, &line);
    check_books(&world, site, [1, 0, 0, 1]);
}

#[test]
fn the_id_of_a_dead_event_is_kept_for_as_long_as_it_is_dead() {
    let (mut world, site) = world();
    let elsewhere = |n| {
        let event = view(n, site);
        Event { day: LocalDay(event.day.0 + 1), ..event }
    };
    world.take(&[elsewhere(1), elsewhere(2)]);
    let [first, second] = &dead(&world)[..] else { panic!("both are dead") };
    let much_later = |n: u64, days: i64| {
        let event = page_view(n, site, n, NOON + days * Millis::DAY);
        Event { props: format!("{{\"n\":{n}}}"), ..event }
    };
    world.take(&[much_later(10, 5)]);
    world.take(&[view(1, site), elsewhere(2)]);
    check_books(&world, site, [1, 2, 0, 2]);
    give_up(&mut world, second);
    check_books(&world, site, [1, 1, 1, 2]);
    replay(&mut world, first);
    assert_eq!(dead(&world).len(), 1, "its time still does not lie within its day");
    check_books(&world, site, [1, 1, 1, 2]);
    world.take(&[much_later(11, 8)]);
    let ids = world.number("SELECT count(*) FROM seen_ids WHERE received = 9223372036854775807");
    assert_eq!(ids, 1, "the dead one's, and no more the dropped one's");
}

#[test]
fn a_dropped_row_is_gone_and_accounted_for() {
    let (mut world, site) = world();
    let (line, _) = bury_unreadable(&mut world, &view(1, site));
    give_up(&mut world, &line);
    assert_eq!(dead(&world), []);
    check_books(&world, site, [0, 0, 1, 0]);
    give_up(&mut world, &line);
    replay(&mut world, &line);
    check_books(&world, site, [0, 0, 1, 0]);
}

#[test]
fn a_replayed_row_that_makes_a_step_panic_stays_dead_and_the_loop_goes_on() {
    let (mut world, site) = world();
    let (line, _) = bury_unreadable(&mut world, &view(1, site));
    let panics = Event { day: LocalDay(i32::MAX), ..view(1, site) };
    world.append(&[panics]);
    let queue = rusqlite::Connection::open(world.path("queue.db")).expect("opens");
    let body: Vec<u8> = queue
        .query_row("SELECT body FROM ingested_events ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
        .expect("read");
    queue
        .execute("DELETE FROM ingested_events WHERE seq = (SELECT max(seq) FROM ingested_events)", [])
        .expect("gone");
    queue.execute("UPDATE received SET n = n - 1", []).expect("uncounted");
    mend(&world, &body);
    // Its day lies beyond time, whatever the row says of its receipt.
    replay(&mut world, &line);
    assert_eq!(dead(&world).len(), 1);
    check_books(&world, site, [0, 1, 0, 0]);
    world.take(&[view(2, site)]);
    check_books(&world, site, [1, 1, 0, 0]);
}

#[test]
fn a_wish_that_can_not_be_read_is_kept_aside_and_is_in_no_books() {
    let (mut world, site) = world();
    let gone = world.site("gone.test", "UTC");
    world.take(&[view(0, site), view(0, gone.id)]);
    world.remove_site(&gone);
    let queue = rusqlite::Connection::open(world.path("queue.db")).expect("opens");
    let body: Vec<u8> = queue
        .query_row("SELECT body FROM ingested_events WHERE kind = 1", [], |row| row.get(0))
        .expect("read");
    queue.execute("UPDATE ingested_events SET body = x'01ff' WHERE kind = 1", []).expect("damaged");
    world.drain();
    let [line] = &dead(&world)[..] else { panic!("it is kept") };
    assert!(!line.is_event);
    assert_eq!(world.booked(gone.id, BookEntry::Dead), 0);
    check_books(&world, site, [1, 0, 0, 0]);
    mend(&world, &body);
    replay(&mut world, line);
    assert_eq!(dead(&world), []);
    assert_eq!(world.booked(gone.id, BookEntry::Erased), 1, "what it asks for is done");
    check_books(&world, site, [1, 0, 0, 0]);
}

#[test]
fn a_wish_about_a_row_that_nobody_keeps_changes_nothing() {
    let (mut world, site) = world();
    world.take(&[view(0, site)]);
    let before = (world.rows(site), world.log(site));
    let strange = weir_event::QueueId([9; 16]);
    ask(&mut world, Control::ReplayDead { queue: strange, seq: Seq(1) });
    ask(&mut world, Control::DropDead { queue: strange, seq: Seq(1) });
    assert_eq!((world.rows(site), world.log(site)), before);
    check_books(&world, site, [1, 0, 0, 0]);
}
