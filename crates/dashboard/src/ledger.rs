//! The ledger: what became of every event that was acknowledged.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use weir_event::{QueueBooks, Reason, SiteId, limits};
use weir_queue::{QueueError, QueueReader};
use weir_registry::{Access, Registry, RegistryError};
use weir_store::{StoreBooks, StoreError, StoreReader};

use crate::Dashboard;
use crate::answer::{ApiError, ErrorBody};
use crate::balance::{DayBooks, balance};
use crate::caller::Reader;

/// Stable: the `ledger` command prints the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ledger {
    /// Acknowledged events that are not in the statistics yet.
    pub pending: u64,
    /// Whether every day of every site balances.
    pub balanced: bool,
    pub sites: Vec<SiteLedger>,
    /// Refused for no site in particular, by reason; best effort.
    pub refused: BTreeMap<&'static str, u64>,
    /// Given up by trackers of no site in particular; best effort.
    pub given_up: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SiteLedger {
    pub domain: String,
    pub days: Vec<DayLedger>,
    /// Refused before the queue, by reason; counted beside the books, best effort.
    pub refused: BTreeMap<&'static str, u64>,
    /// What trackers could not deliver and gave up, as they say themselves, by the local day on which
    /// they told it; best effort.
    pub given_up: BTreeMap<String, u64>,
}

/// `received = stored + set_aside + duplicate + erased + expired + dead + dropped + lost + pending`,
/// or `balanced` is false.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayLedger {
    /// The site's local day of receipt, such as `2026-06-01`.
    pub day: String,
    pub received: u64,
    pub stored: u64,
    /// By reason.
    pub set_aside: BTreeMap<&'static str, u64>,
    pub duplicate: u64,
    pub erased: u64,
    pub expired: u64,
    pub dead: u64,
    /// Were dead, and given up by the operator.
    pub dropped: u64,
    /// Acknowledged, and in a queue file that is gone.
    pub lost: u64,
    pub pending: u64,
    pub balanced: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store went on each time that both sides were read: try again.
    #[error("the books of queue and statistics were never seen at one moment: try again")]
    NeverAtRest,
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What became of every acknowledged event; of one site only where the caller may read no other.
#[utoipa::path(get, path = "/api/ledger", tag = "health", responses(
    (status = 200, body = Ledger),
    (status = 503, body = ErrorBody, description = "The books did not come to rest: try again")))]
pub(crate) async fn ledger(
    State(dashboard): State<Dashboard>,
    reader: Reader,
) -> Result<Json<Ledger>, ApiError> {
    let answer = dashboard.off_thread(move |dashboard| {
        let mut queue = dashboard.queue.reader().map_err(LedgerError::from)?;
        Ok(read_ledger(&mut queue, &dashboard.store, &dashboard.registry, reader.access)?)
    });
    answer.await.map(Json)
}

/// The ledger of what `access` opens. Works beside a running server, too.
///
/// # Errors
/// What a file reports, or [`LedgerError::NeverAtRest`].
pub fn read_ledger(
    queue: &mut QueueReader,
    store: &StoreReader,
    registry: &Registry,
    access: Access,
) -> Result<Ledger, LedgerError> {
    let mut days = read_balance(queue, store)?;
    days.retain(|day| access == Access::All || access == Access::Site(day.site));
    let mut ledger = Ledger {
        pending: days.iter().map(|day| day.pending).sum(),
        balanced: days.iter().all(DayBooks::balanced),
        sites: Vec::new(),
        refused: BTreeMap::new(),
        given_up: 0,
    };
    ledger.list(days, registry, access)?;
    Ok(ledger)
}

/// The books of every day of every site. Reads every row that is pending.
///
/// # Errors
/// What a file reports, or [`LedgerError::NeverAtRest`].
pub fn read_balance(queue: &mut QueueReader, store: &StoreReader) -> Result<Vec<DayBooks>, LedgerError> {
    let (queue, store) = read_books(queue, || store.read(|reading| reading.ledger()))?;
    Ok(balance(&queue, &store))
}

