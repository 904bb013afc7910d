//! Days counted anew from their events: for `weir rebuild`, after a change of a site's rules, and
//! after a release that changes what the fold counts. A day is a transaction.

use weir_event::{LocalDay, Month, SiteId};
use weir_fault::Point;
use weir_registry::{Counting, Registry};
use weir_rollups::{Delta, FOLD_VERSION, UnitEvent};
use weir_store::{Batch, DayState, SiteDay, Store, StoreError, UnitKey};

use crate::gaps::gaps;
use crate::recompute::{BOUNDS, Gathered, Hear, Part};

/// Rebuilds every day of `sites` (of all that the store knows, where empty) whose events are still
/// there, and the months; returns how many days. `progress` hears (days done, days in all).
///
/// # Errors
/// The store can't be read or written; days already rebuilt stay so, and the others are still due.
pub fn rebuild(
    store: &mut Store,
    registry: &Registry,
    sites: &[SiteId],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, StoreError> {
    let all = store.reader().read(|reading| reading.sites())?;
    for site in all.into_iter().filter(|site| sites.is_empty() || sites.contains(site)) {
        begin(store, site)?;
        let mut batch = store.begin()?;
        batch.mark_stale(site)?;
        batch.commit()?;
    }
    let total = store.reader().read(|reading| reading.stale_days(None))?;
    let mut done = 0;
    while next(store, registry)?.is_some() {
        done += 1;
        progress(done, total);
    }
    Ok(done)
}

/// What marking a site's days does not restore: rows that lie in no day are nobody's, and months
/// whose days have lost their events are the sums of their rows.
pub(crate) fn begin(store: &mut Store, site: SiteId) -> Result<(), StoreError> {
    let days =
        store.reader().read(|reading| reading.site_days(site, LocalDay(i32::MIN), LocalDay(i32::MAX)))?;
    let mut batch = store.begin()?;
    for (grain, from, to) in gaps(&days) {
        batch.drop_rows(site, grain, from, to)?;
    }
    batch.commit()?;
    for days in days.chunk_by(|a, b| a.frame.day.month() == b.frame.day.month()) {
        if days.iter().all(|day| day.state == DayState::Frozen) {
            let mut batch = store.begin()?;
            batch.sum_month(site, days[0].frame.day.month())?;
            weir_fault::pass(Point::MonthWritten);
            batch.commit()?;
        }
    }
    Ok(())
}

/// Counts the next day anew that is due; `None` when none is.
pub(crate) fn next(store: &mut Store, registry: &Registry) -> Result<Option<SiteId>, StoreError> {
    let mut batch = store.begin()?;
    let Some((site, day)) = batch.next_stale()? else { return Ok(None) };
    if let Some(day) = batch.day(site, day)? {
        let counting = registry.site_by_id(site).map(|site| site.counting);
        refold(&mut batch, site, day, counting)?;
    }
    sum_month(&mut batch, site, day.month())?;
    weir_fault::pass(Point::RebuildWritten);
    batch.commit()?;
    weir_fault::pass(Point::RebuildCommitted);
    Ok(Some(site))
}

/// Leaves the next day that is due as it is.
pub(crate) fn leave_next(store: &mut Store) -> Result<(), StoreError> {
    let mut batch = store.begin()?;
    let Some((site, number)) = batch.next_stale()? else { return Ok(()) };
    tracing::error!(site = site.0, day = number.0, "a day can't be counted anew; it stays as it is");
    if let Some(day) = batch.day(site, number)? {
        batch.set_day_rules(site, &day)?;
    }
    batch.commit()
}

/// The month's last day makes its rows the sums of its days' rows. Before, each day has moved the
/// month by as much as itself.
fn sum_month(batch: &mut Batch<'_>, site: SiteId, month: Month) -> Result<(), StoreError> {
    if batch.has_stale(site, month)? { Ok(()) } else { batch.sum_month(site, month) }
}

/// Counts a day by this version of the fold and `counting`, by the day's own rules without it, and
/// returns the day as it is now.
pub(crate) fn refold(
    batch: &mut Batch<'_>,
    site: SiteId,
    mut day: SiteDay,
    counting: Option<Counting>,
) -> Result<SiteDay, StoreError> {
    if let Some(counting) = counting {
        if counting.counts_bots != day.counts_bots {
            batch.move_bots(site, &day, counting.counts_bots)?;
        }
        day.visit_timeout_secs = counting.visit_timeout_secs;
        day.counts_bots = counting.counts_bots;
    }
    day.fold_version = FOLD_VERSION;
    day.stale = false;
    batch.drop_units(site, day.frame.day)?;
    let mut gathered = Gathered::new(day.clone(), BOUNDS, batch.folder());
    batch.read_log(site, day.frame.start, day.frame.end, &mut |row| gathered.log(row))?;
    batch.day_rows(site, &day.frame, &mut |key, counters| gathered.row(key, counters))?;
    gathered.tell(&mut Refold { batch, site, day: &day })?;
    batch.set_day_rules(site, &day)?;
    Ok(day)
}

struct Refold<'a, 'b> {
    batch: &'a mut Batch<'b>,
    site: SiteId,
    day: &'a SiteDay,
}

impl Hear for Refold<'_, '_> {
    fn unit(&mut self, visitor: u64, events: &[UnitEvent]) -> Result<(), StoreError> {
        match self.day.state {
            DayState::Open => {
                self.batch.keep_unit(UnitKey { site: self.site, day: self.day.frame.day, visitor }, events)
            }
            DayState::Closed | DayState::Sealed | DayState::Frozen => Ok(()),
        }
    }

    /// Only what differs is written, and goes to the month as well, as any change of a day does.
    fn part(&mut self, part: Part) -> Result<(), StoreError> {
        let mut delta = Delta::default();
        for (key, log, row) in part.differences() {
            if row.is_some_and(|row| row.is_zero()) {
                self.batch.drop_row_if_zero(self.site, &key)?;
            }
            let mut off = log;
            off -= row.unwrap_or_default();
            delta.add(key, off);
        }
        self.batch.apply(self.site, &delta)
    }
}
