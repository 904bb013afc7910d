//! The parts around the processor, all real: queue, registry, store, each in its file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use weir_event::{Control, Event, Grain, LocalDay, Millis, QueueBooks, Seq, SiteId, Zone};
use weir_processor::{Drained, Processor, ProcessorOptions, Verified, rebuild, verify};
use weir_queue::{Entry, Queue, QueueError, QueueOptions};
use weir_registry::{Counting, Registry, Site};
use weir_rollups::Table;
use weir_store::{DayState, Store, StoreBooks, StoreReader};
use weir_testkit::TestClock;
use weir_verdicts::Verdicts;

/// A data folder and everything that works on it.
pub struct World {
    pub queue: Queue,
    pub registry: Registry,
    pub reader: StoreReader,
    processor: Option<Processor>,
    options: ProcessorOptions,
    folder: TempDir,
}

/// A few visitors: more of them wait in the file, so that what a test finds has mostly been there.
const OPEN_VISITORS_BYTES: usize = 1_000;

fn open_store(path: &Path) -> Store {
    Store::open(path).expect("a store").with_open_visitors(OPEN_VISITORS_BYTES)
}

/// Names a row of a statistic in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowName {
    pub site: SiteId,
    pub table: &'static str,
    pub grain: &'static str,
    pub role: u8,
    pub bucket: i64,
    pub value: String,
    pub second: String,
}

/// Counters in the order of the columns.
pub type Rows = BTreeMap<RowName, [i64; 8]>;

/// A row of the log, as far as tests ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub time: Millis,
    pub tie: u32,
    pub visitor: Option<u64>,
    pub set_aside: Option<&'static str>,
}

/// What stands where a database was.
#[derive(Debug, Clone)]
pub enum Put {
    Same,
    Nothing,
    Copy(PathBuf),
}

impl World {
    pub fn new() -> Self {
        Self::with(ProcessorOptions::default())
    }

    /// With a processor that takes so many rows at a time, however many are waiting.
    pub fn in_batches_of(rows: usize) -> Self {
        Self::with(ProcessorOptions { drain_events: rows, ..ProcessorOptions::default() })
    }

    pub fn with(options: ProcessorOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(TestClock::at(Millis(1_780_000_000_000)));
        let registry = Registry::open_beside(folder.path(), clock).expect("a registry");
        let queue = Queue::open(&folder.path().join("queue.db"), QueueOptions::default()).expect("a queue");
        let store = open_store(&folder.path().join("weir.db"));
        let reader = store.reader();
        let mut world = Self { queue, registry, reader, processor: None, options, folder };
        world.processor = Some(world.processor_on(store));
        world
    }

    fn processor_on(&self, store: Store) -> Processor {
        let (queue, registry) = (self.queue.clone(), self.registry.clone());
        let on_commit = Box::new(|_: &_| {});
        Processor::new(store, queue, registry, self.options.clone(), on_commit).expect("a processor")
    }

    /// Tells who asks what becomes of single events.
    pub fn tell(&mut self, verdicts: Verdicts) {
        self.processor = self.processor.take().map(|processor| processor.with_verdicts(verdicts));
    }

    pub fn site(&self, domain: &str, zone: &str) -> Site {
        let zone: Zone = zone.parse().expect("a zone");
        self.registry.add_site(domain, &zone).expect("a site")
    }

    pub fn append(&self, events: &[Event]) -> Seq {
        let entries = events.iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
        self.queue.append_blocking(entries).expect("appended")
    }

    pub fn drain(&mut self) -> Drained {
        self.try_drain().expect("drained")
    }

    pub fn take(&mut self, events: &[Event]) -> Drained {
        self.append(events);
        self.drain()
    }

    /// Runs beside `work` as the server has it run.
    pub fn run_beside(&mut self, work: impl FnOnce(&Queue)) {
        let stop = AtomicBool::new(false);
        let processor = self.processor.as_mut().expect("is there");
        std::thread::scope(|scope| {
            scope.spawn(|| processor.run(&stop, &|error| assert!(error.is_none(), "{error:?}")));
            work(&self.queue);
            stop.store(true, Ordering::Release);
            self.queue.wake();
        });
    }

