//! Counting days anew: which are due, and what a change of rules moves in log and books.

use rusqlite::{OptionalExtension, params};
use weir_event::{Grain, LocalDay, Month, Reason, SiteId, limits};

use super::batch::Batch;
use crate::{BookEntry, DayState, SiteDay, StoreError};

/// One of the log's two tables, as far as a day is concerned.
struct DayLog {
    table: &'static str,
    /// The columns of its key after the site.
    key: (&'static str, &'static str),
    range: (i64, i64),
}

impl DayLog {
    fn both(day: &SiteDay) -> [Self; 2] {
        let (start, end) = (day.frame.start, day.frame.end);
        [
            Self { table: "events", key: ("time", "tie"), range: (start.0, end.0) },
            Self { table: "sealed_events", key: ("second", "rank"), range: (start.secs(), end.secs()) },
        ]
    }

    /// The day's rows, where parameters 1 to 3 are the site and the range.
    fn rows(&self) -> String {
        let (table, (time, _)) = (self.table, self.key);
        format!("{table} WHERE site = ?1 AND {time} >= ?2 AND {time} < ?3")
    }
}

impl Batch<'_> {
    /// Has every day of a site counted anew that has its events; how many.
    pub fn mark_stale(&mut self, site: SiteId) -> Result<usize, StoreError> {
        let sql = "UPDATE site_days SET stale = 1 WHERE site = ?1 AND state <> ?2";
        Ok(self.tx.prepare_cached(sql)?.execute((site.0, DayState::Frozen as u8))?)
    }

    /// The same for days whose events may still move that another version of the fold has folded.
    pub fn mark_outdated(&mut self, fold_version: u32) -> Result<usize, StoreError> {
        let sql = "UPDATE site_days SET stale = 1 WHERE state IN (0, 1) AND fold_version <> ?1";
        Ok(self.tx.prepare_cached(sql)?.execute((fold_version,))?)
    }

    /// The next day to be counted anew: the latest, which people look at first.
    pub fn next_stale(&self) -> Result<Option<(SiteId, LocalDay)>, StoreError> {
        let sql = "SELECT site, day FROM site_days WHERE stale ORDER BY day DESC LIMIT 1";
        let mut statement = self.tx.prepare_cached(sql)?;
        let next = statement.query_row([], |row| Ok((SiteId(row.get(0)?), LocalDay(row.get(1)?))));
        Ok(next.optional()?)
    }

    pub fn has_stale(&self, site: SiteId, month: Month) -> Result<bool, StoreError> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM site_days WHERE site = ?1 AND day BETWEEN ?2 AND ?3 AND stale)";
        let days = (site.0, month.first_day().0, month.next().first_day().0 - 1);
        Ok(self.tx.prepare_cached(sql)?.query_row(days, |row| row.get(0))?)
    }

    /// Writes down what a day is folded with from now on. The caller folds it so in this batch.
    pub fn set_day_rules(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        // A salvaged file may lack stamps of rows that are right as they are.
        self.stamp(site, Grain::Day, i64::from(day.frame.day.0));
        let sql =
            "UPDATE site_days SET fold_version = ?3, visit_timeout_secs = ?4, counts_bots = ?5, stale = 0,
                       changes = changes + 1 WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute(params![
            site.0,
            day.frame.day.0,
            day.fold_version,
            day.visit_timeout_secs,
            day.counts_bots
        ])?;
        Ok(())
    }

    /// Moves a day's events of bots between those set aside and those stored, in the books: the log
    /// keeps the reason, so that the choice can be undone.
    pub fn move_bots(&mut self, site: SiteId, day: &SiteDay, now_count: bool) -> Result<(), StoreError> {
        let aside = BookEntry::SetAside(Reason::Bot);
        let (from, to) = if now_count { (aside, BookEntry::Stored) } else { (BookEntry::Stored, aside) };
        for log in DayLog::both(day) {
            if now_count {
                self.bound_visitors(site, day, &log)?;
            }
            let rows = format!("{} AND set_aside = {}", log.rows(), Reason::Bot.code());
            self.rebook(site, day, &rows, log.range, (from, to))?;
        }
        let sql = format!(
            "UPDATE site_days SET holds_set_aside = {HOLDS_SET_ASIDE} WHERE site = ?1 AND day = ?2 AND state = 2",
        );
        let range = (site.0, day.frame.day.0, day.frame.start.secs(), day.frame.end.secs(), now_count);
        self.tx.prepare_cached(&sql)?.execute(range)?;
        Ok(())
    }

    /// A visitor's day counts a bounded number of events. A bot's were never bounded, so what is too
    /// much of them gets that reason, for good: arrival would have decided so.
    fn bound_visitors(&mut self, site: SiteId, day: &SiteDay, log: &DayLog) -> Result<(), StoreError> {
        let (bot, full) = (Reason::Bot.code(), Reason::VisitorFull.code());
        let sql = format!(
            "SELECT visitor, sum(set_aside IS NULL) FROM {} AND visitor IS NOT NULL
                 AND (set_aside IS NULL OR set_aside = {bot})
             GROUP BY visitor HAVING count(*) > {}",
            log.rows(),
            limits::UNIT_EVENTS_MAX
        );
        let (from, to) = log.range;
        let overfull: Vec<(i64, i64)> = self
            .tx
            .prepare_cached(&sql)?
            .query_map((site.0, from, to), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let (time, tie) = log.key;
        let max = i64::try_from(limits::UNIT_EVENTS_MAX).unwrap_or(i64::MAX);
        for (visitor, counted) in overfull {
            let keep = (max - counted).max(0);
            // Negative limits are none: all rows past the kept ones.
            let beyond = format!(
                "(SELECT {time}, {tie} FROM {} AND visitor = {visitor} AND set_aside = {bot}
                  ORDER BY {time}, {tie} LIMIT -1 OFFSET {keep})",
                log.rows()
            );
            let rows = format!("{} AND ({time}, {tie}) IN {beyond}", log.rows());
            let entries = (BookEntry::SetAside(Reason::Bot), BookEntry::SetAside(Reason::VisitorFull));
            self.rebook(site, day, &rows, log.range, entries)?;
            let sql = format!(
                "UPDATE {} SET set_aside = {full} WHERE site = ?1 AND {time} >= ?2 AND {time} < ?3
                     AND ({time}, {tie}) IN {beyond}",
                log.table
            );
            self.tx.execute(&sql, (site.0, from, to))?;
        }
        Ok(())
    }

    /// Books events of the day's log, each on its day of receipt, under another entry.
    fn rebook(
        &mut self,
        site: SiteId,
        day: &SiteDay,
        rows: &str,
        (start, end): (i64, i64),
        (from, to): (BookEntry, BookEntry),
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT days_late, count(*) FROM {rows} GROUP BY days_late");
        let found: Vec<(i32, i64)> = self
            .tx
            .prepare(&sql)?
            .query_map((site.0, start, end), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (days_late, n) in found {
            let received_day = LocalDay(day.frame.day.0 + days_late);
            self.book(site, received_day, from, -n)?;
            self.book(site, received_day, to, n)?;
        }
        Ok(())
    }
}

/// Whether a sealed day holds rows that do not count: those of bots are no such rows where parameter
/// 5 says that bots count. Parameters 3 and 4 are the day's bounds in seconds.
pub(super) const HOLDS_SET_ASIDE: &str = "EXISTS (SELECT 1 FROM sealed_events
    WHERE site = ?1 AND second >= ?3 AND second < ?4 AND set_aside IS NOT NULL AND NOT (?5 AND set_aside = 64))";
