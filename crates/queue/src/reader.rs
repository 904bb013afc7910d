use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use weir_event::{LocalDay, Opening, QueueBooks, QueueDay, QueueId, Seq, SiteId, limits};
use weir_sqlite::{Error, Place, open_reader};

use crate::file::{read_last_seq, read_oldest, read_openings};
use crate::row::KIND_EVENT;
use crate::{QueueError, Row};

const CACHE_KIB: u32 = 4 * 1024;

/// Reads the queue over a connection of its own, beside the writer, also from another process.
pub struct QueueReader {
    conn: Connection,
    place: Place,
    /// The openings of the rows read last.
    openings: Vec<Opening>,
}

impl QueueReader {
    /// # Errors
    /// What SQLite reports, with the path; a missing file is an error.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        let conn = open_reader(path, CACHE_KIB)?;
        Ok(Self { conn, place: Place::of(path), openings: Vec::new() })
    }

    /// Reads on in the file that was put in the place of the old one, if one was.
    fn follow(&mut self) -> Result<(), QueueError> {
        if self.place.is_superseded() {
            *self = Self::open(self.place.path())?;
        }
        Ok(())
    }

    /// Oldest first.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn openings(&mut self) -> Result<Vec<Opening>, QueueError> {
        self.follow()?;
        // Their ends are read apart from them: an opening between the two would have none.
        let tx = self.conn.transaction()?;
        Ok(read_openings(&tx)?)
    }

    /// The rows past `after`, ascending, at most `max`. Fewer when they are large: what is read at
    /// once is bounded in memory, too, and only an empty answer means that there are no more.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn pending(&mut self, after: Seq, max: usize) -> Result<Vec<Row>, QueueError> {
        self.follow()?;
        let mut rows = Vec::new();
        match self.read_pending(after, max, &mut rows) {
            // What stands before a damaged page can be taken; the next call begins at the damage.
            Err(_) if !rows.is_empty() => Ok(rows),
            read => read.map(|()| rows).map_err(|error| self.named(error)),
        }
    }

    fn read_pending(&mut self, after: Seq, max: usize, rows: &mut Vec<Row>) -> rusqlite::Result<()> {
        let tx = self.conn.transaction()?;
        if newest_opening(&tx)? != self.openings.last().map(|opening| opening.queue) {
            self.openings = read_openings(&tx)?;
        }
        let mut select = tx.prepare_cached(
            "SELECT seq, site, day, kind, body FROM ingested_events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let mut found = select.query(params![after.0, limit])?;
        let mut bytes = 0;
        while bytes < limits::PENDING_BYTES_MAX
            && let Some(row) = found.next()?
        {
            let row = read_row(row, &self.openings)?;
            bytes += row.body.len();
            rows.push(row);
        }
        Ok(())
    }

    fn named(&self, error: impl Into<Error>) -> QueueError {
        error.into().in_file(self.place.path()).into()
    }

    /// # Errors
    /// What SQLite reports.
    pub fn books(&mut self, after: Seq) -> Result<QueueBooks, QueueError> {
        self.books_with(|_| Ok((Some(after), ()))).map(|(books, ())| books)
    }

    /// As [`Self::books`], where `after` is found out while the queue stands still for this reader:
    /// with a checkpoint read earlier, rows past it may be settled already and would be missing. It
    /// sees the books without what is pending, and with `None` that is left out: counting it reads
    /// every row.
    ///
    /// # Errors
    /// What SQLite or `after` reports.
    pub fn books_with<T, E: From<QueueError>>(
        &mut self,
        after: impl FnOnce(&QueueBooks) -> Result<(Option<Seq>, T), E>,
    ) -> Result<(QueueBooks, T), E> {
        self.follow().map_err(E::from)?;
        // One read transaction: an append between two of these would look like a loss.
        let tx = self.conn.transaction().map_err(QueueError::from)?;
        let mut books = read_books(&tx).map_err(QueueError::from)?;
        let (after, found) = after(&books)?;
        if let Some(after) = after {
            books.pending = count_pending(&tx, after, &books.openings).map_err(QueueError::from)?;
        }
        Ok((books, found))
    }

    /// What each of these days has received so far.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn received(&mut self, days: &[QueueDay]) -> Result<Vec<u64>, QueueError> {
        let tx = self.conn.transaction()?;
        let mut select = tx.prepare_cached(
            "SELECT r.n FROM openings o JOIN received r ON r.opening = o.n
             WHERE o.id = ?1 AND r.site = ?2 AND r.day = ?3 ORDER BY o.n DESC LIMIT 1",
        )?;
        let mut of = |day: &QueueDay| -> rusqlite::Result<u64> {
            let n: Option<i64> =
                select.query_row(params![day.queue.0, day.site.0, day.day.0], |row| row.get(0)).optional()?;
            Ok(n.unwrap_or_default().unsigned_abs())
        };
        Ok(days.iter().map(&mut of).collect::<Result<_, _>>()?)
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
        read_oldest(&self.conn).map_err(|error| self.named(error))
    }
}

