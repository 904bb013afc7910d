//! What is known of queue files: how far their rows were taken, and what they received.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use weir_event::{LocalDay, QueueDay, QueueId, Seq, SiteId, limits};

use super::batch::Batch;
use super::books::count;
use crate::{QueueAccount, StoreError};

/// The line that old openings share.
const FORMER: i64 = 0;

/// More than a file remembers: what a file still tells apart must not be in the common line.
const KEPT_MAX: usize = 2 * limits::OPENINGS_MAX;

impl Batch<'_> {
    /// Books `taken` more rows of an opening's day, of which `received` have come by now.
    pub fn take(&mut self, of: QueueDay, received: u64, taken: u64) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO queue_days (queue, site, day, received, taken, lost) VALUES (?1, ?2, ?3, ?4, ?5, 0)
                   ON CONFLICT DO UPDATE SET received = max(received, excluded.received),
                       taken = taken + excluded.taken";
        let queue = self.queue_number(of.queue)?;
        let row = params![queue, of.site.0, of.day.0, received.cast_signed(), taken.cast_signed()];
        self.tx.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Books what of an opening's day is in no file any more; a file that is back takes it back.
    pub fn lose(&mut self, of: QueueDay, received: u64, lost: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO queue_days (queue, site, day, received, taken, lost) VALUES (?1, ?2, ?3, ?4, 0, ?5)
                   ON CONFLICT DO UPDATE SET received = max(received, excluded.received), lost = excluded.lost";
        let queue = self.queue_number(of.queue)?;
        let row = params![queue, of.site.0, of.day.0, received.cast_signed(), lost.cast_signed()];
        self.tx.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Rows of the opening up to `seq` are taken.
    pub(super) fn take_up_to(&mut self, queue: QueueId, seq: Seq) -> Result<(), StoreError> {
        let n = self.queue_number(queue)?;
        let sql = "UPDATE queues SET taken = max(coalesce(taken, ?2), ?2) WHERE n = ?1";
        self.tx.prepare_cached(sql)?.execute((n, seq.0))?;
        Ok(())
    }

    fn queue_number(&mut self, queue: QueueId) -> Result<i64, StoreError> {
        let find = "SELECT n FROM queues WHERE queue = ?1";
        let known = self.tx.prepare_cached(find)?.query_row((queue.0,), |row| row.get(0)).optional()?;
        if let Some(n) = known {
            return Ok(n);
        }
        self.tx.execute("INSERT INTO queues (queue) VALUES (?1)", (queue.0,))?;
        let n = self.tx.last_insert_rowid();
        self.merge_old_queues(n - i64::try_from(KEPT_MAX).unwrap_or(i64::MAX))?;
        Ok(n)
    }

    /// Openings up to this number are told apart no longer; their sums stay.
    fn merge_old_queues(&mut self, n: i64) -> Result<(), StoreError> {
        if self.tx.execute("DELETE FROM queues WHERE n <= ?1 AND n > ?2", (n, FORMER))? == 0 {
            return Ok(());
        }
        self.tx.execute("INSERT OR IGNORE INTO queues (n, queue) VALUES (?1, ?2)", (FORMER, [0u8; 16]))?;
        self.tx.execute(
            "INSERT INTO queue_days SELECT ?2, site, day, sum(received), sum(taken), sum(lost)
                 FROM queue_days WHERE queue <= ?1 AND queue > ?2 GROUP BY site, day
             ON CONFLICT DO UPDATE SET received = received + excluded.received,
                 taken = taken + excluded.taken, lost = lost + excluded.lost",
            (n, FORMER),
        )?;
        self.tx.execute("DELETE FROM queue_days WHERE queue <= ?1 AND queue > ?2", (n, FORMER))?;
        Ok(())
    }
}

/// How far the rows of each opening were taken.
pub(super) fn read_taken(conn: &Connection) -> Result<BTreeMap<QueueId, Seq>, StoreError> {
    let mut select = conn.prepare_cached("SELECT queue, taken FROM queues WHERE taken IS NOT NULL")?;
    let rows = select.query_map([], |row| Ok((QueueId(row.get(0)?), Seq(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn read_accounts(conn: &Connection) -> Result<BTreeMap<QueueDay, QueueAccount>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT q.queue, d.site, d.day, d.received, d.taken, d.lost FROM queue_days d JOIN queues q ON q.n = d.queue",
    )?;
    let rows = select.query_map([], |row| {
        let (site, day) = (SiteId(row.get(1)?), LocalDay(row.get(2)?));
        let of = QueueDay { queue: QueueId(row.get(0)?), site, day };
        let (received, taken, lost) = (count(row.get(3)?), count(row.get(4)?), count(row.get(5)?));
        Ok((of, QueueAccount { received, taken, lost }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
