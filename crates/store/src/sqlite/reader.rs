use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use rusqlite::{Connection, Transaction};
use weir_event::{DayFrame, Grain, LocalDay, Millis, QueueId, Seq, SiteId, limits};
use weir_rollups::{Client, Counters, Key, Source, Statistic, Table, ValueId};
use weir_sqlite::Readers;

use super::batch::{folder_of, read_checkpoint};
use super::rows::LogPlace;
use super::sealed::SealedVisitor;
use super::sums::KeptSums;
use super::units::Interned;
use super::{books, days, dead, dictionary, queues, rows, seen, stats, units};
use crate::{
    Checkpoint, DeadLine, Dimension, LogRow, RawRow, RuleDays, SeenIds, SiteDay, StatRow, StoreBooks,
    StoreError,
};

/// How many texts readers keep at hand.
const TEXTS_KEPT: usize = 100_000;

/// How many clients, sources and hosts of pages they keep, each.
const NUMBERS_KEPT: usize = 20_000;

const CACHE_KIB: u32 = 8 * 1024;

/// Reads the store. Cheap to clone; works beside a running server, also from another process.
#[derive(Clone)]
pub struct StoreReader(Arc<Shared>);

struct Shared {
    path: PathBuf,
    readers: Readers,
    texts: Cache<u32, Arc<str>>,
    sums: KeptSums,
    longest_us: AtomicU64,
    // Numbers never change their meaning, so these can't lie.
    clients: Cache<u32, Client>,
    sources: Cache<u32, Source>,
    hosts: Cache<u32, ValueId>,
}

/// One committed state of the store.
pub struct Reading<'a> {
    tx: Transaction<'a>,
    shared: &'a Shared,
    interned: RefCell<Interned>,
}

impl StoreReader {
    pub(super) fn new(path: PathBuf) -> Self {
        let readers = Readers::new(path.clone(), CACHE_KIB, limits::READERS_MAX, limits::READERS_IDLE);
        Self(Arc::new(Shared {
            path,
            readers,
            texts: Cache::new(TEXTS_KEPT),
            sums: KeptSums::new(),
            longest_us: AtomicU64::new(0),
            clients: Cache::new(NUMBERS_KEPT),
            sources: Cache::new(NUMBERS_KEPT),
            hosts: Cache::new(NUMBERS_KEPT),
        }))
    }

    /// Opens an existing store for reading.
    ///
    /// # Errors
    /// The file is missing or can't be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let reader = Self::new(path.to_owned());
        reader.read(|_| Ok(()))?;
        Ok(reader)
    }

    /// Gives back what is held for questions that have not come for a while; to be called now and then.
    pub fn rest(&self) {
        if self.0.readers.close_spare() {
            self.0.texts.clear();
            self.0.sums.clear();
        }
    }

    /// Runs `question` on one committed state. Keep it short: while it runs, the WAL can't restart.
    ///
    /// # Errors
    /// What the database reports, or every connection being in use.
    pub fn read<T>(
        &self,
        question: impl FnOnce(&Reading<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut conn = self.0.readers.lend()?;
        let tx = conn.transaction()?;
        let begun = Instant::now();
        let answer = question(&Reading { tx, shared: &self.0, interned: RefCell::default() });
        let took = begun.elapsed();
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.longest_us.fetch_max(took_us, Ordering::Relaxed);
        if took > Duration::from_millis(limits::READ_TRANSACTION_MS_MAX) {
            tracing::warn!(ms = took.as_millis(), "a read of the statistics held up the WAL");
        }
        answer
    }

    /// The longest that any read has taken so far.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.0.longest_us.load(Ordering::Relaxed))
    }

    /// Where the database lies.
    pub fn folder(&self) -> &Path {
        folder_of(&self.0.path)
    }
}

