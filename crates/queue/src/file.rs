use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Statement, Transaction, TransactionBehavior, params};
use weir_event::{Control, LocalDay, Opening, QueueId, Seq, SiteId, limits};
use weir_fault::{Mistake, Point};
use weir_sqlite::{Error, Migration, OwnFile, Trouble, Tuning};

use crate::delivery::{NewRow, NewRows};
use crate::row::KIND_EVENT;
use crate::{Entry, QueueError};

/// `AUTOINCREMENT` is what keeps a number from being given twice: without it SQLite starts again
/// from the highest row left, and all rows are deleted in the end.
const MIGRATIONS: &[Migration] = &[
    "
    CREATE TABLE queue (id BLOB NOT NULL) STRICT;
    INSERT INTO queue (id) VALUES (randomblob(16));
    CREATE TABLE ingested_events (
        seq  INTEGER PRIMARY KEY AUTOINCREMENT,
        site INTEGER NOT NULL,
        day  INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE received (
        site INTEGER NOT NULL,
        day  INTEGER NOT NULL,
        n    INTEGER NOT NULL,
        PRIMARY KEY (site, day)
    ) STRICT, WITHOUT ROWID;
",
    OPENINGS,
];

/// A file was named once, and a copy of it had the same name. Since this step, whoever opens the file
/// begins a stretch of it with a name of its own; what the file held before is its first stretch.
const OPENINGS: &str = "
    CREATE TABLE openings (
        n     INTEGER PRIMARY KEY AUTOINCREMENT,
        id    BLOB NOT NULL,
        after INTEGER NOT NULL
    ) STRICT;
    INSERT INTO openings (id, after)
        SELECT id, 0 FROM queue WHERE EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'ingested_events');
    DROP TABLE queue;
    ALTER TABLE received RENAME TO received_before;
    CREATE TABLE received (
        opening INTEGER NOT NULL,
        site    INTEGER NOT NULL,
        day     INTEGER NOT NULL,
        n       INTEGER NOT NULL,
        PRIMARY KEY (opening, site, day)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO received (opening, site, day, n) SELECT 1, site, day, n FROM received_before;
    DROP TABLE received_before;
";

/// A commit writes every page that it touches whole, a handful even for one event: larger pages would
/// fill the log sooner, smaller ones make batches dear. SQLite itself checkpoints within a commit, whose
/// deliveries would wait for it: it is left to where [`Durable::shorten_log`] could not.
const TUNING: Tuning = Tuning {
    page_bytes: 8 * 1024,
    cache_kib: 4 * 1024,
    checkpoint_pages: 2_048,
    wal_bytes_max: limits::QUEUE_WAL_BYTES_MAX,
    incremental_vacuum: true,
};

/// The log is copied into the file when it holds this many pages: 8 MiB. Deliveries that come meanwhile
/// wait, hence no more at a time.
const LOG_PAGES: u32 = 1_024;

/// Free pages that stay in the file for the next rows: 16 MiB.
const FREE_PAGES_KEPT: u32 = 2_048;
/// Pages given back at a time: 2 MiB, so that no append waits long for it.
const FREE_PAGES_STEP: u32 = 256;

/// What the writer's thread asks of the file. A trait, so that the orders of the threads can be tried
/// by the thousand without a disk.
pub(crate) trait Durable {
    /// One transaction. On an error nothing of it may be promised to anybody: it was not committed, or
    /// committed to a file that the next start will not find.
    fn write(&mut self, appends: &[&NewRows], settle: Option<Settle>) -> Result<Written, Error>;

    /// Writes and syncs, and changes nothing: whether the disk is well again.
    fn probe(&mut self) -> Result<(), Error>;

    /// Makes sure that what is committed is in the files that the next start will open.
    fn stay_in_place(&mut self) -> Result<(), Error>;

    /// Copies the write-ahead log into the file where it has grown. What is committed is durable without.
    fn shorten_log(&self) -> Result<(), Error>;

    /// Gives some of the room that deleted rows have left back.
    fn give_back_pages(&self) -> Result<(), Error>;
}

/// The file as its one writer sees it.
pub(crate) struct QueueFile {
    file: OwnFile,
    lock_wait: Duration,
    /// Whether what is appended belongs to this opening already.
    begun: bool,
}

/// How long a try waits for a lock where nobody has said otherwise.
const LOCK_WAIT: Duration = Duration::from_millis(limits::WRITE_DEADLINE_MS);

/// The rows to delete: those past `after`, of which there are none before, up to `goal`; no more
/// than `rows_max` of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settle {
    pub after: Seq,
    pub goal: Seq,
    pub rows_max: usize,
}

