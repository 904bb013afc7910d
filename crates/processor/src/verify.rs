//! `weir verify`: every statistic recomputed from the log and compared.

use std::io;

use weir_event::{Grain, LocalDay, Millis, Month, SiteId};
use weir_rollups::{Counters, Key, Table, UnitEvent};
use weir_store::{DayState, LogPlace, Reading, SiteDay, StoreError, StoreReader};

use crate::gaps::gaps;
use crate::recompute::{BOUNDS, Bounds, Checksum, Gathered, Hear, Part, Rows, each_part_of};
use crate::steady::{self, PACE, Pace, Steady, Stop};

/// Differences told in full; beyond, they are only counted.
const TOLD_MAX: usize = 100;

/// Rows of a month's days that are remembered because they differ. Beyond, the month is not looked
/// at: enough is wrong with its days.
const WRONG_MAX: usize = 100_000;

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
    /// Among them: compared by their checksum.
    pub frozen_days: u64,
    /// Among them: right by the rules that they were counted with, and to be counted anew by others.
    pub stale_days: u64,
    /// Days and months that changed faster than they could be read: nothing is said of them.
    pub moving: u64,
    /// Events that were counted.
    pub events: u64,
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

/// Verifies every day of `sites` (of all that the store knows, where empty), in short read
/// transactions, so that it can run beside a live server. `progress` hears (days done, days in all).
///
/// # Errors
/// The store can't be read.
pub fn verify(
    reader: &StoreReader,
    sites: &[SiteId],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, StoreError> {
    verify_paced(reader, sites, (PACE, BOUNDS), progress)
}

/// Verifies one day alone, without its month.
///
/// # Errors
/// The store can't be read.
pub fn verify_day(reader: &StoreReader, site: SiteId, day: LocalDay) -> Result<Verified, StoreError> {
    let mut verifying = Verifying { reader, pace: PACE, bounds: BOUNDS, verified: Verified::default() };
    verifying.day(site, day)?;
    Ok(verifying.verified)
}

fn verify_paced(
    reader: &StoreReader,
    sites: &[SiteId],
    (pace, bounds): (Pace, Bounds),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, StoreError> {
    let mut verifying = Verifying { reader, pace, bounds, verified: Verified::default() };
    let days = all_days(reader, sites)?;
    let total = days.len() as u64;
    let mut done = 0;
    for of_site in days.chunk_by(|a, b| a.0 == b.0) {
        let strays = verifying.gaps(of_site[0].0)?;
        for of_month in of_site.chunk_by(|a, b| a.1.month() == b.1.month()) {
            let mut wrong = strays.in_month(of_month[0].1.month());
            for (site, day) in of_month {
                wrong.merge(verifying.day(*site, *day)?);
                done += 1;
                progress(done, total);
            }
            let (site, day) = of_month[0];
            verifying.month(site, day.month(), &wrong)?;
        }
    }
    Ok(verifying.verified)
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

/// Rows that differ: what the log says and what the row says.
#[derive(Default)]
struct Wrong {
    rows: Vec<(Key, Counters, Counters)>,
    /// All of them, held in `rows` or not.
    count: u64,
}

impl Wrong {
    fn extend(&mut self, rows: impl IntoIterator<Item = (Key, Counters, Option<Counters>)>) {
        for (key, log, row) in rows {
            self.count += 1;
            if self.rows.len() < WRONG_MAX {
                self.rows.push((key, log, row.unwrap_or_default()));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.rows.extend(other.rows.into_iter().take(WRONG_MAX - self.rows.len()));
    }

    /// Rows of days of the month.
    fn in_month(&self, month: Month) -> Self {
        let of_it = |key: &Key| {
            let day = i32::try_from(key.bucket).map(LocalDay);
            key.grain == Grain::Day && day.is_ok_and(|day| day.month() == month)
        };
        let rows: Vec<_> = self.rows.iter().filter(|(key, ..)| of_it(key)).copied().collect();
        let untold = self.count - self.rows.len() as u64;
        Self { count: rows.len() as u64 + untold, rows }
    }

    fn is_whole(&self) -> bool {
        self.count == self.rows.len() as u64
    }
}

/// What a reading of a day found.
enum DayRead {
    Frozen { rows: u64, is_right: bool },
    Events { gathered: Box<Gathered>, is_stale: bool },
}

struct Verifying<'a> {
    reader: &'a StoreReader,
    pace: Pace,
    bounds: Bounds,
    verified: Verified,
}

impl Verifying<'_> {
    fn day(&mut self, site: SiteId, day: LocalDay) -> Result<Wrong, StoreError> {
        let (bounds, folder) = (self.bounds, self.reader.folder());
        let read = steady::read(self.reader, site, (day, day), self.pace, |steady| {
            read_day(steady, day, |day| Gathered::new(day, bounds, folder))
        })?;
        let read = match read {
            Some(Some(read)) => Some(read),
            // Gone, with its site.
            Some(None) => return Ok(Wrong::default()),
            None => None,
        };
        self.verified.days += 1;
        match read {
            None => self.verified.moving += 1,
            Some(DayRead::Frozen { rows, is_right }) => {
                self.verified.frozen_days += 1;
                self.verified.rows += rows;
                if !is_right {
                    self.verified.checksum_differs(site, day);
                }
            }
            Some(DayRead::Events { gathered, is_stale }) => {
                self.verified.stale_days += u64::from(is_stale);
                self.verified.events += gathered.counted();
                let mut found = Found::default();
                gathered.tell(&mut found)?;
                self.verified.rows += found.rows;
                self.tell(site, &found.wrong)?;
                return Ok(found.wrong);
            }
        }
        Ok(Wrong::default())
    }

    /// A month is compared with its days; one that is right must not be accused because a day is
    /// wrong.
    fn month(&mut self, site: SiteId, month: Month, wrong: &Wrong) -> Result<(), StoreError> {
        if !wrong.is_whole() {
            return Ok(());
        }
        let days = (month.first_day(), LocalDay(month.next().first_day().0 - 1));
        let rows = || Rows::new(self.reader.folder().to_owned(), self.bounds.rows);
        let read = steady::read(self.reader, site, days, self.pace, |steady| {
            read_month(steady, (month, days), [rows(), rows()])
        })?;
        let Some(read) = read else {
            self.verified.moving += 1;
            return Ok(());
        };
        let mut found = Found::default();
        read.tell(month, wrong, &mut found)?;
        self.verified.rows += found.rows;
        self.tell(site, &found.wrong)
    }

    /// Where there is no day, there must be no row either.
    fn gaps(&mut self, site: SiteId) -> Result<Wrong, StoreError> {
        let all = (LocalDay(i32::MIN), LocalDay(i32::MAX));
        let found = steady::read(self.reader, site, all, self.pace, |steady| {
            let days = steady.piece(|reading| reading.site_days(site, all.0, all.1))?;
            let mut wrong = Wrong::default();
            for (grain, from, to) in gaps(&days) {
                for table in Table::ALL {
                    each_row(steady, (table, grain), (from, to), &mut |key, counters| {
                        wrong.extend([(key, Counters::default(), Some(counters))]);
                    })?;
                }
            }
            Ok(wrong)
        })?;
        let Some(wrong) = found else {
            self.verified.moving += 1;
            return Ok(Wrong::default());
        };
        self.tell(site, &wrong)?;
        Ok(wrong)
    }

    fn tell(&mut self, site: SiteId, wrong: &Wrong) -> Result<(), StoreError> {
        self.verified.different += wrong.count;
        let told = wrong.rows.iter().take(TOLD_MAX - self.verified.told.len());
        self.reader.read(|reading| {
            for (key, log, row) in told {
                self.verified.told.push(difference(reading, site, key, (*log, *row))?);
            }
            Ok(())
        })
    }
}

/// `None` where there is no such day any more.
fn read_day(
    steady: &Steady<'_, '_>,
    day: LocalDay,
    gather: impl FnOnce(SiteDay) -> Gathered,
) -> Result<Option<DayRead>, Stop> {
    let days = steady.piece(|reading| reading.site_days(steady.site, day, day))?;
    let Some(day) = days.into_iter().next() else { return Ok(None) };
    if day.state == DayState::Frozen {
        return read_frozen(steady, &day).map(Some);
    }
    let mut gathered = Box::new(gather(day.clone()));
    each_row_of_day(steady, &day, &mut |key, counters| gathered.row(key, counters))?;
    let range = (day.frame.start, day.frame.end);
    let mut place = LogPlace::Start;
    while place != LogPlace::End {
        steady.piece(|reading| {
            let max = steady.pace.rows;
            reading.log_piece(steady.site, range, &mut place, max, &mut |row| gathered.log(row))
        })?;
    }
    Ok(Some(DayRead::Events { gathered, is_stale: day.stale }))
}

fn read_frozen(steady: &Steady<'_, '_>, day: &SiteDay) -> Result<DayRead, Stop> {
    let (mut rows, mut checksum) = (0, Checksum::default());
    each_row_of_day(steady, day, &mut |key, counters| {
        rows += 1;
        checksum.add(&key, &counters);
    })?;
    let is_right = day.checksum.as_deref() == Some(checksum.bytes().as_slice());
    Ok(DayRead::Frozen { rows, is_right })
}

fn each_row_of_day(
    steady: &Steady<'_, '_>,
    day: &SiteDay,
    each: &mut dyn FnMut(Key, Counters),
) -> Result<(), Stop> {
    let bucket = i64::from(day.frame.day.0);
    let hours = (day.frame.start.secs(), day.frame.end.secs() - 1);
    for table in Table::ALL {
        each_row(steady, (table, Grain::Hour), hours, each)?;
        each_row(steady, (table, Grain::Day), (bucket, bucket), each)?;
    }
    Ok(())
}

/// What was found when rows were compared.
#[derive(Default)]
struct Found {
    rows: u64,
    wrong: Wrong,
}

impl Found {
    fn compare(&mut self, part: &Part) {
        self.rows += part.found.len() as u64;
        self.wrong.extend(part.differences());
    }
}

impl Hear for Found {
    fn unit(&mut self, _: u64, _: &[UnitEvent]) -> Result<(), StoreError> {
        Ok(())
    }

    fn part(&mut self, part: Part) -> Result<(), StoreError> {
        self.compare(&part);
        Ok(())
    }
}

fn each_row(
    steady: &Steady<'_, '_>,
    of: (Table, Grain),
    range: (i64, i64),
    each: &mut dyn FnMut(Key, Counters),
) -> Result<(), Stop> {
    let mut after = None;
    let mut is_all = false;
    while !is_all {
        is_all = steady.piece(|reading| {
            let (site, last, max) = (steady.site, after, steady.pace.rows);
            reading.table_piece(site, of, range, last, max, &mut |key, counters| {
                after = Some(key);
                each(key, counters);
            })
        })?;
    }
    Ok(())
}

/// A month's rows, and the sums of its days' rows.
struct MonthRead {
    expected: Rows,
    found: Rows,
    failed: io::Result<()>,
}

fn read_month(
    steady: &Steady<'_, '_>,
    (month, days): (Month, (LocalDay, LocalDay)),
    [expected, found]: [Rows; 2],
) -> Result<MonthRead, Stop> {
    let mut read = MonthRead { expected, found, failed: Ok(()) };
    let (range, bucket) = ((i64::from(days.0.0), i64::from(days.1.0)), i64::from(month.0));
    // Flows are kept by day only.
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Flow) {
        each_row(steady, (table, Grain::Day), range, &mut |key, counters| {
            if read.failed.is_ok() {
                read.failed = read.expected.add(of_month(&key, month), counters);
            }
        })?;
        each_row(steady, (table, Grain::Month), (bucket, bucket), &mut |key, counters| {
            if read.failed.is_ok() {
                read.failed = read.found.add(key, counters);
            }
        })?;
    }
    Ok(read)
}

impl MonthRead {
    /// As if the days' rows were right.
    fn tell(mut self, month: Month, wrong: &Wrong, to: &mut Found) -> Result<(), StoreError> {
        let in_months = |key: &Key| key.grain == Grain::Day && key.table != Table::Flow;
        for (key, log, row) in wrong.rows.iter().filter(|(key, ..)| in_months(key)) {
            let mut off = *log;
            off -= *row;
            self.failed = self.failed.and_then(|()| self.expected.add(of_month(key, month), off));
        }
        each_part_of((self.expected, self.found), self.failed, &mut |part| {
            to.compare(&part);
            Ok(())
        })
    }
}

fn of_month(key: &Key, month: Month) -> Key {
    Key { grain: Grain::Month, bucket: i64::from(month.0), ..*key }
}

fn difference(
    reading: &Reading<'_>,
    site: SiteId,
    key: &Key,
    (log, row): (Counters, Counters),
) -> Result<Difference, StoreError> {
    let pairs = Counters::NAMES.into_iter().zip(log.values()).zip(row.values());
    let counters = pairs.filter(|((_, log), row)| log != row).map(|((name, log), row)| (name, log, row));
    Ok(Difference {
        site,
        table: key.table.name(),
        grain: key.grain,
        bucket: bucket_text(key),
        role: key.role,
        value: reading.text(key.value)?.to_string(),
        second: reading.text(key.second)?.to_string(),
        counters: counters.collect(),
    })
}

impl Verified {
    fn checksum_differs(&mut self, site: SiteId, day: LocalDay) {
        self.different += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(Difference {
                site,
                table: "site_days",
                grain: Grain::Day,
                bucket: day.to_string(),
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

#[cfg(test)]
mod tests;
