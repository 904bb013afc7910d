//! Files that are missing, new, or older copies: what they hold counts once, and what is gone with
//! them is named. Ids are forgotten before each swap, as if it came two days later.

use weir_event::{Event, Millis, SiteId};
use weir_store::BookEntry;
use weir_testkit::page_view;

use crate::world::{Put, World};

const NOON: Millis = Millis(1_780_056_000_000);
const BATCH: usize = 10;

struct Swapped {
    world: World,
    site: SiteId,
    sent: u64,
}

impl Swapped {
    fn new() -> Self {
        let world = World::in_batches_of(BATCH);
        let site = world.site("example.com", "UTC").id;
        Self { world, site, sent: 0 }
    }

    /// Receives `n` more events, each another.
    fn receive(&mut self, n: u64) {
        let view = |n: u64| -> Event {
            let time = NOON + i64::try_from(n).expect("few") * 1_000;
            Event { props: format!("{{\"n\":{n}}}"), ..page_view(n, self.site, n, time) }
        };
        self.world.append(&(self.sent..self.sent + n).map(view).collect::<Vec<_>>());
        self.sent += n;
    }

    fn drain(&mut self) {
        self.world.drain();
    }

    /// Takes whole batches until the one with the event of this number, which fails.
    fn drain_until(&mut self, event: u64) {
        let trigger = format!(
            "CREATE TRIGGER broken BEFORE INSERT ON events WHEN NEW.props = '{{\"n\":{event}}}'
             BEGIN SELECT RAISE(ABORT, 'the disk'); END"
        );
        self.world.sql().execute_batch(&trigger).expect("made");
        self.world.try_drain().expect_err("fails");
        self.world.sql().execute_batch("DROP TRIGGER broken").expect("dropped");
    }

    fn swap(&mut self, queue: Put, store: Put) {
        self.world.tamper("DELETE FROM seen_ids");
        self.world.restart_with(queue, store);
        assert_eq!(self.world.unbalanced(), Vec::<String>::new(), "before anything is read");
    }

    /// After draining: these events are counted, so many are lost, and the books say so.
    fn check(&mut self, counted: impl IntoIterator<Item = u64>, lost: u64) {
        self.drain();
        let mut counted: Vec<String> = counted.into_iter().map(|n| format!("{{\"n\":{n}}}")).collect();
        counted.sort();
        let logged: Vec<String> = self.world.log(self.site).into_keys().collect();
        assert_eq!(logged, counted);
        assert_eq!(self.world.booked(self.site, BookEntry::Stored), counted.len() as u64);
        assert_eq!(self.world.booked(self.site, BookEntry::Duplicate), 0);
        assert_eq!(self.world.lost(), lost);
        assert_eq!(self.world.unbalanced(), Vec::<String>::new());
        assert!(self.world.verify().is_equal());
    }
}

#[test]
fn a_queue_file_that_is_gone_loses_what_the_store_knew_of_and_had_not_taken() {
    let mut files = Swapped::new();
    files.receive(35);
    files.drain_until(20);
    files.swap(Put::Nothing, Put::Same);
    files.check(0..20, 15);
    files.receive(5);
    files.check((0..20).chain(35..40), 15);
}

#[test]
fn a_new_queue_file_after_a_drained_one_has_lost_nothing() {
    let mut files = Swapped::new();
    files.receive(20);
    files.drain();
    files.swap(Put::Nothing, Put::Same);
    files.check(0..20, 0);
    files.receive(30);
    files.check(0..50, 0);
}

#[test]
fn a_queue_file_that_is_back_has_lost_nothing_and_is_read_on_where_it_was_left() {
    let mut files = Swapped::new();
    files.receive(35);
    files.drain_until(20);
    let away = files.world.copy("queue.db", "away.db");
    files.swap(Put::Nothing, Put::Same);
    files.receive(5);
    files.check((0..20).chain(35..40), 15);
    files.swap(Put::Copy(away), Put::Same);
    files.check(0..40, 0);
}

#[test]
fn an_older_copy_holds_rows_that_are_counted_and_they_count_no_second_time() {
    let mut files = Swapped::new();
    files.receive(20);
    let older = files.world.copy("queue.db", "older.db");
    files.receive(20);
    files.drain();
    files.swap(Put::Copy(older), Put::Same);
    files.check(0..40, 0);
    files.receive(5);
    files.check(0..45, 0);
}

/// The numbers of what it received since are those of rows that the store has taken.
#[test]
fn what_an_older_copy_received_since_counts_whatever_its_numbers() {
    let mut files = Swapped::new();
    files.receive(20);
    let older = files.world.copy("queue.db", "older.db");
    files.receive(20);
    files.drain();
    files.swap(Put::Copy(older), Put::Same);
    files.receive(10);
    let fork = files.world.copy("queue.db", "fork.db");
    files.swap(Put::Copy(fork.clone()), Put::Same);
    files.check(0..50, 0);
    // And with more rows than the file ever had when it was read.
    files.swap(Put::Copy(fork), Put::Same);
    files.receive(100);
    files.check(0..150, 0);
}

#[test]
fn an_older_copy_loses_what_came_after_it_and_was_not_taken() {
    let mut files = Swapped::new();
    files.receive(20);
    files.drain_until(15);
    let older = files.world.copy("queue.db", "older.db");
    files.receive(15);
    files.drain_until(25);
    files.swap(Put::Copy(older), Put::Same);
    files.check(0..20, 15);
}

#[test]
fn a_store_that_is_older_than_the_queue_has_lost_what_is_settled() {
    let mut files = Swapped::new();
    files.receive(20);
    files.drain();
    let older = files.world.copy("weir.db", "older.db");
    files.receive(20);
    files.drain();
    files.world.restart_with(Put::Same, Put::Same);
    files.receive(10);
    files.swap(Put::Same, Put::Copy(older));
    files.check((0..20).chain(40..50), 20);
}

#[test]
fn a_missing_store_has_lost_what_is_settled_and_takes_what_is_there() {
    let mut files = Swapped::new();
    files.receive(20);
    files.drain();
    files.world.restart_with(Put::Same, Put::Same);
    files.receive(10);
    files.swap(Put::Same, Put::Nothing);
    files.check(20..30, 20);
}

#[test]
fn both_files_from_one_backup_have_lost_nothing_that_either_holds() {
    let mut files = Swapped::new();
    files.receive(20);
    files.drain();
    let store = files.world.copy("weir.db", "store.db");
    files.receive(15);
    let queue = files.world.copy("queue.db", "both.db");
    files.receive(5);
    files.drain();
    files.swap(Put::Copy(queue), Put::Copy(store));
    files.check(0..35, 0);
    files.receive(5);
    files.check((0..35).chain(40..45), 0);
}

#[test]
fn a_queue_from_an_older_backup_than_the_store_has_lost_nothing_that_was_taken() {
    let mut files = Swapped::new();
    files.receive(20);
    let queue = files.world.copy("queue.db", "queue-then.db");
    files.receive(15);
    files.drain();
    let store = files.world.copy("weir.db", "store-then.db");
    files.receive(5);
    files.drain();
    files.swap(Put::Copy(queue), Put::Copy(store));
    files.check(0..35, 0);
}