pub(crate) struct Written {
    /// The number of each append's last row.
    pub last_seqs: Vec<Seq>,
    pub settled: Option<Settled>,
}

pub(crate) struct Settled {
    /// No row up to here is left.
    pub up_to: Seq,
    /// Whether that is all that was asked for and exists.
    pub done: bool,
    /// Events deleted.
    pub by_site: HashMap<SiteId, u64>,
}

impl QueueFile {
    /// Opens the file, makes it where missing, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OwnFile::open(path, TUNING, MIGRATIONS)?;
        if weir_fault::is_planted(Mistake::QueueSyncsNormal) {
            file.conn().pragma_update(None, "synchronous", "NORMAL")?;
        }
        Ok(Self { file, lock_wait: LOCK_WAIT, begun: false })
    }

    /// How long a try waits for another process's lock before it counts as failed.
    pub fn set_lock_wait(&mut self, wait: Duration) -> Result<(), Error> {
        self.lock_wait = wait;
        Ok(self.conn().busy_timeout(wait)?)
    }

    fn conn(&self) -> &Connection {
        self.file.conn()
    }

    pub fn conn_mut(&mut self) -> &mut Connection {
        self.file.conn_mut()
    }

    fn named(&self, error: impl Into<Error>) -> Error {
        error.into().in_file(self.file.path())
    }

    pub fn openings(&self) -> Result<Vec<Opening>, Error> {
        read_openings(self.conn()).map_err(|error| self.named(error))
    }

    /// The highest number ever given.
    pub fn last_seq(&self) -> Result<Seq, Error> {
        read_last_seq(self.conn()).map_err(|error| self.named(error))
    }

    pub fn oldest(&self) -> Result<Option<Seq>, Error> {
        read_oldest(self.conn()).map_err(|error| self.named(error))
    }

    /// Counts every row: the only full reading of the file, once at the start.
    pub fn events_by_site(&self) -> Result<HashMap<SiteId, u64>, Error> {
        count_by_site(self.conn(), Seq::default(), Seq(i64::MAX)).map_err(|error| self.named(error))
    }

    fn commit(&mut self, appends: &[&NewRows], settle: Option<Settle>) -> rusqlite::Result<Written> {
        // Immediate: the lock is what can be busy, and it is taken before any work is done.
        let tx = self.file.conn_mut().transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Before the rows are added, so that a goal too high can not reach them.
        let settled = settle.map(|settle| delete_settled(&tx, settle)).transpose()?;
        let begins = !self.begun && appends.iter().any(|rows| !rows.is_empty());
        if begins {
            begin_opening(&tx)?;
        }
        let last_seqs = insert_rows(&tx, appends)?;
        add_received(&tx, appends)?;
        tx.commit()?;
        weir_fault::pass(Point::QueueCommitted);
        self.begun |= begins;
        Ok(Written { last_seqs, settled })
    }

    /// As if the disk had no room for one more page of this file.
    #[cfg(test)]
    pub fn set_full(&self, full: bool) {
        let pages: u32 = self.conn().pragma_query_value(None, "page_count", |row| row.get(0)).expect("reads");
        let pages_max = if full { pages } else { u32::MAX - 1 };
        self.conn()
            .pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))
            .expect("limits the pages");
    }
}

impl Durable for QueueFile {
    fn write(&mut self, appends: &[&NewRows], settle: Option<Settle>) -> Result<Written, Error> {
        // Before as well: a file in the wrong place is not to grow with every try.
        self.stay_in_place()?;
        let written = self.commit(appends, settle).map_err(|error| self.named(error))?;
        self.stay_in_place()?;
        Ok(written)
    }

    fn probe(&mut self) -> Result<(), Error> {
        let rewrite = || {
            let version: u32 = self.conn().pragma_query_value(None, "user_version", |row| row.get(0))?;
            self.conn().pragma_update(None, "user_version", version)
        };
        rewrite().map_err(|error: rusqlite::Error| self.named(error))?;
        self.stay_in_place()
    }

    fn stay_in_place(&mut self) -> Result<(), Error> {
        self.file.stay_in_place()?;
        // It may be another connection by now.
        Ok(self.conn().busy_timeout(self.lock_wait)?)
    }

    fn shorten_log(&self) -> Result<(), Error> {
        let pages_after = |sql| self.conn().prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(1));
        if pages_after("PRAGMA wal_checkpoint(NOOP)")? >= LOG_PAGES {
            // Disturbs nobody who reads: what they may still need stays in the log.
            pages_after("PRAGMA wal_checkpoint(PASSIVE)")?;
        }
        Ok(())
    }

    fn give_back_pages(&self) -> Result<(), Error> {
        let free: u32 = self.conn().pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free <= FREE_PAGES_KEPT {
            return Ok(());
        }
        let pages = FREE_PAGES_STEP.min(free - FREE_PAGES_KEPT);
        // It goes page by page, one row each: not reading them all would free only the first.
        let mut statement = self.conn().prepare_cached(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }
}

