//! What happens to a day after its midnight, and to a site after its removal.

use std::collections::BTreeMap;

use rusqlite::Connection;
use weir_event::{DayFrame, Grain, LocalDay, Millis, SiteId};
use weir_fault::Point;
use weir_rollups::{Counters, Key, Table};

use super::batch::{Batch, Store};
use super::layout::Layout;
use super::packed::PackedEvent;
use super::rows::reason;
use super::sealed::Sealing;
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
        let holds_set_aside = copy_sealed(&self.tx, site, day, SEALING_BYTES_MAX)?;
        let delete = "DELETE FROM events WHERE site = ?1 AND time >= ?2 AND time < ?3";
        self.tx.prepare_cached(delete)?.execute((site.0, from, to))?;
        self.hold_set_aside(site, day.frame.day, holds_set_aside)?;
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
        self.hold_set_aside(site, day.frame.day, false)?;
        self.touch_day(site, day.frame.day)
    }

    /// Notes whether a sealed day has rows that do not count, which expire before the others.
    pub(super) fn hold_set_aside(
        &mut self,
        site: SiteId,
        day: LocalDay,
        holds: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE site_days SET holds_set_aside = ?3 WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.0, holds))?;
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
        let mut expired: BTreeMap<(i32, u8), i64> = BTreeMap::new();
        self.change_sealed((site, day.frame.day), &mut |row| {
            let before = row.events.len();
            row.events.retain(|event| {
                let keeps = which == Expiry::SetAside && day.counts_code(event.set_aside);
                if !keeps {
                    *expired.entry((event.days_late, event.set_aside)).or_default() += 1;
                }
                keeps
            });
            row.is_changed = row.events.len() < before;
        })?;
        for ((days_late, code), n) in expired {
            let received_day = LocalDay(day.frame.day.0 + days_late);
            let entry = match code {
                _ if day.counts_code(code) => BookEntry::Stored,
                _ => BookEntry::SetAside(reason(code)?),
            };
            self.book(site, received_day, entry, -n)?;
            self.book(site, received_day, BookEntry::Expired, n)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    All,
    SetAside,
}

/// What a day that is being sealed may gather, written; in memory it is about thrice that.
const SEALING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Copies a day's rows: visitors numbered in order of first appearance, times cut to seconds. True
/// where rows are among them that do not count.
pub(super) fn copy_sealed(
    conn: &Connection,
    site: SiteId,
    day: &SiteDay,
    bytes_max: usize,
) -> Result<bool, StoreError> {
    let mut read = conn.prepare_cached(
        "SELECT time, visitor, page, kind, client, source, name, engaged_ms, currency, amount, props,
             set_aside, days_late
         FROM events WHERE site = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, tie",
    )?;
    let mut sealing = Sealing::new(conn, site, day.frame.day, bytes_max)?;
    let mut holds_set_aside = false;
    let mut rows = read.query((site.0, day.frame.start.0, day.frame.end.0))?;
    while let Some(row) = rows.next()? {
        let props = row.get_ref(10)?.as_str_or_null().map_err(|e| StoreError::Unreadable(e.to_string()))?;
        let event = PackedEvent {
            second: 0,
            page: row.get(2)?,
            kind: row.get(3)?,
            client: row.get(4)?,
            source: row.get(5)?,
            name: row.get(6)?,
            engaged_ms: row.get(7)?,
            currency: row.get(8)?,
            amount: row.get(9)?,
            props: props.unwrap_or_default(),
            set_aside: row.get::<_, Option<u8>>(11)?.unwrap_or(0),
            days_late: row.get(12)?,
        };
        holds_set_aside |= !day.counts_code(event.set_aside);
        sealing.add(row.get(1)?, Millis(row.get(0)?).secs(), &event)?;
    }
    sealing.finish()?;
    Ok(holds_set_aside)
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
        ("sealed_visitors", "day, visitor, part"),
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
