//! The books of both sides laid side by side. Pure.

use std::collections::BTreeMap;

use weir_event::{LocalDay, QueueBooks, Reason, SiteId};
use weir_store::{BookEntry, StoreBooks};

/// What became of the events that a site received on one of its days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBooks {
    pub site: SiteId,
    pub day: LocalDay,
    /// Counted where they were appended.
    pub received: u64,
    pub stored: u64,
    pub set_aside: BTreeMap<Reason, u64>,
    pub duplicate: u64,
    pub erased: u64,
    pub expired: u64,
    pub dead: u64,
    /// Was dead, and given up by the operator.
    pub dropped: u64,
    /// Acknowledged, and in a queue file that is gone.
    pub lost: u64,
    /// In the queue, not yet folded.
    pub pending: u64,
}

impl DayBooks {
    fn new(site: SiteId, day: LocalDay) -> Self {
        Self {
            site,
            day,
            received: 0,
            stored: 0,
            set_aside: BTreeMap::new(),
            duplicate: 0,
            erased: 0,
            expired: 0,
            dead: 0,
            dropped: 0,
            lost: 0,
            pending: 0,
        }
    }

    /// Whether every event received is accounted for, exactly once.
    pub fn balanced(&self) -> bool {
        let aside: u64 = self.set_aside.values().sum();
        let gone = self.erased + self.expired + self.dropped + self.lost;
        self.received == self.stored + aside + self.duplicate + gone + self.dead + self.pending
    }

    fn enter(&mut self, entry: BookEntry, n: u64) {
        let place = match entry {
            BookEntry::Stored => &mut self.stored,
            BookEntry::Duplicate => &mut self.duplicate,
            BookEntry::Erased => &mut self.erased,
            BookEntry::Expired => &mut self.expired,
            BookEntry::Dead => &mut self.dead,
            BookEntry::Dropped => &mut self.dropped,
            BookEntry::SetAside(reason) => self.set_aside.entry(reason).or_default(),
        };
        *place += n;
    }
}

/// One line per site and local day of receipt, ascending, for every day that any side knows of:
/// what one side has and the other doesn't must show. The sides belong together when the queue's
/// are of one state, and what it says to be pending lies past the rows that the store has taken.
pub fn balance(queue: &QueueBooks, store: &StoreBooks) -> Vec<DayBooks> {
    let mut days = BTreeMap::new();
    let mut of = |site, day, enter: &dyn Fn(&mut DayBooks)| {
        enter(days.entry((site, day)).or_insert_with(|| DayBooks::new(site, day)));
    };
    for (in_queue, n) in store.received(queue) {
        of(in_queue.site, in_queue.day, &|books| books.received += n);
    }
    for (in_queue, n) in store.lost(queue) {
        of(in_queue.site, in_queue.day, &|books| books.lost += n);
    }
    for (in_queue, n) in &queue.pending {
        of(in_queue.site, in_queue.day, &|books| books.pending += n);
    }
    for (site, day, entry, n) in &store.entries {
        of(*site, *day, &|books| books.enter(*entry, *n));
    }
    days.into_values().collect()
}

#[cfg(test)]
mod tests {
    use weir_event::{Opening, QueueDay, QueueId, Seq};
    use weir_store::QueueAccount;

    use super::*;

    const SITE: SiteId = SiteId(1);
    const DAY: LocalDay = LocalDay(20_000);
    const OPENING: QueueId = QueueId([1; 16]);

    fn day(queue: QueueId, day: LocalDay) -> QueueDay {
        QueueDay { queue, site: SITE, day }
    }

    /// A file with one opening, all of whose rows are there but those settled.
    fn queue(received: u64, pending: u64) -> QueueBooks {
        QueueBooks {
            openings: vec![Opening { queue: OPENING, after: Seq(0), last: Seq(received.cast_signed()) }],
            settled: Seq((received - pending).cast_signed()),
            received: BTreeMap::from([(day(OPENING, DAY), received)]),
            pending: BTreeMap::from([(day(OPENING, DAY), pending)]),
        }
    }