    /// As when nothing has come for a while.
    pub fn rest(&mut self) {
        self.processor.as_mut().expect("is there").rest();
    }

    /// As when the process begins anew on the same folder.
    pub fn restart(&mut self) {
        self.processor = None;
        let store = open_store(&self.path("weir.db"));
        self.reader = store.reader();
        self.processor = Some(self.processor_on(store));
    }

    /// The queue's file as it is now, in a copy.
    pub fn copy_queue(&self) -> PathBuf {
        self.copy("queue.db", "copy.db")
    }

    /// A database as it is now, under another name.
    pub fn copy(&self, name: &str, copy: &str) -> PathBuf {
        let path = self.path(copy);
        let _ = std::fs::remove_file(&path);
        let database = rusqlite::Connection::open(self.path(name)).expect("opens");
        database.execute("VACUUM INTO ?1", [path.to_str().expect("a path")]).expect("copied");
        path
    }

    /// As after a crash that the queue's file came out of as `file`; a new file without one.
    pub fn restart_with_queue(&mut self, file: Option<PathBuf>) {
        self.restart_with(file.map_or(Put::Nothing, Put::Copy), Put::Same);
    }

    /// Begins anew on other files. What was asked to be settled is settled first.
    pub fn restart_with(&mut self, queue: Put, store: Put) {
        self.processor = None;
        self.queue.close();
        self.put("queue.db", queue);
        self.put("weir.db", store);
        self.queue = Queue::open(&self.path("queue.db"), QueueOptions::default()).expect("a queue");
        self.restart();
    }

