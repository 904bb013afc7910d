//! Open visitors' days in memory. A batch adds to thousands of them, wherever their ids fall: as rows
//! of a table each would cost a page of the file. The log holds all that they are made of, and gives
//! them back to a process that begins.

use rustc_hash::FxHashMap;
use weir_event::{LocalDay, Millis, SiteId};

use crate::{StoreError, UnitKey};

/// Beside its events: its place in the table of its day, which is up to four sevenths empty after it has
/// grown, and what an allocation costs.
const UNIT_BYTES: usize = size_of::<(u64, Unit)>() * 16 / 7 + 16;

type DayKey = (SiteId, LocalDay);

/// What is committed, bounded in bytes, and what the batch in work makes of it.
pub(super) struct OpenUnits {
    bytes_max: usize,
    bytes: usize,
    /// Counts commits, to tell which units have long had no event.
    commits: u32,
    days: FxHashMap<DayKey, OpenDay>,
    staged: FxHashMap<DayKey, StagedDay>,
    staged_bytes: usize,
}

#[derive(Default)]
struct OpenDay {
    units: FxHashMap<u64, Unit>,
    /// Units that are not here may be rows of `open_visitors`.
    has_rows: bool,
}

#[derive(Default)]
struct StagedDay {
    /// What was known of the day before is void.
    is_anew: bool,
    /// The day's visitors add nothing more.
    is_over: bool,
    day: OpenDay,
    /// Units that are rows from now on.
    moved: Vec<u64>,
}

/// A visitor's events, ascending by (time, tie).
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unit {
    touched: u32,
    pub events: Vec<KeptEvent>,
    /// Currency and minor units, of those events that have any.
    pub amounts: Vec<(u32, i64)>,
}

/// An event of a unit: times are short, and what takes long to spell is a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct KeptEvent {
    /// Milliseconds since a day before the day's number says.
    pub at_ms: u32,
    pub tie: u32,
    pub page: u32,
    pub client: u32,
    pub source: u32,
    pub name: u32,
    pub engaged_ms: u32,
    /// Place in the unit's amounts, counted from one.
    pub amount: u16,
    pub kind: u8,
}

/// Wherever a site is, its days begin less than a day before those of UTC.
fn zero_of(day: LocalDay) -> i64 {
    (i64::from(day.0) - 1) * Millis::DAY
}

pub(super) fn at_ms(day: LocalDay, time: Millis) -> Result<u32, StoreError> {
    let at = u32::try_from(time.0 - zero_of(day));
    at.map_err(|_| StoreError::Unreadable(format!("an event of day {day} at {}", time.0)))
}

pub(super) fn time_of(day: LocalDay, at_ms: u32) -> Millis {
    Millis(zero_of(day) + i64::from(at_ms))
}

impl Unit {
    /// Takes an event in, in its place: mostly the last.
    pub fn insert(&mut self, event: KeptEvent, amount: Option<(u32, i64)>) -> Result<(), StoreError> {
        let place = self.events.partition_point(|before| before.order() <= event.order());
        let amount = match amount {
            None => 0,
            Some(amount) => {
                self.amounts.push(amount);
                u16::try_from(self.amounts.len())
                    .map_err(|_| StoreError::Unreadable("a visitor with too many amounts".to_owned()))?
            }
        };
        self.events.insert(place, KeptEvent { amount, ..event });
        Ok(())
    }

    pub fn amount_of(&self, event: &KeptEvent) -> Option<(u32, i64)> {
        self.amounts.get(usize::from(event.amount).checked_sub(1)?).copied()
    }

    fn bytes(&self) -> usize {
        UNIT_BYTES
            + self.events.capacity() * size_of::<KeptEvent>()
            + self.amounts.capacity() * size_of::<(u32, i64)>()
    }
}

impl KeptEvent {
    fn order(&self) -> (u32, u32) {
        (self.at_ms, self.tie)
    }
}

