use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};
use weir_event::{LocalDay, QueueId, Seq, SiteId, limits};
use weir_sqlite::open_reader;

use crate::file::{read_id, read_last_seq, read_oldest};
use crate::row::KIND_EVENT;
use crate::{QueueError, Row};

const CACHE_KIB: u32 = 4 * 1024;

/// Reads the queue over a connection of its own, beside the writer, also from another process.
pub struct QueueReader {
    conn: Connection,
}

/// The queue's side of the ledger, all of one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub id: QueueId,
    /// The highest number ever given.
    pub last_seq: Seq,
    /// Events ever appended.
    pub received: Vec<(SiteId, LocalDay, u64)>,
    /// Events past the number asked for.
    pub pending: Vec<(SiteId, LocalDay, u64)>,
}

impl QueueReader {
    /// # Errors
    /// What SQLite reports, with the path; a missing file is an error.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        Ok(Self { conn: open_reader(path, CACHE_KIB)? })
    }

    /// # Errors
    /// What SQLite reports.
    pub fn id(&self) -> Result<QueueId, QueueError> {
        Ok(read_id(&self.conn)?)
    }

    /// The rows past `after`, ascending, at most `max`. Fewer when they are large: what is read at
    /// once is bounded in memory, too, and only an empty answer means that there are no more.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn pending(&mut self, after: Seq, max: usize) -> Result<Vec<Row>, QueueError> {
        let mut select = self.conn.prepare_cached(
            "SELECT seq, site, day, kind, body FROM ingested_events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let mut found = select.query(params![after.0, limit])?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        while bytes < limits::PENDING_BYTES_MAX
            && let Some(row) = found.next()?
        {
            let row = read_row(row)?;
            bytes += row.body.len();
            rows.push(row);
        }
        Ok(rows)
    }

    /// # Errors
    /// What SQLite reports.
    pub fn books(&mut self, after: Seq) -> Result<Books, QueueError> {
        self.books_with(|_| Ok((after, ()))).map(|(books, ())| books)
    }

    /// As [`Self::books`], where `after` is found out while the queue stands still for this reader:
    /// with a checkpoint read earlier, rows past it may be settled already and would be missing. A
    /// checkpoint past [`Books::last_seq`] has overtaken the snapshot: then these books are too old
    /// for it, and are to be read again.
    ///
    /// # Errors
    /// What SQLite or `after` reports.
    pub fn books_with<T, E: From<QueueError>>(
        &mut self,
        after: impl FnOnce(QueueId) -> Result<(Seq, T), E>,
    ) -> Result<(Books, T), E> {
        // One read transaction: an append between two of these would look like a loss.
        let tx = self.conn.transaction().map_err(QueueError::from)?;
        let id = read_id(&tx).map_err(QueueError::from)?;
        let (after, found) = after(id)?;
        let read = || {
            Ok::<_, QueueError>(Books {
                id,
                last_seq: read_last_seq(&tx)?,
                received: read_received(&tx)?,
                pending: count_pending(&tx, after)?,
            })
        };
        Ok((read()?, found))
    }

    /// The highest number ever given, also to a row that another process appended and that the
    /// queue's own gauges can't know of yet.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn last_seq(&self) -> Result<Seq, QueueError> {
        Ok(read_last_seq(&self.conn)?)
    }

    /// # Errors
    /// What SQLite reports.
    pub fn oldest(&self) -> Result<Option<Seq>, QueueError> {
        Ok(read_oldest(&self.conn)?)
    }
}

fn read_row(row: &rusqlite::Row) -> rusqlite::Result<Row> {
    Ok(Row {
        seq: Seq(row.get(0)?),
        site: SiteId(row.get(1)?),
        received_day: LocalDay(row.get(2)?),
        kind: row.get(3)?,
        body: row.get(4)?,
    })
}

fn read_received(conn: &Connection) -> rusqlite::Result<Vec<(SiteId, LocalDay, u64)>> {
    let mut select = conn.prepare_cached("SELECT site, day, n FROM received ORDER BY site, day")?;
    let rows = select.query_map([], |row| {
        let n: i64 = row.get(2)?;
        Ok((SiteId(row.get(0)?), LocalDay(row.get(1)?), n.unsigned_abs()))
    })?;
    rows.collect()
}

fn count_pending(conn: &Connection, after: Seq) -> rusqlite::Result<Vec<(SiteId, LocalDay, u64)>> {
    let mut counts: BTreeMap<(SiteId, LocalDay), u64> = BTreeMap::new();
    // Counted here: GROUP BY would sort.
    let mut select =
        conn.prepare_cached("SELECT site, day FROM ingested_events WHERE seq > ?1 AND kind = ?2")?;
    let mut rows = select.query(params![after.0, KIND_EVENT])?;
    while let Some(row) = rows.next()? {
        *counts.entry((SiteId(row.get(0)?), LocalDay(row.get(1)?))).or_default() += 1;
    }
    Ok(counts.into_iter().map(|((site, day), n)| (site, day, n)).collect())
}
