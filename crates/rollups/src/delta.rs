use rustc_hash::FxHashMap;
use weir_event::{DayFrame, Grain, Kind};

use crate::{Counters, Seen, Statistic, Table, UnitEvent, ValueId, Visit, event, flow, visits};

/// Names one row of one statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub table: Table,
    pub grain: Grain,
    /// Which statistic of the table; a flow's step.
    pub role: u8,
    /// As [`Grain`] says.
    pub bucket: i64,
    pub value: ValueId,
    /// An event's currency, a flow's target; else absent.
    pub second: ValueId,
}

/// Changes to the statistics of one site, in hours and days. Months are sums of days, so whoever
/// applies a change to a day applies it to its month.
#[derive(Debug, Default)]
pub struct Delta {
    rows: FxHashMap<Key, Counters>,
    tally: Tally,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

impl Delta {
    /// Adds what a visitor's day contributes. `events` ascend by (time, tie) and lie within `day`.
    pub fn add_unit(&mut self, events: &[UnitEvent], day: &DayFrame, timeout_secs: i64) {
        self.unit(events, day, timeout_secs, Sign::Plus);
    }

    /// Takes away what a visitor's day contributed.
    pub fn take_unit(&mut self, events: &[UnitEvent], day: &DayFrame, timeout_secs: i64) {
        self.unit(events, day, timeout_secs, Sign::Minus);
    }

    /// Adds an event without a visitor: a view or an event, and nothing that takes a visit.
    pub fn add_late(&mut self, event: &UnitEvent, day: &DayFrame) {
        if !event.is_counted() {
            return;
        }
        let hour = day.hour_of(event.time.secs());
        for statistic in Statistic::BY_VALUE {
            if let Some(value) = statistic.value_of(Seen { visit: None, event }) {
                self.tally.both(value, hour, own_counts(event));
                self.flush(statistic, day, Sign::Plus);
            }
        }
        self.sale(event, hour, day, Sign::Plus);
    }

    /// Every row that changes, in no order.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Counters)> {
        self.rows.iter().filter(|(_, counters)| !counters.is_zero())
    }

    pub fn add(&mut self, key: Key, counters: Counters) {
        *self.rows.entry(key).or_default() += counters;
    }

    /// Every row, those without counts too, in no order; none is held afterwards.
    pub fn drain(&mut self) -> impl Iterator<Item = (Key, Counters)> {
        self.rows.drain()
    }

    /// How many rows are held.
    pub fn held(&self) -> usize {
        self.rows.len()
    }

    fn unit(&mut self, events: &[UnitEvent], day: &DayFrame, timeout_secs: i64, sign: Sign) {
        debug_assert!(events.is_sorted_by_key(UnitEvent::order), "a unit's events ascend");
        let visits = visits(events, day, timeout_secs);
        let walked: Vec<Walked<'_>> = visits.iter().map(|visit| Walked::of(visit, day)).collect();
        for statistic in Statistic::BY_VALUE {
            for visit in &walked {
                match statistic.is_of_visit() {
                    true => self.tally.visit(statistic, visit),
                    false => self.tally.events(statistic, visit),
                }
            }
            self.flush(statistic, day, sign);
        }
        for visit in &visits {
            self.flows(visit, day, sign);
            for event in visit.events.iter().filter(|event| event.amount.is_some()) {
                self.sale(event, day.hour_of(event.time.secs()), day, sign);
            }
        }
    }

    fn flows(&mut self, visit: &Visit<'_>, day: &DayFrame, sign: Sign) {
        for (role, value, second) in flow::steps(visit).filter(|_| visit.counts) {
            let (table, grain, bucket) = (Table::Flow, Grain::Day, i64::from(day.day.0));
            let counters = Counters { visits: 1, ..Counters::default() };
            self.apply(Key { table, grain, role, bucket, value, second }, counters, sign);
        }
    }

    fn sale(&mut self, event: &UnitEvent, hour: i64, day: &DayFrame, sign: Sign) {
        let Some((value, second, counters)) = event::sale(event) else { return };
        for (grain, bucket) in [(Grain::Hour, hour), (Grain::Day, i64::from(day.day.0))] {
            self.apply(Key { table: Table::Event, grain, role: 0, bucket, value, second }, counters, sign);
        }
    }

    fn flush(&mut self, statistic: Statistic, day: &DayFrame, sign: Sign) {
        let (table, role) = (statistic.table(), statistic.role());
        let mut tally = std::mem::take(&mut self.tally);
        for (value, hour, counters) in tally.rows.drain(..) {
            let (grain, bucket) = match hour {
                Some(hour) => (Grain::Hour, hour),
                None => (Grain::Day, i64::from(day.day.0)),
            };
            self.apply(Key { table, grain, role, bucket, value, second: ValueId::NONE }, counters, sign);
        }
        tally.places.clear();
        self.tally = tally;
    }

    fn apply(&mut self, key: Key, counters: Counters, sign: Sign) {
        let row = self.rows.entry(key).or_default();
        match sign {
            Sign::Plus => *row += counters,
            Sign::Minus => *row -= counters,
        }
    }
}

/// What an event adds by itself, in its own hour.
fn own_counts(event: &UnitEvent) -> Counters {
    match event.kind {
        Kind::PageView => Counters { pageviews: 1, ..Counters::default() },
        Kind::Custom | Kind::Passive => Counters { events: 1, ..Counters::default() },
        Kind::Engagement => Counters::default(),
    }
}

