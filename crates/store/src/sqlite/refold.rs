//! Counting days anew: which are due, and what a change of rules moves in log and books.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use weir_event::{Grain, LocalDay, Month, Reason, SiteId, limits};

use super::batch::Batch;
use crate::{BookEntry, DayState, SiteDay, StoreError};

/// A day's rows that are not sealed; parameters 1 to 3 are the site and the day's bounds.
const OPEN_ROWS: &str = "events WHERE site = ?1 AND time >= ?2 AND time < ?3";

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
        let entries = if now_count { (aside, BookEntry::Stored) } else { (BookEntry::Stored, aside) };
        if now_count {
            self.bound_visitors(site, day)?;
            self.bound_sealed_visitors(site, day)?;
        }
        let bots = format!("{OPEN_ROWS} AND set_aside = {}", Reason::Bot.code());
        let found = self.by_days_late(site, day, &bots)?;
        self.rebook(site, day, found, entries)?;
        let (mut found, mut holds_set_aside) = (BTreeMap::new(), false);
        self.change_sealed((site, day.frame.day), &mut |row| {
            for event in &row.events {
                let is_bot = event.set_aside == Reason::Bot.code();
                holds_set_aside |= event.set_aside != 0 && !(is_bot && now_count);
                if is_bot {
                    *found.entry(event.days_late).or_default() += 1;
                }
            }
        })?;
        self.rebook(site, day, found, entries)?;
        if day.state == DayState::Sealed {
            self.hold_set_aside(site, day.frame.day, holds_set_aside)?;
        }
        Ok(())
    }

    /// A visitor's day counts a bounded number of events. A bot's were never bounded, so what is too
    /// much of them gets that reason, for good: arrival would have decided so.
    fn bound_visitors(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        let (bot, full) = (Reason::Bot.code(), Reason::VisitorFull.code());
        let sql = format!(
            "SELECT visitor, sum(set_aside IS NULL) FROM {OPEN_ROWS} AND visitor IS NOT NULL
                 AND (set_aside IS NULL OR set_aside = {bot})
             GROUP BY visitor HAVING count(*) > {}",
            limits::UNIT_EVENTS_MAX
        );
        let (from, to) = (day.frame.start.0, day.frame.end.0);
        let overfull: Vec<(i64, i64)> = self
            .tx
            .prepare_cached(&sql)?
            .query_map((site.0, from, to), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (visitor, counted) in overfull {
            let keep = bots_kept(counted);
            // Negative limits are none: all rows past the kept ones.
            let beyond = format!(
                "(SELECT time, tie FROM {OPEN_ROWS} AND visitor = {visitor} AND set_aside = {bot}
                  ORDER BY time, tie LIMIT -1 OFFSET {keep})"
            );
            let found = self.by_days_late(site, day, &format!("{OPEN_ROWS} AND (time, tie) IN {beyond}"))?;
            self.rebook(site, day, found, TOO_MANY)?;
            let sql = format!(
                "UPDATE events SET set_aside = {full} WHERE site = ?1 AND time >= ?2 AND time < ?3
                     AND (time, tie) IN {beyond}"
            );
            self.tx.execute(&sql, (site.0, from, to))?;
        }
        Ok(())
    }

    /// The same of a sealed day.
    fn bound_sealed_visitors(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        let (bot, full) = (Reason::Bot.code(), Reason::VisitorFull.code());
        // Visitor -> events that count, events of bots.
        let mut visitors: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        let max = i64::try_from(limits::UNIT_EVENTS_MAX).unwrap_or(i64::MAX);
        let mut last = 0;
        self.change_sealed((site, day.frame.day), &mut |row| {
            // Rows of a visitor are neighbours: only those that are overfull are remembered.
            if row.visitor != last && visitors.get(&last).is_some_and(|(counted, bots)| counted + bots <= max)
            {
                visitors.remove(&last);
            }
            last = row.visitor;
            let found = visitors.entry(row.visitor).or_default();
            found.0 += row.events.iter().filter(|event| event.set_aside == 0).count() as i64;
            found.1 += row.events.iter().filter(|event| event.set_aside == bot).count() as i64;
        })?;
        visitors.remove(&0);
        visitors.retain(|_, (counted, bots)| *counted + *bots > max);
        let mut found = BTreeMap::new();
        let mut kept: BTreeMap<i64, i64> = BTreeMap::new();
        self.change_sealed((site, day.frame.day), &mut |row| {
            let Some((counted, _)) = visitors.get(&row.visitor) else { return };
            let kept = kept.entry(row.visitor).or_default();
            for event in row.events.iter_mut().filter(|event| event.set_aside == bot) {
                *kept += 1;
                if *kept > bots_kept(*counted) {
                    event.set_aside = full;
                    row.is_changed = true;
                    *found.entry(event.days_late).or_default() += 1;
                }
            }
        })?;
        self.rebook(site, day, found, TOO_MANY)
    }

    /// How many rows there are, by the days that they were late.
    fn by_days_late(
        &self,
        site: SiteId,
        day: &SiteDay,
        rows: &str,
    ) -> Result<BTreeMap<i32, i64>, StoreError> {
        let sql = format!("SELECT days_late, count(*) FROM {rows} GROUP BY days_late");
        let mut statement = self.tx.prepare(&sql)?;
        let range = (site.0, day.frame.start.0, day.frame.end.0);
        let found = statement.query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Books events of the day's log, each on its day of receipt, under another entry.
    fn rebook(
        &mut self,
        site: SiteId,
        day: &SiteDay,
        found: BTreeMap<i32, i64>,
        (from, to): (BookEntry, BookEntry),
    ) -> Result<(), StoreError> {
        for (days_late, n) in found {
            let received_day = LocalDay(day.frame.day.0 + days_late);
            self.book(site, received_day, from, -n)?;
            self.book(site, received_day, to, n)?;
        }
        Ok(())
    }
}

/// What a bot's events beyond the bound were booked as, and are from then on.
const TOO_MANY: (BookEntry, BookEntry) =
    (BookEntry::SetAside(Reason::Bot), BookEntry::SetAside(Reason::VisitorFull));

/// How many events of bots a visitor's day has room for beside those that count.
fn bots_kept(counted: i64) -> i64 {
    (i64::try_from(limits::UNIT_EVENTS_MAX).unwrap_or(i64::MAX) - counted).max(0)
}