impl Reading<'_> {
    pub(super) fn conn(&self) -> &Connection {
        &self.tx
    }

    pub(super) fn kept(&self) -> &KeptSums {
        &self.shared.sums
    }

    /// Days from `from` to `to`, both included, that hold anything; ascending.
    pub fn site_days(&self, site: SiteId, from: LocalDay, to: LocalDay) -> Result<Vec<SiteDay>, StoreError> {
        days::read_days(&self.tx, site, (from, to))
    }

    pub fn first_day(&self, site: SiteId) -> Result<Option<LocalDay>, StoreError> {
        days::read_first_day(&self.tx, site)
    }

    /// A statistic's rows with buckets from `from` to `to`, both included.
    pub fn stats(
        &self,
        site: SiteId,
        statistic: Statistic,
        grain: Grain,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(StatRow),
    ) -> Result<(), StoreError> {
        stats::read_statistic(&self.tx, site, statistic, grain, (from, to), each)
    }

    /// Every row of a table with buckets from `from` to `to`, whatever its role: for proofs, which
    /// must see rows that no question asks for.
    pub fn table(
        &self,
        site: SiteId,
        table: Table,
        grain: Grain,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(Key, Counters) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        stats::each_row(&self.tx, site, table, grain, None, (from, to), each)
    }

    /// The log of `[from, to)`, rows set aside among them: sealed days by visitor, then the others by
    /// time. A visitor's rows ascend.
    pub fn log(
        &self,
        site: SiteId,
        from: Millis,
        to: Millis,
        each: &mut dyn FnMut(&LogRow<'_>),
    ) -> Result<(), StoreError> {
        let mut interned = self.interned.borrow_mut();
        rows::read_log(&self.tx, &mut interned, site, (from, to), &mut |row| {
            each(row);
            Ok(())
        })
    }

    /// Days of the log that are sealed, visitor by visitor and in the order of their ordinals; `each`
    /// decides which of them it reads.
    pub fn sealed(
        &self,
        site: SiteId,
        day: &DayFrame,
        each: &mut dyn FnMut(&SealedVisitor<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        rows::each_sealed(&self.tx, site, (day.start, day.end), [i64::MIN, -1, -1], &mut |_, row| {
            each(row)?;
            Ok(true)
        })
    }

    /// The log of `[from, to)` as far as it is not sealed, ascending, without amounts and days late;
    /// properties only where asked for. Ties are places in what is read.
    pub fn unsealed(
        &self,
        site: SiteId,
        range: (Millis, Millis),
        with_props: bool,
        each: &mut dyn FnMut(&RawRow<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        rows::read_counted(&self.tx, site, range, with_props, each)
    }

    /// What a client's number in the log stands for.
    pub fn client(&self, id: u32) -> Result<Client, StoreError> {
        let read = || units::read_client(&self.tx, id);
        self.shared.clients.get_or_insert_with(&id, read)
    }

    pub fn source(&self, id: u32) -> Result<Source, StoreError> {
        let read = || units::read_source(&self.tx, id);
        self.shared.sources.get_or_insert_with(&id, read)
    }

    /// The host that a page was first seen with.
    pub fn host(&self, page: ValueId) -> Result<ValueId, StoreError> {
        let read = || units::read_host(&self.tx, page);
        self.shared.hosts.get_or_insert_with(&page.0, read)
    }

    /// At most `max` rows of the same from `place` on, for who reads a day in several transactions.
    pub fn log_piece(
        &self,
        site: SiteId,
        range: (Millis, Millis),
        place: &mut LogPlace,
        max: usize,
        each: &mut dyn FnMut(&LogRow<'_>),
    ) -> Result<(), StoreError> {
        let mut interned = self.interned.borrow_mut();
        rows::read_log_piece(&self.tx, &mut interned, site, range, place, max, &mut |row| {
            each(row);
            Ok(())
        })
    }

    /// At most `max` rows of a table with buckets in `range`, both included, past the key `after`, in
    /// the order of their keys; true where that is all of them.
    pub fn table_piece(
        &self,
        site: SiteId,
        (table, grain): (Table, Grain),
        range: (i64, i64),
        after: Option<Key>,
        max: usize,
        each: &mut dyn FnMut(Key, Counters),
    ) -> Result<bool, StoreError> {
        stats::row_piece(&self.tx, site, (table, grain), range, after, max, each)
    }

    /// How many days there are from `from` to `to`, both included, and how often they have changed:
    /// equal twice, nothing of them has changed in between.
    pub fn changes(&self, site: SiteId, from: LocalDay, to: LocalDay) -> Result<(i64, i64), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(changes), 0) FROM site_days
                   WHERE site = ?1 AND day BETWEEN ?2 AND ?3";
        let mut statement = self.tx.prepare_cached(sql)?;
        Ok(statement.query_row((site.0, from.0, to.0), |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// How many of a site's days are not counted by these rules.
    pub fn rule_days(
        &self,
        site: SiteId,
        visit_timeout_secs: i64,
        counts_bots: bool,
    ) -> Result<RuleDays, StoreError> {
        let sql = "SELECT count(*), coalesce(sum(state <> 3 AND (stale OR other)), 0), coalesce(sum(state = 3 AND other), 0)
                   FROM (SELECT state, stale, visit_timeout_secs <> ?2 OR counts_bots <> ?3 AS other
                         FROM site_days WHERE site = ?1)";
        let mut statement = self.tx.prepare_cached(sql)?;
        Ok(statement.query_row((site.0, visit_timeout_secs, counts_bots), |row| {
            let count = |column| row.get(column).map(books::count);
            Ok(RuleDays { all: count(0)?, waiting: count(1)?, frozen: count(2)? })
        })?)
    }

    /// How many days of a site wait to be counted anew; of all sites where none is named.
    pub fn stale_days(&self, site: Option<SiteId>) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM site_days WHERE stale AND (?1 IS NULL OR site = ?1)";
        let mut statement = self.tx.prepare_cached(sql)?;
        Ok(statement.query_row((site.map(|site| site.0),), |row| Ok(books::count(row.get(0)?)))?)
    }

    /// Sites that hold any day, whether the registry lists them or not.
    pub fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        let mut statement = self.tx.prepare_cached("SELECT DISTINCT site FROM site_days ORDER BY site")?;
        let sites = statement.query_map([], |row| Ok(SiteId(row.get(0)?)))?;
        Ok(sites.collect::<Result<_, _>>()?)
    }

    /// What a number spells; empty for the absent value.
    pub fn text(&self, value: ValueId) -> Result<Arc<str>, StoreError> {
        if value == ValueId::NONE {
            return Ok(Arc::from(""));
        }
        if let Some(text) = self.shared.texts.get(&value.0) {
            return Ok(text);
        }
        let mut statement = self.tx.prepare_cached("SELECT text FROM strings WHERE id = ?1")?;
        let text: Arc<str> = statement.query_row((value.0,), |row| row.get::<_, Arc<str>>(0))?;
        self.shared.texts.insert(value.0, text.clone());
        Ok(text)
    }

    /// The number of a text that the site has seen.
    pub fn find(
        &self,
        site: SiteId,
        dimension: Dimension,
        text: &str,
    ) -> Result<Option<ValueId>, StoreError> {
        if text.is_empty() {
            return Ok(Some(ValueId::NONE));
        }
        dictionary::find_text(&self.tx, site, dimension, text)
    }

    /// Every text of a dimension that the site has seen.
    pub fn values(
        &self,
        site: SiteId,
        dimension: Dimension,
        each: &mut dyn FnMut(ValueId, &str),
    ) -> Result<(), StoreError> {
        let sql = "SELECT id, text FROM strings WHERE site = ?1 AND dimension = ?2";
        let mut statement = self.tx.prepare_cached(sql)?;
        let mut rows = statement.query((site.0, dimension as u8))?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().map_err(|e| StoreError::Unreadable(e.to_string()))?;
            each(ValueId(row.get(0)?), text);
        }
        Ok(())
    }

    /// Distinct visitors with a counted event since `since`.
    pub fn visitors_now(&self, site: SiteId, since: Millis) -> Result<u64, StoreError> {
        // Bots count where their day says so, which is today or, around midnight, the day before.
        let (mut from, mut to) = (Millis(0), Millis(0));
        for day in days::read_days_since(&self.tx, site, since)?.into_iter().filter(|day| day.counts_bots) {
            from = if from == to { day.frame.start } else { from };
            to = day.frame.end;
        }
        let sql = "SELECT count(DISTINCT visitor) FROM events WHERE site = ?1 AND time >= ?2 AND kind < 3
                       AND (set_aside IS NULL OR set_aside = 64 AND time >= ?3 AND time < ?4)";
        let mut statement = self.tx.prepare_cached(sql)?;
        Ok(statement.query_row((site.0, since.0, from.0, to.0), |row| Ok(books::count(row.get(0)?)))?)
    }

    /// Whether the site has any day at all.
    pub fn has_events(&self, site: SiteId) -> Result<bool, StoreError> {
        Ok(self.first_day(site)?.is_some())
    }

    pub fn ledger(&self) -> Result<StoreBooks, StoreError> {
        books::read_books(&self.tx)
    }

    /// The first dead rows, oldest first, of one site or of all; and how many there are.
    pub fn dead(&self, site: Option<SiteId>, max: usize) -> Result<(Vec<DeadLine>, u64), StoreError> {
        dead::read_dead(&self.tx, site, max)
    }

    /// The ids held, of which so many may be.
    pub fn seen_ids(&self, ids_max: u64) -> Result<SeenIds, StoreError> {
        seen::read_seen(&self.tx, ids_max)
    }

    pub fn find_dead(&self, number: u64) -> Result<Option<DeadLine>, StoreError> {
        dead::find_dead(&self.tx, number)
    }

    /// How far the rows of each opening of a queue file were taken.
    pub fn taken(&self) -> Result<BTreeMap<QueueId, Seq>, StoreError> {
        queues::read_taken(&self.tx)
    }

    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        read_checkpoint(&self.tx)
    }

    /// Rows and bytes of each table, from the pages they fill.
    pub fn table_bytes(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sql =
            "SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = FALSE GROUP BY name ORDER BY 2 DESC";
        let mut statement = self.tx.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, books::count(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