fn delete_settled(tx: &Transaction, settle: Settle) -> rusqlite::Result<Settled> {
    let goal = settle.goal.min(read_last_seq(tx)?);
    let chunk_end = settle.after.0.saturating_add(i64::try_from(settle.rows_max).unwrap_or(i64::MAX));
    let up_to = Seq(goal.0.min(chunk_end)).max(settle.after);
    let by_site = count_by_site(tx, settle.after, up_to)?;
    tx.prepare_cached("DELETE FROM ingested_events WHERE seq <= ?1")?.execute([up_to.0])?;
    weir_fault::pass(Point::QueueSettling);
    Ok(Settled { up_to, done: up_to >= goal, by_site })
}

/// How many rows one statement adds. What SQLite does once a statement, above all writing down the
/// highest number given, is most of the work of adding a single row.
const ROWS_PER_INSERT: [usize; 4] = [64, 16, 4, 1];

/// Parameters of one row; the number is SQLite's to give.
const COLUMNS_GIVEN: usize = 4;

/// One statement for each number of rows. A row that is refused takes the whole transaction with it:
/// nobody wants the rest of it, and a statement that need not be undone alone keeps no copies of pages.
static INSERTS: LazyLock<[String; ROWS_PER_INSERT.len()]> = LazyLock::new(|| {
    ROWS_PER_INSERT.map(|rows| {
        let values = vec!["(?,?,?,?)"; rows].join(",");
        format!("INSERT OR ROLLBACK INTO ingested_events (site, day, kind, body) VALUES {values}")
    })
});

fn insert_rows(tx: &Transaction, appends: &[&NewRows]) -> rusqlite::Result<Vec<Seq>> {
    let mut rows = appends.iter().flat_map(|rows| rows.iter());
    let all: usize = appends.iter().map(|rows| rows.len()).sum();
    let mut left = all;
    for (sql, size) in INSERTS.iter().zip(ROWS_PER_INSERT) {
        if left < size {
            continue;
        }
        let mut insert = tx.prepare_cached(sql)?;
        while left >= size {
            bind_rows(&mut insert, rows.by_ref().take(size))?;
            insert.raw_execute()?;
            left -= size;
            weir_fault::pass(Point::QueueInserted);
        }
    }
    // One transaction's numbers follow on each other.
    let mut last = tx.last_insert_rowid() - all as i64;
    let last_seqs = appends.iter().map(|rows| {
        last += rows.len() as i64;
        Seq(last)
    });
    Ok(last_seqs.collect())
}

fn bind_rows<'a>(insert: &mut Statement<'_>, rows: impl Iterator<Item = NewRow<'a>>) -> rusqlite::Result<()> {
    for (n, row) in rows.enumerate() {
        let at = n * COLUMNS_GIVEN;
        insert.raw_bind_parameter(at + 1, row.site.0)?;
        insert.raw_bind_parameter(at + 2, row.day.0)?;
        insert.raw_bind_parameter(at + 3, row.kind)?;
        insert.raw_bind_parameter(at + 4, row.body)?;
    }
    Ok(())
}

/// With the first row and not before: a server that starts again and again and takes nothing must not
/// fill the file with openings.
fn begin_opening(tx: &Transaction) -> rusqlite::Result<()> {
    let after = read_last_seq(tx)?;
    tx.execute("INSERT INTO openings (id, after) VALUES (randomblob(16), ?1)", [after.0])?;
    weir_fault::pass(Point::OpeningWritten);
    let newest = tx.last_insert_rowid();
    forget_openings(tx, newest - i64::try_from(limits::OPENINGS_MAX).unwrap_or(i64::MAX))
}

/// Those up to `n` of which no row is left: what they received is in the store's books.
fn forget_openings(tx: &Transaction, n: i64) -> rusqlite::Result<()> {
    let forgotten = tx.execute(
        "DELETE FROM openings WHERE n <= ?1
             AND (SELECT after FROM openings next WHERE next.n > openings.n ORDER BY next.n LIMIT 1)
                 < coalesce((SELECT min(seq) FROM ingested_events), 9223372036854775807)",
        [n],
    )?;
    if forgotten > 0 {
        tx.execute("DELETE FROM received WHERE opening NOT IN (SELECT n FROM openings)", [])?;
    }
    Ok(())
}

