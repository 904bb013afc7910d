//! A day's statistics from its log alone, the way that proves or restores them. What there is is read
//! once; of what is counted then no more is held in memory than [`Bounds`] say, whatever the day
//! holds: the rest lies in temporary files beside the database.

mod events;
mod rows;
mod spill;

use std::io;
use std::path::Path;

use rustc_hash::FxHashMap;
use weir_rollups::{Counters, Delta, Key, UnitEvent};
use weir_sqlite::Trouble;
use weir_store::{LogRow, SiteDay, StoreError};

use self::events::Events;
pub(crate) use self::rows::Rows;

/// How much of a day is held in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub events: usize,
    /// Rows of statistics: of those found and of those expected, each.
    pub rows: usize,
}

pub(crate) const BOUNDS: Bounds = Bounds { events: 125_000, rows: 125_000 };

/// How often what is too much is shared out again. After so many times it is one visitor or one row,
/// and smaller shares can't help.
const DEEPEST: u32 = 4;

/// A day as it lies in the store, read and not yet counted.
pub(crate) struct Gathered {
    day: SiteDay,
    /// Rows of the log that count.
    counted: u64,
    events: Events,
    expected: Rows,
    found: Rows,
    /// The first thing that went wrong with a temporary file: readers of a database can't be stopped.
    failed: io::Result<()>,
}

/// Who hears what the log says.
pub(crate) trait Hear {
    /// Hears of each visitor's events, ascending.
    fn unit(&mut self, visitor: u64, events: &[UnitEvent]) -> Result<(), StoreError>;

    /// Hears what a part of the statistics should be and what it is.
    fn part(&mut self, part: Part) -> Result<(), StoreError>;
}

/// A part of a day's statistics.
pub(crate) struct Part {
    pub expected: Delta,
    pub found: FxHashMap<Key, Counters>,
}

impl Part {
    /// Rows that differ, in the order of their keys: what the log says and what the row says.
    pub fn differences(&self) -> Vec<(Key, Counters, Option<Counters>)> {
        let mut different = Vec::new();
        let mut met = 0;
        for (key, log) in self.expected.rows() {
            let row = self.found.get(key);
            met += usize::from(row.is_some());
            if row != Some(log) {
                different.push((*key, *log, row.copied()));
            }
        }
        if met < self.found.len() {
            let expected: rustc_hash::FxHashSet<&Key> = self.expected.rows().map(|(key, _)| key).collect();
            let more = self.found.iter().filter(|(key, _)| !expected.contains(key));
            different.extend(more.map(|(key, row)| (*key, Counters::default(), Some(*row))));
        }
        different.sort_unstable_by_key(|(key, ..)| *key);
        different
    }
}

impl Gathered {
    /// `folder`: where temporary files may be, if need be.
    pub fn new(day: SiteDay, bounds: Bounds, folder: &Path) -> Self {
        let rows = || Rows::new(folder.to_owned(), bounds.rows);
        let events = Events::new(folder.to_owned(), bounds.events);
        Self { day, counted: 0, events, expected: rows(), found: rows(), failed: Ok(()) }
    }

    /// A row of the day's log.
    pub fn log(&mut self, row: &LogRow<'_>) {
        if self.failed.is_err() || !self.day.counts(row.set_aside) {
            return;
        }
        self.counted += 1;
        self.failed = match row.visitor {
            Some(visitor) => self.events.add(visitor, row.event),
            // Nothing to wait for: it stands alone.
            None => self.expected.with(|delta| delta.add_late(&row.event, &self.day.frame)),
        };
    }

    /// A row of the day's statistics.
    pub fn row(&mut self, key: Key, counters: Counters) {
        if self.failed.is_ok() {
            self.failed = self.found.add(key, counters);
        }
    }

    /// How many rows of the log count.
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Counts, and tells what should be beside what is.
    pub fn tell(self, hear: &mut dyn Hear) -> Result<(), StoreError> {
        self.tell_each(hear).map_err(Stop::into_store_error)
    }

