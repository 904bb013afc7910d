//! The books of both sides laid side by side. Pure.

use std::collections::BTreeMap;

use weir_event::{LocalDay, Reason, SiteId};
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
            pending: 0,
        }
    }

    /// Whether every event received is accounted for, exactly once.
    pub fn balanced(&self) -> bool {
        let aside: u64 = self.set_aside.values().sum();
        let found =
            self.stored + aside + self.duplicate + self.erased + self.expired + self.dead + self.pending;
        self.received == found
    }

    fn enter(&mut self, entry: BookEntry, n: u64) {
        let place = match entry {
            BookEntry::Stored => &mut self.stored,
            BookEntry::Duplicate => &mut self.duplicate,
            BookEntry::Erased => &mut self.erased,
            BookEntry::Expired => &mut self.expired,
            BookEntry::Dead => &mut self.dead,
            BookEntry::SetAside(reason) => self.set_aside.entry(reason).or_default(),
        };
        *place += n;
    }
}

/// One line per site and local day of receipt, ascending, for every day that any side knows of:
/// what one side has and the other doesn't must show. The sides belong together when `received`
/// and `pending` are of one state of the queue, and `pending` counts what lies past the store's
/// checkpoint.
pub fn balance(
    received: &[(SiteId, LocalDay, u64)],
    pending: &[(SiteId, LocalDay, u64)],
    store: &StoreBooks,
) -> Vec<DayBooks> {
    let mut days = BTreeMap::new();
    let mut of = |site, day, enter: &dyn Fn(&mut DayBooks)| {
        enter(days.entry((site, day)).or_insert_with(|| DayBooks::new(site, day)));
    };
    for (site, day, n) in received {
        of(*site, *day, &|books| books.received += n);
    }
    for (site, day, n) in pending {
        of(*site, *day, &|books| books.pending += n);
    }
    for (site, day, entry, n) in &store.entries {
        of(*site, *day, &|books| books.enter(*entry, *n));
    }
    days.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: SiteId = SiteId(1);
    const DAY: LocalDay = LocalDay(20_000);

    fn store(entries: &[(BookEntry, u64)]) -> StoreBooks {
        let entries = entries.iter().map(|(entry, n)| (SITE, DAY, *entry, *n)).collect();
        StoreBooks { checkpoint: None, entries }
    }

    #[test]
    fn every_event_received_is_in_exactly_one_place() {
        use BookEntry as E;
        let check = |balanced: bool, received: u64, pending: u64, entries: &[(BookEntry, u64)]| {
            let books = balance(&[(SITE, DAY, received)], &[(SITE, DAY, pending)], &store(entries));
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
            (E::SetAside(Reason::Bot), 6),
            (E::SetAside(Reason::VisitorFull), 7),
        ];
        check(true, 30, 2, &all);
        check(false, 31, 2, &all);
        check(false, 29, 2, &all);
    }

    #[test]
    fn a_day_that_one_side_alone_knows_is_listed_and_does_not_balance() {
        let other = LocalDay(20_001);
        let books = balance(&[(SITE, other, 1)], &[], &store(&[(BookEntry::Stored, 1)]));
        let found: Vec<_> = books.iter().map(|books| (books.day, books.balanced())).collect();
        assert_eq!(found, [(DAY, false), (other, false)]);
    }

    #[test]
    fn sites_and_days_are_not_mixed_up() {
        let rows = [(SiteId(2), DAY, 1), (SITE, LocalDay(20_001), 2), (SITE, DAY, 4)];
        let books = balance(&rows, &rows, &StoreBooks::default());
        assert!(books.iter().all(DayBooks::balanced));
        let found: Vec<_> = books.iter().map(|books| (books.site, books.received)).collect();
        assert_eq!(found, [(SITE, 4), (SITE, 2), (SiteId(2), 1)]);
    }
}