    /// A store that has taken `taken` rows of that opening.
    fn store(taken: u64, entries: &[(BookEntry, u64)]) -> StoreBooks {
        let account = QueueAccount { received: taken, taken, lost: 0 };
        StoreBooks {
            checkpoint: None,
            entries: entries.iter().map(|(entry, n)| (SITE, DAY, *entry, *n)).collect(),
            taken: BTreeMap::from([(OPENING, Seq(taken.cast_signed()))]),
            accounts: BTreeMap::from([(day(OPENING, DAY), account)]),
        }
    }

    #[test]
    fn every_event_received_is_in_exactly_one_place() {
        use BookEntry as E;
        let check = |balanced: bool, received: u64, pending: u64, entries: &[(BookEntry, u64)]| {
            let books = balance(&queue(received, pending), &store(received - pending, entries));
            assert_eq!(books.len(), 1);
            assert_eq!(books[0].balanced(), balanced, "{books:?}");
        };
        check(true, 0, 0, &[]);
        check(true, 3, 3, &[]);
        check(false, 3, 2, &[]);
        check(true, 3, 1, &[(E::Stored, 2)]);
        check(false, 3, 1, &[(E::Stored, 3)]);
        let all = [
            (E::Stored, 1),
            (E::Duplicate, 2),
            (E::Erased, 3),
            (E::Expired, 4),
            (E::Dead, 5),
            (E::Dropped, 6),
            (E::SetAside(Reason::Bot), 7),
            (E::SetAside(Reason::VisitorFull), 8),
        ];
        check(true, 38, 2, &all);
        check(false, 39, 2, &all);
        check(false, 37, 2, &all);
    }

    #[test]
    fn a_row_that_is_neither_pending_nor_taken_nor_settled_shows() {
        let books =
            balance(&QueueBooks { settled: Seq(1), ..queue(3, 1) }, &store(1, &[(BookEntry::Stored, 1)]));
        assert_eq!((books[0].lost, books[0].balanced()), (0, false));
    }

    #[test]
    fn what_a_file_has_settled_and_the_store_has_not_taken_is_lost() {
        let books = balance(&queue(10, 4), &store(5, &[(BookEntry::Stored, 5)]));
        assert_eq!((books[0].received, books[0].lost, books[0].balanced()), (10, 1, true));
        let books = balance(&queue(10, 4), &StoreBooks::default());
        assert_eq!((books[0].received, books[0].lost, books[0].balanced()), (10, 6, true));
    }

    #[test]
    fn what_a_file_that_is_gone_had_is_lost_but_for_what_was_taken() {
        let mut store = store(5, &[(BookEntry::Stored, 5)]);
        store.accounts.insert(day(OPENING, DAY), QueueAccount { received: 8, taken: 5, lost: 0 });
        let books = balance(&QueueBooks::default(), &store);
        assert_eq!((books[0].received, books[0].lost, books[0].balanced()), (8, 3, true));
        let older_copy = balance(&queue(6, 2), &store);
        assert_eq!((older_copy[0].lost, older_copy[0].balanced()), (1, true), "{older_copy:?}");
    }

    #[test]
    fn a_day_that_one_side_alone_knows_is_listed_and_does_not_balance() {
        let other = LocalDay(20_001);
        let received = BTreeMap::from([(day(OPENING, other), 1)]);
        let queue = QueueBooks { received, pending: BTreeMap::new(), ..queue(1, 1) };
        let store = StoreBooks { accounts: BTreeMap::new(), ..store(0, &[(BookEntry::Stored, 1)]) };
        let found: Vec<_> =
            balance(&queue, &store).iter().map(|books| (books.day, books.balanced())).collect();
        assert_eq!(found, [(DAY, false), (other, false)]);
    }

    #[test]
    fn sites_and_days_are_not_mixed_up() {
        let of = |site, day, n| (QueueDay { queue: OPENING, site, day }, n);
        let days = BTreeMap::from([of(SiteId(2), DAY, 1), of(SITE, LocalDay(20_001), 2), of(SITE, DAY, 4)]);
        let queue = QueueBooks { received: days.clone(), pending: days, ..queue(7, 7) };
        let books = balance(&queue, &StoreBooks::default());
        assert!(books.iter().all(DayBooks::balanced));
        let found: Vec<_> = books.iter().map(|books| (books.site, books.received)).collect();
        assert_eq!(found, [(SITE, 4), (SITE, 2), (SiteId(2), 1)]);
    }
}