    fn put(&self, name: &str, file: Put) {
        if matches!(file, Put::Same) {
            return;
        }
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.path(&format!("{name}{suffix}")));
        }
        if let Put::Copy(copy) = file {
            std::fs::copy(copy, self.path(name)).expect("copied");
        }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn verify(&self) -> Verified {
        verify(&self.reader, &[], &mut |_, _| {}).expect("verified")
    }

    pub fn try_drain(&mut self) -> Result<Drained, String> {
        self.processor.as_mut().expect("is there").drain().map_err(|error| error.to_string())
    }

    /// Removes a site as the server does: from the registry, then by a wish in the queue.
    pub fn remove_site(&self, site: &Site) {
        self.registry.remove_site(&site.domain).expect("removed");
        let wish = Entry::Control(Control::RemoveSite(site.id));
        self.queue.append_blocking(vec![wish]).expect("appended");
    }

    /// Says how a site counts, as the server does: in the registry, then by a wish in the queue.
    pub fn set_counting(&self, domain: &str, visit_timeout_mins: i64, counts_bots: bool) {
        let counting = Counting { visit_timeout_secs: visit_timeout_mins * 60, counts_bots };
        let site = self.registry.set_counting(domain, counting).expect("set");
        self.queue.append_blocking(vec![Entry::Control(Control::Refold(site.id))]).expect("appended");
    }

    /// Everything statistics, log and books hold, to compare before and after.
    pub fn state(&self, site: SiteId) -> (Rows, BTreeMap<String, Logged>, StoreBooks) {
        (self.rows(site), self.log(site), self.store_books())
    }

    /// A row of `site_stats` by day: its counters.
    pub fn site_day(&self, site: SiteId, day: LocalDay) -> [i64; 8] {
        let name = RowName {
            site,
            table: "site_stats",
            grain: "day",
            role: 0,
            bucket: i64::from(day.0),
            value: String::new(),
            second: String::new(),
        };
        self.rows(site).get(&name).copied().unwrap_or_default()
    }

    /// Runs SQL past all the parts and tells the first column of its one row.
    pub fn number(&self, sql: &str) -> i64 {
        self.sql().query_row(sql, [], |row| row.get(0)).expect(sql)
    }

    /// Changes something by hand; how many rows.
    pub fn tamper(&self, sql: &str) -> usize {
        self.sql().execute(sql, []).expect(sql)
    }

    /// Days rebuilt. The processor sleeps meanwhile; it has numbered every text there is.
    pub fn rebuild(&self) -> u64 {
        let mut store = Store::open(&self.path("weir.db")).expect("a store");
        rebuild(&mut store, &self.registry, &[], &mut |_, _| {}).expect("rebuilt")
    }

    /// A connection past all the parts, as somebody with a tool has one.
    pub fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("weir.db")).expect("opens")
    }

    pub fn day_states(&self, site: SiteId) -> Vec<DayState> {
        let (first, last) = (LocalDay(i32::MIN), LocalDay(i32::MAX));
        let days = self.reader.read(|reading| reading.site_days(site, first, last)).expect("read");
        days.into_iter().map(|day| day.state).collect()
    }

    pub fn store_books(&self) -> StoreBooks {
        self.reader.read(|reading| reading.ledger()).expect("read")
    }

    /// Site days of receipt whose books do not balance; empty is good.
    pub fn unbalanced(&self) -> Vec<String> {
        let store = self.store_books();
        let after = |file: &QueueBooks| Ok::<_, QueueError>((Some(store.resume_after(file)), ()));
        let (queue, ()) = self.queue.reader().expect("a reader").books_with(after).expect("books");
        let mut days: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for (of, n) in store.received(&queue) {
            days.entry((of.site, of.day)).or_default().0 += n;
        }
        for (of, n) in store.lost(&queue).into_iter().chain(queue.pending) {
            days.entry((of.site, of.day)).or_default().1 += n;
        }
        for (site, day, _, n) in store.entries {
            days.entry((site, day)).or_default().1 += n;
        }
        let wrong = days.into_iter().filter(|(_, (received, found))| received != found);
        wrong.map(|(of, (received, found))| format!("{of:?}: received {received}, found {found}")).collect()
    }

    /// Events in no file any more, as it is booked.
    pub fn lost(&self) -> u64 {
        self.store_books().accounts.values().map(|account| account.lost).sum()
    }

    /// How often a site's books say `entry`, over all days.
    pub fn booked(&self, site: SiteId, entry: weir_store::BookEntry) -> u64 {
        let entries = self.store_books().entries.into_iter();
        entries.filter(|(of, _, is, _)| *of == site && *is == entry).map(|(.., n)| n).sum()
    }

    /// Every row of every statistic of a site, in words.
    pub fn rows(&self, site: SiteId) -> Rows {
        let mut rows = Rows::new();
        let grains = [("hour", Grain::Hour), ("day", Grain::Day), ("month", Grain::Month)];
        let read = self.reader.read(|reading| {
            for table in Table::ALL {
                for (grain, of) in grains {
                    reading.table(site, table, of, i64::MIN, i64::MAX, &mut |key, counters| {
                        let (table, role, bucket) = (table.name(), key.role, key.bucket);
                        let (value, second) = (reading.text(key.value)?, reading.text(key.second)?);
                        let (value, second) = (value.to_string(), second.to_string());
                        let name = RowName { site, table, grain, role, bucket, value, second };
                        assert_eq!(rows.insert(name.clone(), counters.values()), None, "twice: {name:?}");
                        Ok(())
                    })?;
                }
            }
            Ok(())
        });
        read.expect("read");
        rows
    }

    /// The log of a site, by the properties that each row has.
    pub fn log(&self, site: SiteId) -> BTreeMap<String, Logged> {
        let mut log = BTreeMap::new();
        let read = self.reader.read(|reading| {
            reading.log(site, Millis(0), Millis(i64::MAX / 2), &mut |row| {
                let (time, tie) = (row.event.time, row.event.tie);
                let set_aside = row.set_aside.map(weir_event::Reason::name);
                let logged = Logged { time, tie, visitor: row.visitor, set_aside };
                assert_eq!(log.insert(row.props.to_owned(), logged), None, "logged twice: {}", row.props);
            })
        });
        read.expect("read");
        log
    }
}
