//! A site's days: what they were folded with and how far they have come.

use rusqlite::{Connection, OptionalExtension, Row, params};
use weir_event::{DayFrame, Hour, LocalDay, Millis, SiteId};

use super::batch::Batch;
use crate::{DayState, SiteDay, StoreError};

const COLUMNS: &str = "day, start, end, zone, fold_version, visit_timeout_secs, state, checksum,
    counts_bots, stale, changes";

impl Batch<'_> {
    pub fn day(&self, site: SiteId, day: LocalDay) -> Result<Option<SiteDay>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM site_days WHERE site = ?1 AND day = ?2");
        let found =
            self.tx.prepare_cached(&sql)?.query_row((site.0, day.0), |row| Ok(parse(row))).optional()?;
        let Some(day) = found else { return Ok(None) };
        let mut day = [day?];
        read_hours(&self.tx, site, &mut day)?;
        let [day] = day;
        Ok(Some(day))
    }

    /// Fixes what a day is folded with.
    pub fn open_day(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        let sql = "INSERT INTO site_days
                   (site, day, start, end, zone, fold_version, visit_timeout_secs, state, counts_bots)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let frame = &day.frame;
        self.tx.prepare_cached(sql)?.execute(params![
            site.0,
            frame.day.0,
            frame.start.secs(),
            frame.end.secs(),
            day.zone,
            day.fold_version,
            day.visit_timeout_secs,
            day.state as u8,
            day.counts_bots,
        ])?;
        let sql = "INSERT OR IGNORE INTO site_hours (site, start, day, wall_minutes) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.tx.prepare_cached(sql)?;
        for hour in &frame.hours {
            statement.execute((site.0, hour.start_secs, frame.day.0, hour.wall_minutes))?;
        }
        Ok(())
    }

    pub fn set_day_state(&mut self, site: SiteId, day: LocalDay, state: DayState) -> Result<(), StoreError> {
        let sql = "UPDATE site_days SET state = ?3, changes = changes + 1 WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.0, state as u8))?;
        Ok(())
    }

    /// Tells readers that the day's log or statistics are no longer what they were.
    pub fn touch_day(&mut self, site: SiteId, day: LocalDay) -> Result<(), StoreError> {
        let sql = "UPDATE site_days SET changes = changes + 1 WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.0))?;
        Ok(())
    }

    /// Days in `state` that ended at or before `before`, of any site.
    pub fn days_ended(
        &self,
        state: DayState,
        before: Millis,
        max: usize,
    ) -> Result<Vec<(SiteId, LocalDay)>, StoreError> {
        let sql = "SELECT site, day FROM site_days WHERE state = ?1 AND end <= ?2 ORDER BY end LIMIT ?3";
        let mut statement = self.tx.prepare_cached(sql)?;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = statement.query_map((state as u8, before.secs(), max), |row| {
            Ok((SiteId(row.get(0)?), LocalDay(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Days from `from` to `to`, both included, that hold anything; ascending.
pub(super) fn read_days(
    conn: &Connection,
    site: SiteId,
    (from, to): (LocalDay, LocalDay),
) -> Result<Vec<SiteDay>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM site_days WHERE site = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day");
    let mut statement = conn.prepare_cached(&sql)?;
    let days = statement.query_map((site.0, from.0, to.0), |row| Ok(parse(row)))?;
    let mut days = days.map(|day| day?).collect::<Result<Vec<_>, StoreError>>()?;
    read_hours(conn, site, &mut days)?;
    Ok(days)
}

/// Days that end after `since`, ascending, without their hours.
pub(super) fn read_days_since(
    conn: &Connection,
    site: SiteId,
    since: Millis,
) -> Result<Vec<SiteDay>, StoreError> {
    // From the latest on: these are few, and the days before them are many.
    let sql = format!("SELECT {COLUMNS} FROM site_days WHERE site = ?1 ORDER BY day DESC");
    let mut statement = conn.prepare_cached(&sql)?;
    let days = statement.query_map((site.0,), |row| Ok(parse(row)))?;
    let mut found = Vec::new();
    for day in days {
        let day = day??;
        if day.frame.end <= since {
            break;
        }
        found.push(day);
    }
    found.reverse();
    Ok(found)
}

pub(super) fn read_first_day(conn: &Connection, site: SiteId) -> Result<Option<LocalDay>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT min(day) FROM site_days WHERE site = ?1")?;
    Ok(statement.query_row((site.0,), |row| Ok(row.get::<_, Option<i32>>(0)?.map(LocalDay)))?)
}

fn parse(row: &Row<'_>) -> Result<SiteDay, StoreError> {
    let code: u8 = row.get(6)?;
    let state =
        DayState::from_code(code).ok_or_else(|| StoreError::Unreadable(format!("a day's state {code}")))?;
    Ok(SiteDay {
        frame: DayFrame {
            day: LocalDay(row.get(0)?),
            start: Millis::from_secs(row.get(1)?),
            end: Millis::from_secs(row.get(2)?),
            hours: Vec::new(),
        },
        zone: row.get(3)?,
        fold_version: row.get(4)?,
        visit_timeout_secs: row.get(5)?,
        counts_bots: row.get(8)?,
        stale: row.get(9)?,
        changes: row.get(10)?,
        state,
        checksum: row.get(7)?,
    })
}

/// Gives ascending days their hours, all of them in one read.
fn read_hours(conn: &Connection, site: SiteId, days: &mut [SiteDay]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
    let (from, to) = (first.frame.start.secs(), last.frame.end.secs());
    let sql = "SELECT start, wall_minutes FROM site_hours WHERE site = ?1 AND start >= ?2 AND start < ?3
               ORDER BY start";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query((site.0, from, to))?;
    let mut at = 0;
    while let Some(row) = rows.next()? {
        let hour = Hour { start_secs: row.get(0)?, wall_minutes: row.get(1)? };
        while days.get(at).is_some_and(|day| day.frame.end.secs() <= hour.start_secs) {
            at += 1;
        }
        // Hours between two of the days belong to a day that was not asked for.
        if let Some(day) = days.get_mut(at).filter(|day| day.frame.start.secs() <= hour.start_secs) {
            day.frame.hours.push(hour);
        }
    }
    Ok(())
}
