//! Files swapped at random between drains, and a model in which a file is a set.

use std::collections::BTreeSet;

use proptest::prelude::*;
use weir_event::{Event, Millis, SiteId};
use weir_store::BookEntry;
use weir_testkit::{effort, page_view};

use crate::world::{Put, World};

const NOON: Millis = Millis(1_780_056_000_000);
const SLOTS: usize = 3;

#[derive(Debug, Clone)]
enum Action {
    Receive(u64),
    Drain,
    /// The disk fails at the row that is so many per cent of what is pending.
    DrainSome(u64),
    SaveQueue(usize),
    SaveStore(usize),
    /// A copy, or no file where none was saved.
    PutQueue(usize),
    PutStore(usize),
    Restart,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => (1u64..12).prop_map(Action::Receive),
        4 => Just(Action::Drain),
        2 => (0u64..100).prop_map(Action::DrainSome),
        2 => (0..SLOTS).prop_map(Action::SaveQueue),
        2 => (0..SLOTS).prop_map(Action::SaveStore),
        2 => (0..SLOTS).prop_map(Action::PutQueue),
        2 => (0..SLOTS).prop_map(Action::PutStore),
        1 => Just(Action::Restart),
    ]
}

/// Events by number.
#[derive(Debug, Clone, Default)]
struct QueueModel {
    received: BTreeSet<u64>,
    rows: BTreeSet<u64>,
}

#[derive(Debug, Clone, Default)]
struct StoreModel {
    taken: BTreeSet<u64>,
    /// What it certainly knows to have been acknowledged.
    known: BTreeSet<u64>,
}

struct Lockstep {
    world: World,
    site: SiteId,
    sent: u64,
    queue: QueueModel,
    store: StoreModel,
    queues: Vec<Option<QueueModel>>,
    stores: Vec<Option<StoreModel>>,
}

const BATCH: usize = 4;

impl Lockstep {
    fn new() -> Self {
        let world = World::in_batches_of(BATCH);
        let site = world.site("example.com", "UTC").id;
        Self {
            world,
            site,
            sent: 0,
            queue: QueueModel::default(),
            store: StoreModel::default(),
            queues: vec![None; SLOTS],
            stores: vec![None; SLOTS],
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Receive(n) => self.receive(n),
            Action::Drain => self.drain(),
            Action::DrainSome(percent) => self.drain_some(percent),
            Action::SaveQueue(slot) => {
                self.world.restart_with(Put::Same, Put::Same);
                self.world.copy("queue.db", &format!("queue-{slot}.db"));
                self.queues[slot] = Some(self.queue.clone());
            }
            Action::SaveStore(slot) => {
                self.world.copy("weir.db", &format!("weir-{slot}.db"));
                self.stores[slot] = Some(self.store.clone());
            }
            Action::PutQueue(slot) => {
                let put = self.put(self.queues[slot].is_some(), &format!("queue-{slot}.db"));
                self.world.restart_with(put, Put::Same);
                self.queue = self.queues[slot].clone().unwrap_or_default();
            }
            Action::PutStore(slot) => {
                let put = self.put(self.stores[slot].is_some(), &format!("weir-{slot}.db"));
                self.world.restart_with(Put::Same, put);
                self.store = self.stores[slot].clone().unwrap_or_default();
            }
            Action::Restart => self.world.restart_with(Put::Same, Put::Same),
        }
        self.check();
    }

    fn put(&self, is_saved: bool, copy: &str) -> Put {
        if is_saved { Put::Copy(self.world.path(copy)) } else { Put::Nothing }
    }

    fn receive(&mut self, n: u64) {
        let view = |n: u64| -> Event {
            let time = NOON + i64::try_from(n).expect("few") * 1_000;
            Event { props: format!("{{\"n\":{n}}}"), ..page_view(n, self.site, n, time) }
        };
        self.world.append(&(self.sent..self.sent + n).map(view).collect::<Vec<_>>());
        self.queue.received.extend(self.sent..self.sent + n);
        self.queue.rows.extend(self.sent..self.sent + n);
        self.sent += n;
    }

    /// Ids are forgotten: they must not be what keeps a row from counting twice.
    fn drain(&mut self) {
        self.world.tamper("DELETE FROM seen_ids");
        self.world.drain();
        self.store.taken.append(&mut self.queue.rows);
        self.store.known.extend(&self.queue.received);
        let lost = self.world.lost();
        let at_least = self.store.known.difference(&self.store.taken).count() as u64;
        let at_most = (0..self.sent).filter(|n| !self.store.taken.contains(n)).count() as u64;
        assert!((at_least..=at_most).contains(&lost), "{at_least} <= {lost} <= {at_most}");
    }

    fn drain_some(&mut self, percent: u64) {
        let new: Vec<u64> = self.queue.rows.difference(&self.store.taken).copied().collect();
        let Some(fails_at) = new.get(new.len() * percent as usize / 100).copied() else { return };
        let trigger = format!(
            "CREATE TRIGGER broken BEFORE INSERT ON events WHEN NEW.props = '{{\"n\":{fails_at}}}'
             BEGIN SELECT RAISE(ABORT, 'the disk'); END"
        );
        self.world.tamper("DELETE FROM seen_ids");
        self.world.sql().execute_batch(&trigger).expect("made");
        self.world.try_drain().expect_err("fails");
        self.world.sql().execute_batch("DROP TRIGGER broken").expect("dropped");
        let whole_batches = new.iter().position(|n| *n == fails_at).expect("is there") / BATCH * BATCH;
        self.store.taken.extend(&new[..whole_batches]);
        // What it took is settled, and with it what a copy held that was taken before.
        let first_left = new[whole_batches];
        if whole_batches > 0 {
            self.queue.rows.retain(|n| *n >= first_left);
        }
    }

    /// What holds at every moment.
    fn check(&self) {
        let logged: BTreeSet<String> = self.world.log(self.site).into_keys().collect();
        let taken: BTreeSet<String> = self.store.taken.iter().map(|n| format!("{{\"n\":{n}}}")).collect();
        assert_eq!(logged, taken);
        assert_eq!(self.world.booked(self.site, BookEntry::Stored), taken.len() as u64);
        assert_eq!(self.world.unbalanced(), Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(effort(24)))]

    #[test]
    fn what_any_file_holds_counts_once_and_the_books_balance_however_files_are_swapped(
        actions in prop::collection::vec(any_action(), 1..30),
    ) {
        let mut lockstep = Lockstep::new();
        for action in &actions {
            lockstep.act(action);
        }
        lockstep.drain();
        lockstep.check();
        assert!(lockstep.world.verify().is_equal());
    }
}
