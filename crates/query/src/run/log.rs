use rustc_hash::FxHashSet;
use weir_event::limits::{QUERY_DAY_ROWS_MAX, QUERY_LOG_ROWS_MAX};
use weir_event::{Kind, LocalDay, Millis};
use weir_rollups::{Counters, Seen, Statistic, UnitEvent, Visit, visits};
use weir_store::{DayState, LogRow, Reading, SiteDay, StoreError, StoreReader};

use super::leaves::Test;
use super::props::{PropsAsked, PropsFound};
use super::{Asking, Group, Groups, NOT_SET, PropValues};
use crate::parse::Dimension;
use crate::{Piece, QueryError};

/// Counts events one by one, a local day at a time: a visitor's day is the unit of truth here as it
/// is for the statistics, so both give the same figures.
pub(crate) struct Log<'a> {
    asking: &'a Asking<'a>,
    leaves: &'a [Test],
    /// The question's dimensions without the time; `None`: a property.
    told: Vec<Option<Statistic>>,
    asked: PropsAsked<'a>,
    props: &'a mut PropValues,
    rows_read: u64,
    bounds: Bounds,
}

/// How much is read and held.
#[derive(Clone, Copy)]
struct Bounds {
    log_rows_max: u64,
    day_rows_max: usize,
}

const BOUNDS: Bounds = Bounds { log_rows_max: QUERY_LOG_ROWS_MAX, day_rows_max: QUERY_DAY_ROWS_MAX };

/// A row of the log on its way to its visitor's others.
struct Row {
    visitor: u64,
    event: UnitEvent,
    props: PropsFound,
}

/// A day of the log, or what the range covers of it.
struct Day {
    folded: SiteDay,
    from: Millis,
    to: Millis,
}

impl<'a> Log<'a> {
    pub fn new(asking: &'a Asking<'a>, leaves: &'a [Test], props: &'a mut PropValues) -> Self {
        let told = asking.question.dimensions.iter().filter_map(|dimension| match dimension {
            Dimension::Time(_) => None,
            Dimension::Of(statistic) => Some(Some(*statistic)),
            Dimension::Prop(_) => Some(None),
        });
        let asked = PropsAsked::of(asking.question);
        Self { asking, leaves, told: told.collect(), asked, props, rows_read: 0, bounds: BOUNDS }
    }

    pub fn read(
        mut self,
        store: &StoreReader,
        pieces: &[Piece],
        groups: &mut Groups,
    ) -> Result<(), QueryError> {
        for piece in pieces {
            if let Piece::Log(first, last, clip) = *piece {
                self.days(store, (first, last), clip, groups)?;
            }
        }
        Ok(())
    }

    /// Each day in a read of its own: a long one would keep the database from tidying up.
    fn days(
        &mut self,
        store: &StoreReader,
        (first, last): (LocalDay, LocalDay),
        clip: Option<(Millis, Millis)>,
        groups: &mut Groups,
    ) -> Result<(), QueryError> {
        let days = store.read(|reading| reading.site_days(self.asking.site.id, first, last))?;
        if days.iter().any(|day| day.state == DayState::Frozen) {
            groups.events_expired();
        }
        let site = self.asking.site.id;
        for number in days.into_iter().map(|day| day.frame.day) {
            store.read(|reading| {
                // Again: its rules may have changed since, and its rows go with them.
                let day = reading.site_days(site, number, number)?.into_iter().next();
                match day.map(|day| Day::of(day, clip)) {
                    Some(day) if day.from < day.to => self.day(reading, &day, groups),
                    _ => Ok(()),
                }
            })?;
            if self.rows_read > self.bounds.log_rows_max {
                return Err(QueryError::bad(format!(
                    "The query would read more than {} events; narrow the range.",
                    self.bounds.log_rows_max
                )));
            }
        }
        Ok(())
    }

    /// A day with more rows than may be held is read again, share by share of its visitors.
    fn day(&mut self, reading: &Reading<'_>, day: &Day, groups: &mut Groups) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        let mut seen = 0;
        self.rows(reading, day, &mut |log, row| match row.visitor {
            Some(_) if seen < log.bounds.day_rows_max => {
                seen += 1;
                rows.extend(log.row(row));
            }
            Some(_) => seen += 1,
            None => {
                let props = log.asked.find(row.props, log.props);
                log.late(&row.event, &props, day, groups);
            }
        })?;
        let shares = seen.div_ceil(self.bounds.day_rows_max).max(1) as u64;
        if shares == 1 {
            self.units(rows, day, groups);
            return Ok(());
        }
        for share in 0..shares {
            rows = Vec::new();
            self.rows(reading, day, &mut |log, row| {
                if row.visitor.is_some_and(|visitor| visitor % shares == share) {
                    rows.extend(log.row(row));
                }
            })?;
            self.units(rows, day, groups);
        }
        Ok(())
    }

