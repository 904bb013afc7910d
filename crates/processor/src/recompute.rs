//! A day's statistics from its log alone, the way that proves or restores them. Bounded in memory
//! whatever the day holds: visitors are shared out over several readings of the log, and rows of
//! statistics over several recomputations.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};
use weir_rollups::{Counters, Delta, Key, UnitEvent};
use weir_store::{LogRow, SiteDay};

/// How much of a day is held in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Events of one share of the visitors.
    pub events: usize,
    /// Rows of one part of the statistics: of those found and of those expected, each.
    pub rows: usize,
}

pub(crate) const BOUNDS: Bounds = Bounds { events: 250_000, rows: 250_000 };

/// Past this, one visitor or one row would be too much, and smaller shares can't help.
const SHARES_MAX: u64 = 1 << 12;

/// A day as it lies in the store.
pub(crate) trait Source {
    type Error;

    /// Calls back for every row of the day's log, ascending.
    fn log(&mut self, each: &mut dyn FnMut(&LogRow<'_>)) -> Result<(), Self::Error>;

    /// Calls back for every row of the day's statistics.
    fn rows(&mut self, each: &mut dyn FnMut(Key, Counters)) -> Result<(), Self::Error>;

    /// Hears of each visitor's events; more than once where the day is read again.
    fn unit(&mut self, visitor: u64, events: &[UnitEvent]) -> Result<(), Self::Error>;

    /// Hears what a part of the statistics should be and what it is. Part 0 comes first, and again
    /// where all that was said before is void.
    fn part(&mut self, part: Part) -> Result<(), Self::Error>;
}

/// A part of a day's statistics, every value's rows whole.
pub(crate) struct Part {
    pub number: u64,
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

/// Recomputes a day and tells it beside what is there, part by part.
pub(crate) fn day<S: Source>(source: &mut S, day: &SiteDay, bounds: Bounds) -> Result<(), S::Error> {
    let mut sharing = Sharing { day, bounds, parts: 1, shares: 1 };
    while !sharing.go_through(source)? {
        sharing.parts *= 2;
    }
    Ok(())
}

/// Which of `parts` a row belongs to: all grains of a value to the same.
pub(crate) fn part_of(key: &Key, parts: u64) -> u64 {
    let mut hasher = FxHasher::default();
    (key.table as u8, key.role, key.value.0, key.second.0).hash(&mut hasher);
    hasher.finish() % parts
}

struct Sharing<'a> {
    day: &'a SiteDay,
    bounds: Bounds,
    parts: u64,
    shares: u64,
}

impl Sharing<'_> {
    /// False where a part is too large.
    fn go_through<S: Source>(&mut self, source: &mut S) -> Result<bool, S::Error> {
        for number in 0..self.parts {
            let Some(found) = self.found(source, number)? else { return Ok(false) };
            let Some(expected) = self.expected(source, number)? else { return Ok(false) };
            source.part(Part { number, expected, found })?;
        }
        Ok(true)
    }

    fn found<S: Source>(
        &self,
        source: &mut S,
        part: u64,
    ) -> Result<Option<FxHashMap<Key, Counters>>, S::Error> {
        let mut found = FxHashMap::default();
        let max = self.rows_max();
        source.rows(&mut |key, counters| {
            if part_of(&key, self.parts) == part && found.len() <= max {
                found.insert(key, counters);
            }
        })?;
        Ok((found.len() <= max).then_some(found))
    }

    fn expected<S: Source>(&mut self, source: &mut S, part: u64) -> Result<Option<Delta>, S::Error> {
        loop {
            let mut rows = Rows { delta: Delta::default(), part, parts: self.parts, kept: 0 };
            match self.fold(source, &mut rows)? {
                Folded::All => return Ok(Some(rows.delta)),
                Folded::TooManyRows => return Ok(None),
                // Begin again with smaller shares.
                Folded::TooManyEvents => self.shares *= 2,
            }
        }
    }

    fn fold<S: Source>(&self, source: &mut S, rows: &mut Rows) -> Result<Folded, S::Error> {
        for number in 0..self.shares {
            let mut share = Share { units: FxHashMap::default(), held: 0 };
            source.log(&mut |row| share.take(row, self, number, rows))?;
            if share.held > self.events_max() {
                return Ok(Folded::TooManyEvents);
            }
            for (visitor, mut events) in share.units {
                events.sort_unstable_by_key(UnitEvent::order);
                rows.delta.add_unit(&events, &self.day.frame, self.day.visit_timeout_secs);
                rows.thin_out();
                if rows.part == 0 {
                    source.unit(visitor, &events)?;
                }
            }
            if rows.kept_only() > self.rows_max() {
                return Ok(Folded::TooManyRows);
            }
        }
        Ok(Folded::All)
    }

    fn events_max(&self) -> usize {
        if self.shares < SHARES_MAX { self.bounds.events } else { usize::MAX }
    }

    fn rows_max(&self) -> usize {
        if self.parts < SHARES_MAX { self.bounds.rows } else { usize::MAX }
    }
}

enum Folded {
    All,
    TooManyEvents,
    TooManyRows,
}

/// The counted events of some of the visitors.
struct Share {
    units: FxHashMap<u64, Vec<UnitEvent>>,
    held: usize,
}

impl Share {
    fn take(&mut self, row: &LogRow<'_>, sharing: &Sharing<'_>, number: u64, rows: &mut Rows) {
        if !sharing.day.counts(row.set_aside) || self.held > sharing.events_max() {
            return;
        }
        match row.visitor {
            Some(visitor) if visitor % sharing.shares == number => {
                self.units.entry(visitor).or_default().push(row.event);
                self.held += 1;
            }
            Some(_) => {}
            // Nothing to wait for: it stands alone.
            None if number == 0 => {
                rows.delta.add_late(&row.event, &sharing.day.frame);
                rows.thin_out();
            }
            None => {}
        }
    }
}

/// Rows of one part while they are summed up. A visitor's day touches rows of every part; those of
/// the others are thrown away now and then.
struct Rows {
    delta: Delta,
    part: u64,
    parts: u64,
    /// Rows left after the last time.
    kept: usize,
}

impl Rows {
    /// Rows that may gather before the others' are thrown away.
    const LOOSE_MAX: usize = 100_000;

    fn thin_out(&mut self) {
        if self.parts > 1 && self.delta.held() > self.kept + Self::LOOSE_MAX {
            self.kept_only();
        }
    }

    fn kept_only(&mut self) -> usize {
        if self.parts > 1 {
            let (part, parts) = (self.part, self.parts);
            self.delta.retain(|key| part_of(key, parts) == part);
        }
        self.kept = self.delta.held();
        self.kept
    }
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