/// A visit and its counted events by hour. Where all events of a visit show one value, their hours are
/// all that counts of them: most statistics never look at the events.
struct Walked<'a> {
    visit: &'a Visit<'a>,
    start_hour: i64,
    /// Ascending; at least one.
    hours: Vec<WalkedHour>,
}

struct WalkedHour {
    hour: i64,
    events: usize,
    /// What they add by themselves.
    counts: Counters,
}

impl<'a> Walked<'a> {
    fn of(visit: &'a Visit<'a>, day: &DayFrame) -> Self {
        let mut hours: Vec<WalkedHour> = Vec::with_capacity(1);
        for event in counted(visit) {
            let hour = day.hour_of(event.time.secs());
            if hours.last().is_none_or(|last| last.hour != hour) {
                hours.push(WalkedHour { hour, events: 0, counts: Counters::default() });
            }
            if let Some(last) = hours.last_mut() {
                last.events += 1;
                last.counts += own_counts(event);
            }
        }
        Self { visit, start_hour: day.hour_of(visit.start_secs), hours }
    }

    fn once(&self) -> Option<Counters> {
        self.visit.counts.then(|| visit_counts(self.visit))
    }
}

fn counted<'a>(visit: &Visit<'a>) -> impl Iterator<Item = &'a UnitEvent> {
    visit.events.iter().filter(|event| event.is_counted())
}

/// One statistic of one unit while it is counted: few rows, so a search from the end beats a hash
/// until there are many.
#[derive(Debug, Default)]
struct Tally {
    /// Value, hour (`None`: the whole day), counters.
    rows: Vec<(ValueId, Option<i64>, Counters)>,
    /// Where each row is; filled once there are more than [`SEARCHED_ROWS_MAX`].
    places: FxHashMap<(ValueId, Option<i64>), usize>,
    /// What the events of one visit show: value, hour, counts. Empty between visits.
    shown: Vec<(ValueId, i64, Counters)>,
}

const SEARCHED_ROWS_MAX: usize = 24;

impl Tally {
    /// A visit whose events all show the same value, if any.
    fn visit(&mut self, statistic: Statistic, walked: &Walked<'_>) {
        let Some(first) = counted(walked.visit).next() else { return };
        let seen = Seen { visit: Some(walked.visit), event: first };
        let Some(value) = statistic.value_of(seen) else { return };
        for of in &walked.hours {
            self.seen(value, of.hour, of.counts);
        }
        if let Some(counts) = walked.once() {
            self.both(value, walked.start_hour, counts);
        }
    }

    /// A visit whose events show values of their own.
    fn events(&mut self, statistic: Statistic, walked: &Walked<'_>) {
        let mut shown = std::mem::take(&mut self.shown);
        let mut events = counted(walked.visit);
        for of in &walked.hours {
            for event in events.by_ref().take(of.events) {
                let Some(value) = statistic.value_of(Seen { visit: Some(walked.visit), event }) else {
                    continue;
                };
                match shown.last_mut().filter(|last| (last.0, last.1) == (value, of.hour)) {
                    Some(last) => last.2 += own_counts(event),
                    None => shown.push((value, of.hour, own_counts(event))),
                }
            }
        }
        // Hours of a value stay in their order, which tells where the visitor was seen first.
        shown.sort_unstable_by_key(|(value, hour, _)| (*value, *hour));
        for values in shown.chunk_by(|a, b| a.0 == b.0) {
            for hours in values.chunk_by(|a, b| a.1 == b.1) {
                let mut sum = Counters::default();
                hours.iter().for_each(|(_, _, counts)| sum += *counts);
                self.seen(hours[0].0, hours[0].1, sum);
            }
            if let Some(counts) = walked.once() {
                self.both(values[0].0, walked.start_hour, counts);
            }
        }
        shown.clear();
        self.shown = shown;
    }

    /// The visitor was here in this hour, once per hour and once per day, and did this.
    fn seen(&mut self, value: ValueId, hour: i64, counts: Counters) {
        let of_day = self.at(value, None);
        let first = i64::from(of_day.visitors == 0);
        of_day.visitors = 1;
        of_day.first_visitors = 1;
        *of_day += counts;
        let of_hour = self.at(value, Some(hour));
        of_hour.visitors = 1;
        of_hour.first_visitors += first;
        *of_hour += counts;
    }

    fn both(&mut self, value: ValueId, hour: i64, counters: Counters) {
        *self.at(value, Some(hour)) += counters;
        *self.at(value, None) += counters;
    }

    fn at(&mut self, value: ValueId, hour: Option<i64>) -> &mut Counters {
        let place = self.find(value, hour).unwrap_or_else(|| {
            self.rows.push((value, hour, Counters::default()));
            let place = self.rows.len() - 1;
            if self.rows.len() > SEARCHED_ROWS_MAX {
                let from = if self.places.is_empty() { 0 } else { place };
                for (i, row) in self.rows.iter().enumerate().skip(from) {
                    self.places.insert((row.0, row.1), i);
                }
            }
            place
        });
        &mut self.rows[place].2
    }

    fn find(&self, value: ValueId, hour: Option<i64>) -> Option<usize> {
        if self.places.is_empty() {
            self.rows.iter().rposition(|row| row.0 == value && row.1 == hour)
        } else {
            self.places.get(&(value, hour)).copied()
        }
    }
}

/// What a visit adds once per value it shows, in the hour it began.
fn visit_counts(visit: &Visit<'_>) -> Counters {
    Counters {
        visits: 1,
        bounces: i64::from(visit.bounce),
        duration_secs: visit.duration_secs,
        ..Counters::default()
    }
}

#[cfg(test)]
mod tests;