    /// The day's rows that count.
    fn rows(
        &mut self,
        reading: &Reading<'_>,
        day: &Day,
        each: &mut dyn FnMut(&mut Self, &LogRow<'_>),
    ) -> Result<(), StoreError> {
        reading.log(self.asking.site.id, day.folded.frame.start, day.folded.frame.end, &mut |row| {
            self.rows_read += 1;
            if day.folded.counts(row.set_aside) {
                each(self, row);
            }
        })
    }

    fn row(&mut self, row: &LogRow<'_>) -> Option<Row> {
        let props = self.asked.find(row.props, self.props);
        row.visitor.map(|visitor| Row { visitor, event: row.event, props })
    }

    fn units(&self, mut rows: Vec<Row>, day: &Day, groups: &mut Groups) {
        rows.sort_unstable_by_key(|row| (row.visitor, row.event.order()));
        let mut events = Vec::new();
        let mut unit = Unit::default();
        for rows in rows.chunk_by(|a, b| a.visitor == b.visitor) {
            events.clear();
            events.extend(rows.iter().map(|row| row.event));
            unit.visitors.clear();
            let mut props = rows.iter();
            for visit in &visits(&events, &day.folded.frame, day.folded.visit_timeout_secs) {
                self.visit(visit, &mut props, day, &mut unit, groups);
            }
        }
    }

    /// `props` are those of the unit's events, from this visit's first or an earlier one on.
    fn visit(
        &self,
        visit: &Visit<'_>,
        props: &mut std::slice::Iter<'_, Row>,
        day: &Day,
        unit: &mut Unit,
        groups: &mut Groups,
    ) {
        unit.visits.clear();
        let start = Millis::from_secs(visit.start_secs);
        let starts_inside = visit.counts && day.from <= start && start < day.to;
        for event in visit.events {
            let row = props.find(|row| row.event.order() == event.order());
            let Some(row) = row.filter(|_| event.is_counted()) else { continue };
            let Some(values) = self.values(Seen { visit: Some(visit), event }, &row.props) else { continue };
            if day.from <= event.time && event.time < day.to {
                let group = self.group(day, event.time.secs(), values);
                let visitors = i64::from(unit.visitors.insert(group));
                groups.add(group, Counters { visitors, ..own_counts(event) });
            }
            if starts_inside && unit.visits.insert(values) {
                groups.add(self.group(day, visit.start_secs, values), visit_counts(visit));
            }
        }
    }

    /// An event that came too late to have a visitor is a view or an event, and nothing else.
    fn late(&self, event: &UnitEvent, props: &PropsFound, day: &Day, groups: &mut Groups) {
        if !event.is_counted() || event.time < day.from || day.to <= event.time {
            return;
        }
        if let Some(values) = self.values(Seen { visit: None, event }, props) {
            groups.add(self.group(day, event.time.secs(), values), own_counts(event));
        }
    }

    /// The values that an event counts under; `None` where it doesn't pass the filters, or has none
    /// of the values that rows are told apart by.
    fn values(&self, seen: Seen<'_>, props: &PropsFound) -> Option<Values> {
        let passes = self.asking.question.filter.holds(&|leaf| match &self.leaves[leaf] {
            test @ Test::Value { statistic, .. } => test.holds(statistic.value_of(seen)),
            Test::Prop => props.leaves >> leaf & 1 == 1,
        });
        if !passes {
            return None;
        }
        let mut values = Values::default();
        for (place, told) in self.told.iter().enumerate() {
            values[place] = match told {
                Some(statistic) => statistic.value_of(seen).map_or(NOT_SET, |value| value.0),
                None => props.values[place],
            };
        }
        let told = &values[..self.told.len()];
        (told.is_empty() || told.iter().any(|value| *value != NOT_SET)).then_some(values)
    }

    fn group(&self, day: &Day, secs: i64, values: Values) -> Group {
        let bucket = self.asking.interval.map_or(0, |interval| interval.bucket(&day.folded.frame, secs));
        Group { bucket, values }
    }
}

type Values = [u32; weir_event::limits::DIMENSIONS_MAX];

/// What one visitor's day has been counted under already.
#[derive(Default)]
struct Unit {
    visitors: FxHashSet<Group>,
    /// Of the visit at hand.
    visits: FxHashSet<Values>,
}

impl Day {
    fn of(folded: SiteDay, clip: Option<(Millis, Millis)>) -> Self {
        let (from, to) = clip.unwrap_or((folded.frame.start, folded.frame.end));
        Self { from: from.max(folded.frame.start), to: to.min(folded.frame.end), folded }
    }
}

fn own_counts(event: &UnitEvent) -> Counters {
    match event.kind {
        Kind::PageView => Counters { pageviews: 1, ..Counters::default() },
        Kind::Custom | Kind::Passive => Counters { events: 1, ..Counters::default() },
        Kind::Engagement => Counters::default(),
    }
}

fn visit_counts(visit: &Visit<'_>) -> Counters {
    let (bounces, duration_secs) = (i64::from(visit.bounce), visit.duration_secs);
    Counters { visits: 1, bounces, duration_secs, ..Counters::default() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use weir_event::{Zone, limits};
    use weir_registry::{Registry, Site};
    use weir_rollups::{Client, FOLD_VERSION, Source, ValueId};
    use weir_store::{NewRow, Store};
    use weir_testkit::TestClock;

    use super::*;
    use crate::Question;
    use crate::range::Range;

    const DAY: LocalDay = LocalDay(20_000);

    /// Ten visitors with four views each, ten minutes apart, and three views without a visitor.
    fn store_with_a_day(path: &std::path::Path, site: &Site) -> Store {
        let mut store = Store::open(&path.join("weir.db")).expect("a store");
        let frame = site.zone.frame(DAY);
        let mut batch = store.begin().expect("a batch");
        for n in 0..43u32 {
            let event = UnitEvent {
                time: frame.start + i64::from(n / 10) * 10 * Millis::MINUTE,
                tie: n,
                kind: Kind::PageView,
                page: ValueId::NONE,
                host: ValueId::NONE,
                client: Client::default(),
                source: Source::default(),
                name: ValueId::NONE,
                amount: None,
                engaged_ms: 0,
            };
            let visitor = (n < 40).then_some(u64::from(n % 10));
            let row = NewRow { site: site.id, event, visitor, props: "", set_aside: None, days_late: 0 };
            batch.log(&row).expect("a log row");
        }
        let day = SiteDay::opened(frame, "UTC", FOLD_VERSION, limits::VISIT_TIMEOUT_SECS);
        batch.open_day(site.id, &day).expect("a day");
        batch.commit().expect("a commit");
        store
    }

    fn count(bounds: Bounds) -> Result<Counters, QueryError> {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Millis(i64::from(DAY.0) * Millis::DAY);
        let registry = Registry::open(dir.path(), Arc::new(TestClock::at(now))).expect("a registry");
        let site = registry.add_site("example.com", &Zone::utc()).expect("a site");
        let store = store_with_a_day(dir.path(), &site);
        let body = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "day"});
        let question = Question::parse(body.to_string().as_bytes()).expect("a question");
        let range = Range::Days(DAY, DAY);
        let asking = Asking { question: &question, site: &site, now, range, interval: None };
        let mut props = PropValues::default();
        let log = Log { bounds, ..Log::new(&asking, &[], &mut props) };
        let mut groups = Groups::default();
        log.read(&store.reader(), &[Piece::Log(DAY, DAY, None)], &mut groups)?;
        Ok(groups.get(&Group::default()).copied().unwrap_or_default())
    }

    #[test]
    fn a_day_read_in_shares_counts_as_one_read_whole() {
        let whole = count(BOUNDS).expect("counts");
        let expected = Counters {
            visitors: 10,
            visits: 10,
            pageviews: 43,
            duration_secs: 10 * 1_800,
            ..Counters::default()
        };
        assert_eq!(whole, expected);
        for day_rows_max in [1, 3, 7, 39, 40, 41] {
            assert_eq!(
                count(Bounds { day_rows_max, ..BOUNDS }).expect("counts"),
                whole,
                "{day_rows_max} rows"
            );
        }
    }

    #[test]
    fn the_rows_that_a_question_reads_are_bounded() {
        assert!(count(Bounds { log_rows_max: 43, ..BOUNDS }).is_ok());
        let error = count(Bounds { log_rows_max: 42, ..BOUNDS }).expect_err("a refusal");
        assert!(error.to_string().contains("narrow the range"));
    }
}