impl OpenUnits {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            commits: 0,
            days: FxHashMap::default(),
            staged: FxHashMap::default(),
            staged_bytes: 0,
        }
    }

    /// As in a process that begins: the log has them all. Not within a batch.
    pub fn forget(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// Whether the day's units are here, or rows: otherwise they are in the log alone.
    pub fn knows(&self, day: DayKey) -> bool {
        self.staged.get(&day).map_or_else(|| self.days.contains_key(&day), |staged| !staged.is_over)
    }

    pub fn find(&self, key: UnitKey) -> Option<&Unit> {
        let of = (key.site, key.day);
        let staged = self.staged.get(&of);
        let found = staged.and_then(|staged| staged.day.units.get(&key.visitor));
        if found.is_some() || staged.is_some_and(|staged| staged.is_anew) {
            return found;
        }
        self.days.get(&of)?.units.get(&key.visitor)
    }

    pub fn has_rows(&self, day: DayKey) -> bool {
        let of = |day: &OpenDay| day.has_rows;
        match self.staged.get(&day) {
            Some(staged) if staged.is_anew || staged.day.has_rows => staged.day.has_rows,
            _ => self.days.get(&day).is_some_and(of),
        }
    }

    pub fn stage(&mut self, key: UnitKey, mut unit: Unit) {
        unit.touched = self.commits;
        self.staged_bytes += unit.bytes();
        let staged = self.staged.entry((key.site, key.day)).or_default();
        staged.is_over = false;
        if let Some(before) = staged.day.units.insert(key.visitor, unit) {
            self.staged_bytes -= before.bytes();
        }
    }

    /// Takes a staged unit out, to be changed and staged again.
    pub fn take_staged(&mut self, key: UnitKey) -> Option<Unit> {
        let unit = self.staged.get_mut(&(key.site, key.day))?.day.units.remove(&key.visitor)?;
        self.staged_bytes -= unit.bytes();
        Some(unit)
    }

    /// Nothing is known of the day but what is staged from now on.
    pub fn begin_anew(&mut self, day: DayKey) {
        self.void(day, false);
    }

    pub fn end(&mut self, day: DayKey) {
        self.void(day, true);
    }

    fn void(&mut self, day: DayKey, is_over: bool) {
        let staged = StagedDay { is_anew: true, is_over, ..StagedDay::default() };
        if let Some(before) = self.staged.insert(day, staged) {
            self.staged_bytes -= before.day.units.values().map(Unit::bytes).sum::<usize>();
        }
    }

    /// The units of a day that is made anew, once they are more than may wait for the commit: rows
    /// from now on.
    pub fn overflow(&mut self, day: DayKey) -> Vec<(u64, Unit)> {
        if self.staged_bytes <= self.bytes_max / 2 {
            return Vec::new();
        }
        let Some(staged) = self.staged.get_mut(&day).filter(|staged| staged.is_anew) else {
            return Vec::new();
        };
        staged.day.has_rows = true;
        let mut units: Vec<_> = std::mem::take(&mut staged.day.units).into_iter().collect();
        self.staged_bytes -= units.iter().map(|(_, unit)| unit.bytes()).sum::<usize>();
        units.sort_unstable_by_key(|(visitor, _)| *visitor as i64);
        units
    }

    /// Those that have had no event for longest, half of all, once there are too many: in the order of
    /// the table's key.
    pub fn too_many(&self) -> Vec<UnitKey> {
        if self.bytes + self.staged_bytes <= self.bytes_max {
            return Vec::new();
        }
        let mut old: Vec<(u32, UnitKey)> = Vec::new();
        for (&(site, day), of) in &self.days {
            let staged = self.staged.get(&(site, day));
            if staged.is_some_and(|staged| staged.is_anew) {
                continue;
            }
            let is_staged = |visitor| staged.is_some_and(|staged| staged.day.units.contains_key(visitor));
            let units = of.units.iter().filter(|(visitor, _)| !is_staged(visitor));
            old.extend(units.map(|(&visitor, unit)| (unit.touched, UnitKey { site, day, visitor })));
        }
        let half = old.len() / 2;
        if half > 0 {
            old.select_nth_unstable_by_key(half, |(touched, _)| *touched);
            old.truncate(half);
        }
        let mut old: Vec<UnitKey> = old.into_iter().map(|(_, key)| key).collect();
        old.sort_unstable_by_key(|key| (key.site, key.day, key.visitor as i64));
        old
    }

    /// The unit is a row from now on.
    pub fn move_out(&mut self, key: UnitKey) {
        let staged = self.staged.entry((key.site, key.day)).or_default();
        staged.day.has_rows = true;
        staged.moved.push(key.visitor);
    }

    /// The batch is committed.
    pub fn keep_staged(&mut self) {
        for (key, staged) in std::mem::take(&mut self.staged) {
            if staged.is_anew {
                self.forget_day(key);
            }
            if staged.is_over {
                continue;
            }
            let day = self.days.entry(key).or_default();
            day.has_rows |= staged.day.has_rows;
            let gone = staged.moved.iter().filter_map(|visitor| day.units.remove(visitor));
            self.bytes -= gone.map(|unit| unit.bytes()).sum::<usize>();
            for (visitor, unit) in staged.day.units {
                self.bytes += unit.bytes();
                let before = day.units.insert(visitor, unit);
                self.bytes -= before.map_or(0, |unit| unit.bytes());
            }
        }
        self.staged_bytes = 0;
        self.commits += 1;
    }

    /// The batch never happened.
    pub fn drop_staged(&mut self) {
        self.staged.clear();
        self.staged_bytes = 0;
    }

    /// Everything of a removed site leaves with it.
    pub fn forget_site(&mut self, site: SiteId) {
        let days: Vec<DayKey> = self.days.keys().filter(|(of, _)| *of == site).copied().collect();
        days.into_iter().for_each(|day| self.forget_day(day));
    }

    fn forget_day(&mut self, day: DayKey) {
        if let Some(day) = self.days.remove(&day) {
            self.bytes -= day.units.values().map(Unit::bytes).sum::<usize>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: DayKey = (SiteId(1), LocalDay(20_000));

    fn unit(events: usize) -> Unit {
        let event = |tie| KeptEvent {
            at_ms: 1,
            tie,
            page: 0,
            client: 0,
            source: 0,
            name: 0,
            engaged_ms: 0,
            amount: 0,
            kind: 0,
        };
        Unit { events: (0..events as u32).map(event).collect(), ..Unit::default() }
    }

    fn key(visitor: u64) -> UnitKey {
        UnitKey { site: DAY.0, day: DAY.1, visitor }
    }

    #[test]
    fn half_of_the_units_have_to_leave_one_byte_past_the_limit_and_none_at_it() {
        let bytes: usize = (1..=4).map(|n| unit(n).bytes()).sum();
        let check = |bytes_max: usize, expected: &[u64]| {
            let mut units = OpenUnits::new(bytes_max);
            for n in 1..=4 {
                units.stage(key(n), unit(n as usize));
                units.keep_staged();
            }
            let old: Vec<u64> = units.too_many().iter().map(|key| key.visitor).collect();
            assert_eq!(old, expected, "{bytes_max}");
            old.iter().for_each(|visitor| units.move_out(key(*visitor)));
            units.keep_staged();
            let left: usize = (1..=4).filter_map(|n| units.find(key(n))).map(Unit::bytes).sum();
            assert_eq!(units.bytes, left);
            assert_eq!(units.has_rows(DAY), !expected.is_empty());
        };
        check(bytes, &[]);
        check(bytes - 1, &[1, 2]);
    }

    #[test]
    fn a_batch_that_never_happened_leaves_no_trace() {
        let mut units = OpenUnits::new(usize::MAX);
        units.stage(key(1), unit(1));
        units.keep_staged();
        let before = units.bytes;
        units.stage(key(1), unit(5));
        units.stage(key(2), unit(1));
        assert_eq!(units.find(key(1)).map(|unit| unit.events.len()), Some(5));
        units.end(DAY);
        assert!(!units.knows(DAY) && units.find(key(1)).is_none());
        units.drop_staged();
        assert!(units.knows(DAY) && units.find(key(2)).is_none());
        assert_eq!(units.find(key(1)), Some(&unit(1)));
        assert_eq!((units.bytes, units.staged_bytes), (before, 0));
    }

    #[test]
    fn a_day_that_begins_anew_forgets_what_it_was_once_it_is_committed() {
        let mut units = OpenUnits::new(usize::MAX);
        units.stage(key(1), unit(1));
        units.keep_staged();
        units.begin_anew(DAY);
        units.stage(key(2), unit(2));
        units.keep_staged();
        assert!(units.find(key(1)).is_none() && units.find(key(2)).is_some());
        assert_eq!(units.bytes, unit(2).bytes());
        units.end(DAY);
        units.keep_staged();
        assert_eq!((units.bytes, units.knows(DAY)), (0, false));
    }
}