fn read_row(row: &rusqlite::Row, openings: &[Opening]) -> rusqlite::Result<Row> {
    let seq = Seq(row.get(0)?);
    Ok(Row {
        queue: opening_of(seq, openings),
        seq,
        site: SiteId(row.get(1)?),
        received_day: LocalDay(row.get(2)?),
        kind: row.get(3)?,
        body: row.get(4)?,
    })
}

/// The opening that a row was appended in.
fn opening_of(seq: Seq, openings: &[Opening]) -> QueueId {
    let begun = openings.partition_point(|opening| opening.after < seq);
    let opening = begun.checked_sub(1).and_then(|at| openings.get(at));
    // Rows without an opening are in no file that this program wrote.
    opening.map_or(QueueId([0; 16]), |opening| opening.queue)
}

fn newest_opening(conn: &Connection) -> rusqlite::Result<Option<QueueId>> {
    let mut select = conn.prepare_cached("SELECT id FROM openings ORDER BY n DESC LIMIT 1")?;
    Ok(select.query_row([], |row| row.get(0)).optional()?.map(QueueId))
}

fn read_books(conn: &Connection) -> rusqlite::Result<QueueBooks> {
    let settled = read_oldest(conn)?.map_or(read_last_seq(conn)?, |oldest| Seq(oldest.0 - 1));
    let (openings, received) = (read_openings(conn)?, read_received(conn)?);
    Ok(QueueBooks { openings, settled, received, pending: BTreeMap::new() })
}

fn read_received(conn: &Connection) -> rusqlite::Result<BTreeMap<QueueDay, u64>> {
    let mut select = conn.prepare_cached(
        "SELECT o.id, r.site, r.day, r.n FROM received r JOIN openings o ON o.n = r.opening",
    )?;
    let rows = select.query_map([], |row| {
        let (site, day) = (SiteId(row.get(1)?), LocalDay(row.get(2)?));
        let n: i64 = row.get(3)?;
        Ok((QueueDay { queue: QueueId(row.get(0)?), site, day }, n.unsigned_abs()))
    })?;
    rows.collect()
}

fn count_pending(
    conn: &Connection,
    after: Seq,
    openings: &[Opening],
) -> rusqlite::Result<BTreeMap<QueueDay, u64>> {
    let mut counts: BTreeMap<QueueDay, u64> = BTreeMap::new();
    // Counted here: GROUP BY would sort.
    let mut select =
        conn.prepare_cached("SELECT seq, site, day FROM ingested_events WHERE seq > ?1 AND kind = ?2")?;
    let mut rows = select.query(params![after.0, KIND_EVENT])?;
    while let Some(row) = rows.next()? {
        let queue = opening_of(Seq(row.get(0)?), openings);
        let day = QueueDay { queue, site: SiteId(row.get(1)?), day: LocalDay(row.get(2)?) };
        *counts.entry(day).or_default() += 1;
    }
    Ok(counts)
}