/// Both sides as of moments that belong together: the store has taken nothing that is not in the
/// queue's snapshot, and every row that it has not taken is.
///
/// The queue's snapshot comes first and stays while the store is read. Rows are settled only when
/// the store has taken them, so none that it takes later is missing from an earlier snapshot. What
/// it has taken and the snapshot does not know came after the snapshot: then both are read again.
/// If the next snapshot does not know it either, the file is not the one that the store took it from.
fn read_books(
    queue: &mut QueueReader,
    mut read_store: impl FnMut() -> Result<StoreBooks, StoreError>,
) -> Result<(QueueBooks, StoreBooks), LedgerError> {
    let mut before: Option<StoreBooks> = None;
    for _ in 0..limits::LEDGER_READS_MAX {
        let (queue, store) = queue.books_with(|file| {
            let books = read_store()?;
            Ok::<_, LedgerError>((Some(books.resume_after(file)), books))
        })?;
        if !is_past(&store, &queue) || before.is_some_and(|before| is_past(&before, &queue)) {
            return Ok((queue, store));
        }
        before = Some(store);
    }
    Err(LedgerError::NeverAtRest)
}

/// Whether the store knows of rows that the snapshot doesn't.
fn is_past(store: &StoreBooks, queue: &QueueBooks) -> bool {
    let Some(checkpoint) = store.checkpoint else { return false };
    let Some(opening) = queue.opening(checkpoint.queue) else { return true };
    let of_opening = store.accounts.iter().filter(|(of, _)| of.queue == checkpoint.queue);
    let received = |of| queue.received.get(of).copied().unwrap_or_default();
    checkpoint.seq > opening.last
        || of_opening.into_iter().any(|(of, account)| account.received > received(of))
}

impl Ledger {
    /// Every site that is listed or in the books, by number; refusals beside them.
    fn list(&mut self, days: Vec<DayBooks>, registry: &Registry, access: Access) -> Result<(), LedgerError> {
        let mut sites: BTreeMap<SiteId, SiteLedger> = BTreeMap::new();
        for site in registry.sites() {
            if access == Access::All || access == Access::Site(site.id) {
                sites.insert(site.id, SiteLedger::new(site.domain.clone()));
            }
        }
        for day in days {
            let site = sites.entry(day.site).or_insert_with(|| SiteLedger::removed(day.site));
            site.days.push(DayLedger::of(day));
        }
        for refusals in registry.refusals()? {
            let refused = match refusals.site {
                Some(id) => sites.get_mut(&id).map(|site| &mut site.refused),
                None if access == Access::All => Some(&mut self.refused),
                None => None,
            };
            if let Some(refused) = refused {
                *refused.entry(refusals.reason.name()).or_default() += refusals.n;
            }
        }
        for given_up in registry.given_up()? {
            match given_up.site.map(|id| sites.get_mut(&id)) {
                Some(Some(site)) => drop(site.given_up.insert(given_up.day.to_string(), given_up.n)),
                None if access == Access::All => self.given_up += given_up.n,
                _ => {}
            }
        }
        self.sites = sites.into_values().collect();
        Ok(())
    }
}

impl SiteLedger {
    fn new(domain: String) -> Self {
        Self { domain, days: Vec::new(), refused: BTreeMap::new(), given_up: BTreeMap::new() }
    }

    /// Its books stay when its figures go: what was received must be accounted for.
    fn removed(id: SiteId) -> Self {
        Self::new(format!("(removed site {id})"))
    }
}

