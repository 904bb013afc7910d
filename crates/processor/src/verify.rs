//! `weir verify`: every statistic recomputed from the log and compared.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use weir_event::{Grain, LocalDay, Millis, Month, SiteId};
use weir_rollups::{Counters, Key, Table};
use weir_store::{DayState, Reading, SiteDay, StoreError, StoreReader};

use crate::gaps::gaps;
use crate::recompute;

/// Differences told in full; beyond, they are only counted.
const TOLD_MAX: usize = 100;

/// A row that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub site: SiteId,
    pub table: &'static str,
    pub grain: Grain,
    /// The bucket in words.
    pub bucket: String,
    pub role: u8,
    /// What the row is about, in words.
    pub value: String,
    pub second: String,
    /// (counter, what the log says, what the row says), where they differ.
    pub counters: Vec<(&'static str, i64, i64)>,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub days: u64,
    pub frozen_days: u64,
    pub rows: u64,
    /// All of them, told or not.
    pub different: u64,
    pub told: Vec<Difference>,
}

impl Verified {
    pub fn is_equal(&self) -> bool {
        self.different == 0
    }
}

/// Verifies every day of `sites` (of all that the store knows, where empty), a read transaction per
/// day, so that it can run beside a live server. `progress` hears (days done, days in all).
///
/// # Errors
/// The store can't be read.
pub fn verify(
    reader: &StoreReader,
    sites: &[SiteId],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, StoreError> {
    let days = all_days(reader, sites)?;
    let total = days.len() as u64;
    let mut verified = Verified::default();
    let mut wrong_days = WrongDays::default();
    for (done, (site, day)) in (1..).zip(&days) {
        let found = reader.read(|reading| verify_day(reading, *site, *day, &mut verified))?;
        wrong_days.add(*site, &found);
        progress(done, total);
    }
    let mut all: Vec<SiteId> = days.iter().map(|(site, _)| *site).collect();
    all.dedup();
    for site in all {
        let found = reader.read(|reading| verify_gaps(reading, site, &mut verified))?;
        wrong_days.add(site, &found);
    }
    let mut months: Vec<(SiteId, Month)> = days.iter().map(|(site, day)| (*site, day.month())).collect();
    months.dedup();
    for (site, month) in months {
        reader.read(|reading| verify_month(reading, site, month, &wrong_days, &mut verified))?;
    }
    Ok(verified)
}

/// Rows that differ: what the log says and what the row says.
type Found = Vec<(Key, Counters, Counters)>;

/// What the rows of wrong days are off by, summed by month. A month is compared with its days; one
/// that is right must not be accused because a day is wrong.
#[derive(Default)]
struct WrongDays(FxHashMap<(SiteId, Key), Counters>);

impl WrongDays {
    fn add(&mut self, site: SiteId, found: &Found) {
        // Flows are kept by day only.
        let in_months = |key: &Key| key.grain == Grain::Day && key.table != Table::Flow;
        for (key, log, row) in found.iter().filter(|(key, ..)| in_months(key)) {
            let Ok(day) = i32::try_from(key.bucket) else { continue };
            let off = self.0.entry((site, of_month(key, LocalDay(day).month()))).or_default();
            *off += *log;
            *off -= *row;
        }
    }

    fn correct(&self, site: SiteId, month: Month, expected: &mut FxHashMap<Key, Counters>) {
        let of_it = |key: &Key| key.bucket == i64::from(month.0);
        for ((_, key), off) in self.0.iter().filter(|((of, key), _)| *of == site && of_it(key)) {
            *expected.entry(*key).or_default() += *off;
        }
        expected.retain(|_, counters| !counters.is_zero());
    }
}

fn of_month(key: &Key, month: Month) -> Key {
    Key { grain: Grain::Month, bucket: i64::from(month.0), ..*key }
}

fn all_days(reader: &StoreReader, sites: &[SiteId]) -> Result<Vec<(SiteId, LocalDay)>, StoreError> {
    reader.read(|reading| {
        let sites = if sites.is_empty() { reading.sites()? } else { sites.to_vec() };
        let mut days = Vec::new();
        for site in sites {
            let all = reading.site_days(site, LocalDay(i32::MIN), LocalDay(i32::MAX))?;
            days.extend(all.iter().map(|day| (site, day.frame.day)));
        }
        Ok(days)
    })
}

fn verify_day(
    reading: &Reading<'_>,
    site: SiteId,
    day: LocalDay,
    verified: &mut Verified,
) -> Result<Found, StoreError> {
    // Read again within this transaction: it may have been sealed or frozen meanwhile.
    let Some(day) = reading.site_days(site, day, day)?.into_iter().next() else { return Ok(Found::new()) };
    let found = day_rows(reading, site, &day)?;
    verified.days += 1;
    verified.rows += found.len() as u64;
    if day.state == DayState::Frozen {
        verified.frozen_days += 1;
        let sum = recompute::checksum(&found.iter().map(|(k, c)| (*k, *c)).collect::<Vec<_>>());
        if day.checksum.as_deref() != Some(sum.as_slice()) {
            verified.frozen_differs(site, &day);
        }
        return Ok(Found::new());
    }
    let mut read = |each: &mut dyn FnMut(&weir_store::LogRow<'_>)| {
        reading.log(site, day.frame.start, day.frame.end, each)
    };
    let expected = recompute::day(&day, &mut read, &mut |_, _| {})?;
    let expected = expected.rows().map(|(key, counters)| (*key, *counters)).collect();
    verified.compare(reading, site, &expected, &found)
}

fn day_rows(
    reading: &Reading<'_>,
    site: SiteId,
    day: &SiteDay,
) -> Result<FxHashMap<Key, Counters>, StoreError> {
    let mut rows = FxHashMap::default();
    let bucket = i64::from(day.frame.day.0);
    let hours = (day.frame.start.secs(), day.frame.end.secs() - 1);
    for table in Table::ALL {
        for (grain, from, to) in [(Grain::Day, bucket, bucket), (Grain::Hour, hours.0, hours.1)] {
            reading.table(site, table, grain, from, to, &mut |key, counters| {
                rows.insert(key, counters);
                Ok(())
            })?;
        }
    }
    Ok(rows)
}

fn verify_month(
    reading: &Reading<'_>,
    site: SiteId,
    month: Month,
    wrong_days: &WrongDays,
    verified: &mut Verified,
) -> Result<Found, StoreError> {
    let mut expected: FxHashMap<Key, Counters> = FxHashMap::default();
    let mut found = FxHashMap::default();
    let days = (i64::from(month.first_day().0), i64::from(month.next().first_day().0) - 1);
    let bucket = i64::from(month.0);
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Flow) {
        reading.table(site, table, Grain::Day, days.0, days.1, &mut |key, counters| {
            *expected.entry(of_month(&key, month)).or_default() += counters;
            Ok(())
        })?;
        reading.table(site, table, Grain::Month, bucket, bucket, &mut |key, counters| {
            found.insert(key, counters);
            Ok(())
        })?;
    }
    wrong_days.correct(site, month, &mut expected);
    verified.rows += found.len() as u64;
    verified.compare(reading, site, &expected, &found)
}