/// One row per site and day of the commit, however many events it has.
fn add_received(tx: &Transaction, appends: &[&NewRows]) -> rusqlite::Result<()> {
    let mut counts: HashMap<(SiteId, LocalDay), i64> = HashMap::new();
    for (site, day, n) in appends.iter().flat_map(|rows| rows.received()) {
        *counts.entry((*site, *day)).or_default() += n;
    }
    let mut add = tx.prepare_cached(
        "INSERT INTO received (opening, site, day, n) SELECT max(n), ?1, ?2, ?3 FROM openings WHERE true
         ON CONFLICT DO UPDATE SET n = n + excluded.n",
    )?;
    for ((site, day), n) in counts {
        add.execute(params![site.0, day.0, n])?;
    }
    Ok(())
}

fn count_by_site(conn: &Connection, after: Seq, up_to: Seq) -> rusqlite::Result<HashMap<SiteId, u64>> {
    let mut counts = HashMap::new();
    // Counted here: GROUP BY would sort.
    let mut select =
        conn.prepare_cached("SELECT site FROM ingested_events WHERE seq > ?1 AND seq <= ?2 AND kind = ?3")?;
    let mut rows = select.query(params![after.0, up_to.0, KIND_EVENT])?;
    while let Some(row) = rows.next()? {
        *counts.entry(SiteId(row.get(0)?)).or_default() += 1;
    }
    Ok(counts)
}

/// Oldest first, each with its last row so far.
pub(crate) fn read_openings(conn: &Connection) -> rusqlite::Result<Vec<Opening>> {
    let mut select = conn.prepare_cached("SELECT id, after FROM openings ORDER BY n")?;
    let found = select.query_map([], |row| Ok((QueueId(row.get(0)?), Seq(row.get(1)?))))?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let ends = found.iter().skip(1).map(|(_, after)| *after).chain([read_last_seq(conn)?]);
    Ok(found
        .iter()
        .zip(ends)
        .map(|((queue, after), last)| Opening { queue: *queue, after: *after, last })
        .collect())
}

pub(crate) fn read_last_seq(conn: &Connection) -> rusqlite::Result<Seq> {
    let mut select = conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'ingested_events'")?;
    let last = select.query_row([], |row| row.get(0)).optional()?;
    Ok(last.map(Seq).unwrap_or_default())
}

pub(crate) fn read_oldest(conn: &Connection) -> rusqlite::Result<Option<Seq>> {
    let oldest: Option<i64> = conn.query_row("SELECT min(seq) FROM ingested_events", [], |row| row.get(0))?;
    Ok(oldest.map(Seq))
}

/// Appends a control row to the queue of a running server, from another process. The server sees it
/// when its processor next looks, at the latest when its own timeout ends. Returns the row's number.
///
/// # Errors
/// What SQLite reports; a missing queue is an error, and is not made.
pub fn append_control_beside(path: &Path, control: Control) -> Result<Seq, QueueError> {
    append_controls_beside(path, &[control])
}