impl DayLedger {
    fn of(books: DayBooks) -> Self {
        let by_name = |(reason, n): (Reason, u64)| (reason.name(), n);
        Self {
            day: books.day.to_string(),
            balanced: books.balanced(),
            received: books.received,
            stored: books.stored,
            set_aside: books.set_aside.into_iter().map(by_name).collect(),
            duplicate: books.duplicate,
            erased: books.erased,
            expired: books.expired,
            dead: books.dead,
            dropped: books.dropped,
            lost: books.lost,
            pending: books.pending,
        }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        Self::internal("the queue could not be read", &error)
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NeverAtRest => Self::busy("The books did not come to rest: try again", 2),
            LedgerError::Queue(error) => error.into(),
            LedgerError::Store(error) => error.into(),
            LedgerError::Registry(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use weir_event::{Millis, QueueDay, Seq, Zone};
    use weir_queue::{Entry, Queue, QueueOptions};
    use weir_store::{BookEntry, Checkpoint, Store};
    use weir_testkit::page_view;

    use super::*;

    const SITE: SiteId = SiteId(1);
    const NOON: Millis = Millis(1_780_315_200_000);

    /// Both sides, and a processor that goes on when told.
    struct Sides {
        queue: Queue,
        store: Store,
        _folder: TempDir,
    }

    impl Sides {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = QueueOptions { disk_reserve_bytes: 0, ..QueueOptions::default() };
            let queue = Queue::open(&folder.path().join("queue.db"), options).unwrap();
            let store = Store::open(&folder.path().join("weir.db")).unwrap();
            Self { queue, store, _folder: folder }
        }

        fn receive(&self, n: u64) {
            let view = |i| Entry::Event(Box::new(page_view(i, SITE, i, NOON)));
            self.queue.append_blocking((0..n).map(view).collect()).unwrap();
        }

        /// Stores what is pending and settles it, which takes one more commit of the queue.
        fn process(&mut self) {
            let mut reader = self.queue.reader().unwrap();
            let done = self.store.reader().read(|reading| reading.checkpoint()).unwrap();
            let rows = reader.pending(done.map_or(Seq(0), |done| done.seq), 1_000).unwrap();
            let last = rows.last().unwrap();
            let of = QueueDay { queue: last.queue, site: SITE, day: Zone::utc().day_of(NOON) };
            let received = reader.received(&[of]).unwrap()[0];
            let mut batch = self.store.begin().unwrap();
            batch.book(SITE, of.day, BookEntry::Stored, rows.len() as i64).unwrap();
            batch.take(of, received, rows.len() as u64).unwrap();
            batch.advance(Checkpoint { queue: last.queue, seq: last.seq, received: NOON }).unwrap();
            let last = last.seq;
            batch.commit().unwrap();
            self.queue.settle(last);
            self.receive(1);
            assert!(reader.oldest().unwrap() > Some(last), "what the store holds is settled");
        }
    }

    fn pending(queue: &QueueBooks) -> u64 {
        queue.pending.values().sum()
    }

    fn check_balance(queue: &QueueBooks, store: &StoreBooks) {
        let days = balance(queue, store);
        assert!(days.iter().all(DayBooks::balanced), "{days:?}");
    }

    #[test]
    fn a_store_that_goes_on_after_it_was_read_takes_no_row_from_the_snapshot() {
        let mut sides = Sides::new();
        sides.receive(3);
        let mut queue = sides.queue.reader().unwrap();
        let mut looks = 0;
        let (queue, store) = read_books(&mut queue, || {
            looks += 1;
            let books = sides.store.reader().read(|reading| reading.ledger())?;
            sides.process();
            Ok(books)
        })
        .unwrap();
        check_balance(&queue, &store);
        assert_eq!((looks, pending(&queue)), (1, 3));
    }

    #[test]
    fn a_store_that_went_past_the_snapshot_is_read_again() {
        let mut sides = Sides::new();
        sides.receive(3);
        let mut queue = sides.queue.reader().unwrap();
        let mut looks = 0;
        let (queue, store) = read_books(&mut queue, || {
            looks += 1;
            if looks == 1 {
                sides.receive(2);
                sides.process();
            }
            sides.store.reader().read(|reading| reading.ledger())
        })
        .unwrap();
        check_balance(&queue, &store);
        assert_eq!((looks, queue.received.values().sum::<u64>(), pending(&queue)), (2, 6, 1));
    }

    #[test]
    fn books_that_never_rest_are_given_up_after_a_bounded_number_of_looks() {
        let mut sides = Sides::new();
        let mut queue = sides.queue.reader().unwrap();
        let mut looks = 0;
        let never = read_books(&mut queue, || {
            looks += 1;
            sides.receive(1);
            sides.process();
            sides.store.reader().read(|reading| reading.ledger())
        });
        assert!(matches!(never, Err(LedgerError::NeverAtRest)), "{never:?}");
        assert_eq!(looks, limits::LEDGER_READS_MAX);
    }

    /// After a restore the numbers start again: the store's checkpoint says nothing of them.
    #[test]
    fn another_queue_s_checkpoint_hides_no_row() {
        let (mut before, after) = (Sides::new(), Sides::new());
        before.receive(5);
        before.process();
        after.receive(3);
        let read = || before.store.reader().read(|reading| reading.ledger());
        let (queue, _) = read_books(&mut after.queue.reader().unwrap(), read).unwrap();
        assert_eq!(pending(&queue), 3);
    }
}