/// Where there is no day, there must be no row either.
fn verify_gaps(reading: &Reading<'_>, site: SiteId, verified: &mut Verified) -> Result<Found, StoreError> {
    let days = reading.site_days(site, LocalDay(i32::MIN), LocalDay(i32::MAX))?;
    let mut found = FxHashMap::default();
    for (grain, from, to) in gaps(&days) {
        for table in Table::ALL {
            reading.table(site, table, grain, from, to, &mut |key, counters| {
                found.insert(key, counters);
                Ok(())
            })?;
        }
    }
    verified.compare(reading, site, &FxHashMap::default(), &found)
}

impl Verified {
    fn compare(
        &mut self,
        reading: &Reading<'_>,
        site: SiteId,
        expected: &FxHashMap<Key, Counters>,
        found: &FxHashMap<Key, Counters>,
    ) -> Result<Found, StoreError> {
        let mut different = Found::new();
        // Both sides, sorted, so that two runs tell the same rows.
        let keys: BTreeMap<&Key, ()> = expected.keys().chain(found.keys()).map(|key| (key, ())).collect();
        for key in keys.into_keys() {
            let (log, row) = (expected.get(key).copied(), found.get(key).copied());
            if log != row {
                let (log, row) = (log.unwrap_or_default(), row.unwrap_or_default());
                self.differs(reading, site, key, log, row)?;
                different.push((*key, log, row));
            }
        }
        Ok(different)
    }

    fn differs(
        &mut self,
        reading: &Reading<'_>,
        site: SiteId,
        key: &Key,
        log: Counters,
        row: Counters,
    ) -> Result<(), StoreError> {
        self.different += 1;
        if self.told.len() >= TOLD_MAX {
            return Ok(());
        }
        let pairs = Counters::NAMES.into_iter().zip(log.values()).zip(row.values());
        let counters = pairs.filter(|((_, log), row)| log != row).map(|((name, log), row)| (name, log, row));
        self.told.push(Difference {
            site,
            table: key.table.name(),
            grain: key.grain,
            bucket: bucket_text(key),
            role: key.role,
            value: reading.text(key.value)?.to_string(),
            second: reading.text(key.second)?.to_string(),
            counters: counters.collect(),
        });
        Ok(())
    }

    fn frozen_differs(&mut self, site: SiteId, day: &SiteDay) {
        self.different += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(Difference {
                site,
                table: "site_days",
                grain: Grain::Day,
                bucket: day.frame.day.to_string(),
                role: 0,
                value: "checksum of the frozen day".to_owned(),
                second: String::new(),
                counters: Vec::new(),
            });
        }
    }
}

fn bucket_text(key: &Key) -> String {
    let number = i32::try_from(key.bucket).unwrap_or_default();
    match key.grain {
        Grain::Hour => Millis::from_secs(key.bucket).to_string(),
        Grain::Day => LocalDay(number).to_string(),
        Grain::Month => Month(number).first_day().to_string()[..7].to_owned(),
    }
}
