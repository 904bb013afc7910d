//! What happens to a day after its midnight, and to a site after its removal.

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;
use weir_event::{DayFrame, Grain, LocalDay, Millis, SiteId};
use weir_fault::Point;
use weir_rollups::{Counters, Key, Table};

use super::batch::{Batch, Store};
use super::layout::Layout;
use super::refold::HOLDS_SET_ASIDE;
use super::rows::reason;
use super::stats::each_row;
use super::units::Interned;
use crate::{BookEntry, DayState, SiteDay, StoreError};

/// Rows deleted per transaction when a site is removed: short enough for others to get a turn.
const REMOVED_ROWS: usize = 20_000;

impl Batch<'_> {
    /// The day's key is gone: its visitors can add nothing more.
    pub fn close_day(&mut self, site: SiteId, day: LocalDay) -> Result<(), StoreError> {
        self.drop_units(site, day)?;
        self.set_day_state(site, day, DayState::Closed)
    }

    /// Nothing comes any more for this day: its rows move to where visitors are ordinals and times
    /// are seconds. Order within a visitor stays what it was, and the fold counts in whole seconds,
    /// so the day's statistics can still be recomputed to the digit.
    pub fn seal_day(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        let (from, to) = (day.frame.start.0, day.frame.end.0);
        copy_sealed(&self.tx, site, (from, to))?;
        let delete = "DELETE FROM events WHERE site = ?1 AND time >= ?2 AND time < ?3";
        self.tx.prepare_cached(delete)?.execute((site.0, from, to))?;
        let sql =
            format!("UPDATE site_days SET holds_set_aside = {HOLDS_SET_ASIDE} WHERE site = ?1 AND day = ?2");
        let (start, end) = (day.frame.start.secs(), day.frame.end.secs());
        let range = (site.0, day.frame.day.0, start, end, day.counts_bots);
        self.tx.prepare_cached(&sql)?.execute(range)?;
        self.set_day_state(site, day.frame.day, DayState::Sealed)
    }

    /// The day's events have expired. Its statistics stand, under `checksum`.
    pub fn freeze_day(&mut self, site: SiteId, day: &SiteDay, checksum: &[u8]) -> Result<(), StoreError> {
        self.expire(site, day, Expiry::All)?;
        self.set_day_state(site, day.frame.day, DayState::Frozen)?;
        let sql = "UPDATE site_days SET checksum = ?3, stale = 0 WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.frame.day.0, checksum))?;
        Ok(())
    }

    /// Events that were set aside are kept for a while, so that a rule can be undone; not for ever.
    /// Those of bots stay where the day counts them.
    pub fn expire_set_aside(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        self.expire(site, day, Expiry::SetAside)?;
        let sql =
            "UPDATE site_days SET holds_set_aside = 0, changes = changes + 1 WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.frame.day.0))?;
        Ok(())
    }

    /// Sealed days that ended at or before `before` and still hold rows set aside.
    pub fn days_with_set_aside(
        &self,
        before: Millis,
        max: usize,
    ) -> Result<Vec<(SiteId, LocalDay)>, StoreError> {
        let sql = "SELECT site, day FROM site_days
                   WHERE state = 2 AND end <= ?1 AND holds_set_aside ORDER BY end LIMIT ?2";
        let mut statement = self.tx.prepare_cached(sql)?;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let days = statement
            .query_map((before.secs(), max), |row| Ok((SiteId(row.get(0)?), LocalDay(row.get(1)?))))?;
        Ok(days.collect::<Result<_, _>>()?)
    }

    /// Every row of a day and its hours, of all statistics, in the order of their keys.
    pub fn day_rows(
        &self,
        site: SiteId,
        day: &DayFrame,
        each: &mut dyn FnMut(Key, Counters),
    ) -> Result<(), StoreError> {
        let bucket = i64::from(day.day.0);
        let hours = (day.start.secs(), day.end.secs() - 1);
        for table in Table::ALL {
            for (grain, range) in [(Grain::Hour, hours), (Grain::Day, (bucket, bucket))] {
                each_row(&self.tx, site, table, grain, None, range, &mut |key, counters| {
                    each(key, counters);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn expire(&mut self, site: SiteId, day: &SiteDay, which: Expiry) -> Result<(), StoreError> {
        let only = match which {
            Expiry::All => "",
            Expiry::SetAside if day.counts_bots => "AND set_aside IS NOT NULL AND set_aside <> 64",
            Expiry::SetAside => "AND set_aside IS NOT NULL",
        };
        let (from, to) = (day.frame.start.secs(), day.frame.end.secs());
        let range = format!("site = ?1 AND second >= ?2 AND second < ?3 {only}");
        let sql =
            format!("SELECT days_late, set_aside, count(*) FROM sealed_events WHERE {range} GROUP BY 1, 2");
        let mut expired: Vec<(i32, Option<u8>, i64)> = Vec::new();
        let mut statement = self.tx.prepare_cached(&sql)?;
        let mut rows = statement.query((site.0, from, to))?;
        while let Some(row) = rows.next()? {
            expired.push((row.get(0)?, row.get(1)?, row.get(2)?));
        }
        drop(rows);
        drop(statement);
        for (days_late, set_aside, n) in expired {
            let received_day = LocalDay(day.frame.day.0 + days_late);
            let reason = set_aside.map(reason).transpose()?;
            let entry = match reason.filter(|reason| !day.counts(Some(*reason))) {
                Some(reason) => BookEntry::SetAside(reason),
                None => BookEntry::Stored,
            };
            self.book(site, received_day, entry, -n)?;
            self.book(site, received_day, BookEntry::Expired, n)?;
        }
        self.tx
            .prepare_cached(&format!("DELETE FROM sealed_events WHERE {range}"))?
            .execute((site.0, from, to))?;
        Ok(())
    }
}

enum Expiry {
    All,
    SetAside,
}

/// Copies the rows of `[from, to)`: visitors numbered in order of first appearance, times cut to
/// seconds, and events of one second ranked in the order they had.
fn copy_sealed(conn: &Connection, site: SiteId, (from, to): (i64, i64)) -> Result<(), StoreError> {
    let mut read = conn.prepare_cached(
        "SELECT time, tie, visitor FROM events WHERE site = ?1 AND time >= ?2 AND time < ?3
         ORDER BY time, tie",
    )?;
    let mut copy = conn.prepare_cached(
        "INSERT INTO sealed_events SELECT site, ?4, ?5, ?6, page, kind, client, source, name, engaged_ms,
             currency, amount, props, set_aside, days_late
         FROM events WHERE site = ?1 AND time = ?2 AND tie = ?3",
    )?;
    let mut ordinals: FxHashMap<i64, u32> = FxHashMap::default();
    let (mut second, mut rank) = (i64::MIN, 0u32);
    let mut rows = read.query((site.0, from, to))?;
    while let Some(row) = rows.next()? {
        let (time, tie): (i64, u32) = (row.get(0)?, row.get(1)?);
        let visitor: Option<i64> = row.get(2)?;
        let at = Millis(time).secs();
        rank = if at == second { rank + 1 } else { 0 };
        second = at;
        let next = u32::try_from(ordinals.len()).unwrap_or(u32::MAX);
        let ordinal = visitor.map(|visitor| *ordinals.entry(visitor).or_insert(next));
        copy.execute(params![site.0, time, tie, at, rank, ordinal])?;
    }
    Ok(())
}

impl Store {
    /// Deletes everything of a site but its books, a bounded number of rows per transaction. Running
    /// it again after a crash goes on where it stopped.
    ///
    /// # Errors
    /// What the database reports; what was deleted stays deleted.
    pub fn remove_site(&mut self, site: SiteId) -> Result<(), StoreError> {
        // First: should a step fail, no number of a text that is gone may be at hand.
        self.dictionary.forget();
        self.interned = Interned::default();
        self.units.forget_site(site);
        for table in site_tables() {
            // WITHOUT ROWID tables have no DELETE ... LIMIT; a key range in steps does as well.
            while delete_some(self.file.conn(), &table, site)? == REMOVED_ROWS {}
            weir_fault::pass(Point::SiteErasing);
        }
        while self.forget_site_ids(site)? == REMOVED_ROWS {}
        let mut batch = self.begin()?;
        batch.book_erased(site)?;
        batch.commit()
    }

    fn forget_site_ids(&mut self, site: SiteId) -> Result<usize, StoreError> {
        let mut batch = self.begin()?;
        let forgotten = batch.forget_site_ids(site, REMOVED_ROWS)?;
        batch.commit()?;
        Ok(forgotten)
    }
}

/// (table, the columns of its key after the site).
fn site_tables() -> Vec<(&'static str, &'static str)> {
    // First the days: a proof looks at sites that have any, and this one is no longer whole.
    // Then the stamps: sums of rows that are about to go must not be remembered.
    let days = [("site_days", "day"), ("stat_stamps", "grain, bucket")];
    let stats = Table::ALL.map(|table| (table.name(), Layout::of(table).key()));
    let others = [
        ("events", "time, tie"),
        ("sealed_events", "second, rank"),
        ("open_visitors", "day, visitor"),
        ("site_hours", "start"),
        ("growth", "day, dimension"),
        ("dead_events", "number"),
        ("sources", "id"),
        ("clients", "id"),
        ("strings", "id"),
    ];
    days.into_iter().chain(stats).chain(others).collect()
}

fn delete_some(conn: &Connection, (table, key): &(&str, &str), site: SiteId) -> Result<usize, StoreError> {
    let sql = format!(
        "DELETE FROM {table} WHERE site = ?1 AND ({key}) IN
             (SELECT {key} FROM {table} WHERE site = ?1 LIMIT ?2)"
    );
    let max = i64::try_from(REMOVED_ROWS).unwrap_or(i64::MAX);
    Ok(conn.prepare_cached(&sql)?.execute((site.0, max))?)
}
