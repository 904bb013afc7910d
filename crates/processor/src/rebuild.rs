//! `weir rebuild`: statistics made anew from the log, a day per transaction.

use weir_event::{LocalDay, Month, SiteId};
use weir_fault::Point;
use weir_rollups::{FOLD_VERSION, UnitEvent};
use weir_store::{Batch, DayState, SiteDay, Store, StoreError, UnitKey};

use crate::gaps::gaps;
use crate::recompute;

/// Rebuilds every day of `sites` (of all that the store knows, where empty) whose events are still
/// there, then the months; returns how many days. `progress` hears (days done, days in all).
///
/// # Errors
/// The store can't be read or written; days already rebuilt stay so.
pub fn rebuild(
    store: &mut Store,
    sites: &[SiteId],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, StoreError> {
    let known = days_of(store, sites)?;
    for (site, days) in &known {
        drop_strays(store, *site, days)?;
    }
    // A frozen day's rows stand as they are; its month is their sum all the same.
    let rebuilt = rebuild_days(store, &named(&known, |day| day.state != DayState::Frozen), progress)?;
    sum_months(store, &named(&known, |_| true))?;
    Ok(rebuilt)
}

/// Rebuilds open days that another version of the fold has folded: a release that changes a
/// definition must not mix two of them within a day.
///
/// # Errors
/// As [`rebuild`].
pub fn rebuild_outdated(store: &mut Store) -> Result<u64, StoreError> {
    let days = store.begin()?.days_outdated(FOLD_VERSION)?;
    let rebuilt = rebuild_days(store, &days, &mut |_, _| {})?;
    sum_months(store, &days)?;
    Ok(rebuilt)
}

type Days = Vec<(SiteId, LocalDay)>;

fn named(known: &[(SiteId, Vec<SiteDay>)], wanted: impl Fn(&SiteDay) -> bool) -> Days {
    let days = known.iter().flat_map(|(site, days)| days.iter().map(move |day| (*site, day)));
    days.filter(|(_, day)| wanted(day)).map(|(site, day)| (site, day.frame.day)).collect()
}

fn days_of(store: &Store, sites: &[SiteId]) -> Result<Vec<(SiteId, Vec<SiteDay>)>, StoreError> {
    store.reader().read(|reading| {
        let sites = if sites.is_empty() { reading.sites()? } else { sites.to_vec() };
        let days = |site| reading.site_days(site, LocalDay(i32::MIN), LocalDay(i32::MAX));
        sites.into_iter().map(|site| Ok((site, days(site)?))).collect()
    })
}

/// Rows that lie in no day are nobody's.
fn drop_strays(store: &mut Store, site: SiteId, days: &[SiteDay]) -> Result<(), StoreError> {
    let mut batch = store.begin()?;
    for (grain, from, to) in gaps(days) {
        batch.drop_rows(site, grain, from, to)?;
    }
    batch.commit()
}

fn rebuild_days(
    store: &mut Store,
    days: &[(SiteId, LocalDay)],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, StoreError> {
    let total = days.len() as u64;
    for (done, (site, day)) in (1..).zip(days) {
        let mut batch = store.begin()?;
        if let Some(day) = batch.day(*site, *day)? {
            rebuild_day(&mut batch, *site, &day)?;
        }
        weir_fault::pass(Point::RebuildWritten);
        batch.commit()?;
        weir_fault::pass(Point::RebuildCommitted);
        progress(done, total);
    }
    Ok(total)
}

fn sum_months(store: &mut Store, days: &[(SiteId, LocalDay)]) -> Result<(), StoreError> {
    let mut months: Vec<(SiteId, Month)> = days.iter().map(|(site, day)| (*site, day.month())).collect();
    months.dedup();
    for (site, month) in months {
        let mut batch = store.begin()?;
        batch.sum_month(site, month)?;
        weir_fault::pass(Point::MonthWritten);
        batch.commit()?;
    }
    Ok(())
}

fn rebuild_day(batch: &mut Batch<'_>, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
    let mut units: Vec<(u64, Vec<UnitEvent>)> = Vec::new();
    let open = day.state == DayState::Open;
    let mut read = |each: &mut dyn FnMut(&weir_store::LogRow<'_>)| {
        batch.read_log(site, day.frame.start, day.frame.end, each)
    };
    let delta = recompute::day(day, &mut read, &mut |visitor, events| {
        if open {
            units.push((visitor, events.to_vec()));
        }
    })?;
    batch.replace_day(site, &day.frame, &delta)?;
    batch.drop_units(site, day.frame.day)?;
    for (visitor, events) in units {
        batch.keep_unit(UnitKey { site, day: day.frame.day, visitor }, &events)?;
    }
    batch.set_fold_version(site, day.frame.day, FOLD_VERSION)
}
