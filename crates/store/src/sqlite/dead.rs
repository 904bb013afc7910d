//! Rows of the queue that could not be folded, until somebody decides.

use rusqlite::{Connection, OptionalExtension, Row, params};
use weir_event::{EventId, LocalDay, Millis, QueueId, Seq, SiteId};

use super::batch::Batch;
use super::books::count;
use crate::{DeadEvent, DeadLine, StoreError};

impl Batch<'_> {
    /// Keeps a queue row that could not be folded, whole and with what went wrong; one that is kept
    /// already gets the new error. Its id is remembered for as long: the event sent again is a
    /// duplicate.
    pub fn bury(&mut self, dead: &DeadEvent) -> Result<(), StoreError> {
        let sql = "INSERT INTO dead_events (queue, seq, site, day, is_event, id, error, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT (queue, seq) DO UPDATE SET error = excluded.error, id = coalesce(id, excluded.id)";
        let id = dead.id.map(|id| id.0);
        let (site, day) = (dead.site.0, dead.received_day.0);
        let row = params![dead.queue.0, dead.seq.0, site, day, dead.is_event, id, dead.error, dead.body];
        self.tx.prepare_cached(sql)?.execute(row)?;
        match dead.id {
            Some(id) => self.pin_id(dead.site, id),
            None => Ok(()),
        }
    }

    pub fn dead(&self, queue: QueueId, seq: Seq) -> Result<Option<DeadEvent>, StoreError> {
        let sql =
            "SELECT site, day, is_event, id, error, body FROM dead_events WHERE queue = ?1 AND seq = ?2";
        let read = |row: &Row<'_>| {
            Ok(DeadEvent {
                queue,
                seq,
                site: SiteId(row.get(0)?),
                received_day: LocalDay(row.get(1)?),
                is_event: row.get(2)?,
                id: row.get::<_, Option<[u8; 16]>>(3)?.map(EventId),
                error: row.get(4)?,
                body: row.get(5)?,
            })
        };
        Ok(self.tx.prepare_cached(sql)?.query_row((queue.0, seq.0), read).optional()?)
    }

    /// The row is dead no longer. Its id is from now on remembered as if it had come at `received`.
    pub fn unbury(&mut self, dead: &DeadEvent, received: Millis) -> Result<(), StoreError> {
        let sql = "DELETE FROM dead_events WHERE queue = ?1 AND seq = ?2";
        self.tx.prepare_cached(sql)?.execute((dead.queue.0, dead.seq.0))?;
        match dead.id {
            Some(id) => self.unpin_id(dead.site, id, received),
            None => Ok(()),
        }
    }
}

/// The first dead rows, oldest first, of one site or of all; and how many there are.
pub(super) fn read_dead(
    conn: &Connection,
    site: Option<SiteId>,
    max: usize,
) -> Result<(Vec<DeadLine>, u64), StoreError> {
    let of_site = "(?1 IS NULL OR site = ?1)";
    let site = site.map(|site| site.0);
    let sql = format!("SELECT count(*) FROM dead_events WHERE {of_site}");
    let total = count(conn.prepare_cached(&sql)?.query_row((site,), |row| row.get(0))?);
    let sql = format!("SELECT {LINE} FROM dead_events WHERE {of_site} ORDER BY number LIMIT ?2");
    let mut select = conn.prepare_cached(&sql)?;
    let lines = select.query_map(params![site, i64::try_from(max).unwrap_or(i64::MAX)], line)?;
    Ok((lines.collect::<Result<_, _>>()?, total))
}

pub(super) fn find_dead(conn: &Connection, number: u64) -> Result<Option<DeadLine>, StoreError> {
    let sql = format!("SELECT {LINE} FROM dead_events WHERE number = ?1");
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    Ok(conn.prepare_cached(&sql)?.query_row((number,), line).optional()?)
}

const LINE: &str = "number, queue, seq, site, day, is_event, error";

fn line(row: &Row<'_>) -> rusqlite::Result<DeadLine> {
    Ok(DeadLine {
        number: count(row.get(0)?),
        queue: QueueId(row.get(1)?),
        seq: Seq(row.get(2)?),
        site: SiteId(row.get(3)?),
        received_day: LocalDay(row.get(4)?),
        is_event: row.get(5)?,
        error: row.get(6)?,
    })
}