/// As [`append_control_beside`], all of them or none; the last one's number.
///
/// # Errors
/// As there.
pub fn append_controls_beside(path: &Path, controls: &[Control]) -> Result<Seq, QueueError> {
    if !path.exists() {
        let missing = Error::refusal(format!("{} does not exist", path.display()));
        return Err(missing.with(Trouble::Missing).into());
    }
    let entries: Vec<Entry> = controls.iter().map(|control| Entry::Control(*control)).collect();
    let mut file = QueueFile::open(path)?;
    file.set_lock_wait(Duration::from_millis(limits::WRITE_DEADLINE_MS))?;
    let written = file.write(&[&NewRows::of_entries(&entries)], None)?;
    Ok(written.last_seqs.last().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use weir_event::{Event, Millis};
    use weir_testkit::page_view;

    use super::*;

    fn large_rows(n: u64) -> NewRows {
        let props = "x".repeat(10 * 1024);
        let large = |n| Event { props: props.clone(), ..page_view(n, SiteId(1), 1, Millis(0)) };
        NewRows::of_events(&(0..n).map(large).collect::<Vec<_>>())
    }

    fn pages(file: &QueueFile) -> (u32, u32) {
        let read = |name| file.conn().pragma_query_value(None, name, |row| row.get(0)).expect("reads");
        (read("page_count"), read("freelist_count"))
    }

    #[test]
    fn settled_rows_leave_the_disk_step_by_step_but_for_what_is_kept_for_the_next() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = QueueFile::open(&dir.path().join("queue.db")).expect("opens");
        file.write(&[&large_rows(2_500)], None).expect("writes");
        let settle = Settle { after: Seq(0), goal: Seq(2_500), rows_max: 2_500 };
        file.write(&[], Some(settle)).expect("settles");
        let (pages_before, free_before) = pages(&file);
        assert!(free_before > FREE_PAGES_KEPT + FREE_PAGES_STEP, "{free_before} free pages");
        file.give_back_pages().expect("gives back");
        let (_, free) = pages(&file);
        assert_eq!(free_before - free, FREE_PAGES_STEP, "one step and no more");
        while pages(&file).1 > FREE_PAGES_KEPT {
            file.give_back_pages().expect("gives back");
        }
        assert_eq!(pages(&file).1, FREE_PAGES_KEPT);
        assert!(pages(&file).0 < pages_before);
        file.give_back_pages().expect("leaves it");
        assert_eq!(pages(&file).1, FREE_PAGES_KEPT);
    }

    #[test]
    fn a_log_that_has_grown_is_copied_into_the_file_and_begins_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = QueueFile::open(&dir.path().join("queue.db")).expect("opens");
        let log = |file: &QueueFile| -> (u32, u32) {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
            file.conn().query_row("PRAGMA wal_checkpoint(NOOP)", [], read).expect("reads")
        };
        file.write(&[&large_rows(100)], None).expect("writes");
        let (pages, copied) = log(&file);
        file.shorten_log().expect("leaves it");
        assert!(pages < LOG_PAGES && log(&file) == (pages, copied), "too short to be copied: {pages} pages");
        while log(&file).0 < LOG_PAGES {
            file.write(&[&large_rows(100)], None).expect("writes");
        }
        file.shorten_log().expect("copies it");
        let (pages, copied) = log(&file);
        assert_eq!(copied, pages, "all of it is in the file");
        file.write(&[&large_rows(1)], None).expect("writes");
        assert!(log(&file).0 < pages, "it begins anew");
    }

    fn bodies(file: &QueueFile) -> Vec<(i64, Vec<u8>)> {
        let mut select =
            file.conn().prepare("SELECT seq, body FROM ingested_events ORDER BY seq").expect("prepares");
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// Whatever the sizes of the deliveries of a commit: each is told the number of its last row.
    fn check_numbers(sizes: &[usize]) {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = QueueFile::open(&dir.path().join("queue.db")).expect("opens");
        file.write(&[&large_rows(3)], None).expect("writes");
        let deliveries: Vec<NewRows> = sizes
            .iter()
            .enumerate()
            .map(|(n, size)| {
                let events = (0..*size).map(|i| page_view((n * 1_000 + i) as u64, SiteId(1), 1, Millis(0)));
                NewRows::of_events(&events.collect::<Vec<_>>())
            })
            .collect();
        let written = file.write(&deliveries.iter().collect::<Vec<_>>(), None).expect("writes");
        let mut last = 3;
        for (size, seq) in sizes.iter().zip(&written.last_seqs) {
            last += *size as i64;
            assert_eq!(seq.0, last, "{sizes:?}");
        }
        let sent = deliveries.iter().flat_map(NewRows::iter).map(|row| row.body.to_vec());
        let expected: Vec<(i64, Vec<u8>)> = (4..).zip(sent).collect();
        assert_eq!(bodies(&file)[3..], expected, "{sizes:?}");
        let received: i64 =
            file.conn().query_row("SELECT sum(n) FROM received", [], |row| row.get(0)).expect("reads");
        assert_eq!(received, last, "{sizes:?}");
    }

    #[test]
    fn every_delivery_of_a_commit_is_told_its_own_number() {
        for sizes in [&[1][..], &[4], &[3, 1], &[64], &[63, 2], &[10, 10, 10], &[1, 84, 5, 100]] {
            check_numbers(sizes);
        }
    }

    #[test]
    fn a_settlement_goes_in_steps_and_says_when_it_is_done() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = QueueFile::open(&dir.path().join("queue.db")).expect("opens");
        file.write(&[&large_rows(5)], None).expect("writes");
        let mut step = |after, goal| {
            let settle = Settle { after: Seq(after), goal: Seq(goal), rows_max: 2 };
            let settled = file.write(&[], Some(settle)).expect("settles").settled.expect("was asked");
            (settled.up_to.0, settled.done, settled.by_site.values().sum::<u64>())
        };
        assert_eq!(step(0, 4), (2, false, 2));
        assert_eq!(step(2, 4), (4, true, 2));
        assert_eq!(step(4, 4), (4, true, 0));
        assert_eq!(step(4, 1_000), (5, true, 1), "past the end is the end");
        assert_eq!(step(5, 1_000), (5, true, 0));
    }
}