    fn tell_each(self, hear: &mut dyn Hear) -> Result<(), Stop> {
        let Self { day, events, mut expected, found, failed, .. } = self;
        failed?;
        events.each_unit::<Stop>(&mut |visitor, events| {
            expected.with(|delta| delta.add_unit(events, &day.frame, day.visit_timeout_secs))?;
            Ok(hear.unit(visitor, events)?)
        })?;
        each_part(expected, found, &mut |part| hear.part(part))
    }
}

/// Tells rows that should be beside rows that are, part by part, each key's in one; `gathered` says
/// whether that succeeded.
pub(crate) fn each_part_of(
    (expected, found): (Rows, Rows),
    gathered: io::Result<()>,
    each: &mut dyn FnMut(Part) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let told = gathered.map_err(Stop::from).and_then(|()| each_part(expected, found, each));
    told.map_err(Stop::into_store_error)
}

fn each_part(
    expected: Rows,
    found: Rows,
    each: &mut dyn FnMut(Part) -> Result<(), StoreError>,
) -> Result<(), Stop> {
    rows::each_part::<Stop>(expected, found, &mut |part| Ok(each(part)?))
}

/// Why counting ended early.
enum Stop {
    Store(StoreError),
    /// A temporary file could not be written or read.
    Spill(io::Error),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Spill(error)
    }
}

impl Stop {
    fn into_store_error(self) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Spill(error) => error,
        };
        let is_full = error.kind() == io::ErrorKind::StorageFull;
        let trouble = if is_full { Trouble::Full } else { Trouble::Io };
        let message = format!("a temporary file beside the statistics database: {error}");
        weir_sqlite::Error::refusal(message).with(trouble).into()
    }
}

/// Spreads numbers evenly, in another way at each depth (the last step of splitmix64).
fn mixed(number: u64, depth: u32) -> u64 {
    let x = number.wrapping_add(u64::from(depth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Of a day's statistics, in the order of their keys: FNV-1a over every number. It guards against
/// accidents, not against an attacker, who could rewrite the checksum as well.
pub(crate) struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    pub fn add(&mut self, key: &Key, counters: &Counters) {
        self.mix(key.table as i64);
        self.mix(key.grain as i64);
        self.mix(i64::from(key.role));
        self.mix(key.bucket);
        self.mix(i64::from(key.value.0));
        self.mix(i64::from(key.second.0));
        counters.values().into_iter().for_each(|counter| self.mix(counter));
    }

    pub fn bytes(&self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    fn mix(&mut self, number: i64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_event::Grain;
    use weir_rollups::{Table, ValueId};

    use super::*;

    fn add(rows: &mut Rows, values: std::ops::Range<u32>) -> io::Result<()> {
        values.into_iter().try_for_each(|value| {
            let (table, grain, second) = (Table::Page, Grain::Day, ValueId::NONE);
            let key = Key { table, grain, role: 0, bucket: 1, value: ValueId(value), second };
            rows.add(key, Counters { pageviews: 1, ..Counters::default() })
        })
    }

    #[test]
    fn as_many_rows_as_fit_need_no_file_and_one_more_needs_a_folder_for_it() {
        const MAX: usize = 10;
        let nowhere = Path::new("/nonexistent");
        let both = || [0, 1].map(|_| Rows::new(nowhere.to_owned(), MAX));
        let [mut expected, mut found] = both();
        let added = add(&mut expected, 0..10).and_then(|()| add(&mut found, 0..10));
        let mut equal = 0;
        let told = each_part_of((expected, found), added, &mut |part| {
            assert_eq!(part.differences(), []);
            equal += part.found.len();
            Ok(())
        });
        told.expect("nothing is written");
        assert_eq!(equal, MAX);
        let [mut expected, found] = both();
        let added = add(&mut expected, 0..11);
        let error = each_part_of((expected, found), added, &mut |_| Ok(())).expect_err("no folder");
        assert_eq!(error.trouble(), Trouble::Io);
        assert!(error.to_string().contains("a temporary file beside"), "{error}");
    }
}
