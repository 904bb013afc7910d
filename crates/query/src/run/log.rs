mod possible;

mod tally;

mod unit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_event::limits::{QUERY_DAY_ROWS_MAX, QUERY_LOG_ROWS_MAX};
use weir_event::{LocalDay, Millis};
use weir_rollups::UnitEvent;
use weir_store::{DayState, RawRow, Reading, SiteDay, StoreError, StoreReader};

use self::possible::{Numbers, Possible};
use self::unit::Units;
use super::leaves::Test;
use super::props::{PropsAsked, PropsFound};
use super::{Asking, Groups, PropValues};
use crate::parse::Interval;
use crate::{Piece, QueryError};

/// Counts events one by one, a local day at a time: a visitor's day is the unit of truth here as it
/// is for the statistics, so both give the same figures.
pub(crate) struct Log<'a> {
    asking: &'a Asking<'a>,
    leaves: &'a [Test],
    numbers: Numbers<'a>,
    units: Units<'a>,
    asked: PropsAsked<'a>,
    props: &'a mut PropValues,
    /// Of the day at hand.
    rows_read: u64,
    /// Of the days before, whoever read them.
    rows_read_before: Arc<AtomicU64>,
    bounds: Bounds,
}

/// How much is read and held.
#[derive(Clone, Copy)]
struct Bounds {
    log_rows_max: u64,
    day_rows_max: usize,
}

const BOUNDS: Bounds = Bounds { log_rows_max: QUERY_LOG_ROWS_MAX, day_rows_max: QUERY_DAY_ROWS_MAX };

/// Fewer days are not worth a second thread.
const SHARED_DAYS_MIN: usize = 3;

/// One visitor's events that count, ascending, and what they make possible.
#[derive(Default)]
struct Visitor {
    events: Vec<UnitEvent>,
    /// Of each event, where any are asked for.
    props: Vec<PropsFound>,
    possible: Possible,
}

/// An event on its way to its visitor's others.
#[derive(Clone, Copy)]
struct Row {
    visitor: u64,
    event: UnitEvent,
    possible: Possible,
    props: Option<PropsFound>,
}

/// A day of the log, or what the range covers of it.
struct Day {
    folded: SiteDay,
    from: Millis,
    to: Millis,
    /// Of the time dimension, unless it tells hours apart.
    bucket: i64,
}

impl<'a> Log<'a> {
    pub fn new(asking: &'a Asking<'a>, leaves: &'a [Test], props: &'a mut PropValues) -> Self {
        let numbers = Numbers::new(&asking.question.filter, leaves);
        let asked = PropsAsked::of(asking.question);
        let units = Units::new(asking, leaves);
        let rows_read_before = Arc::default();
        Self { asking, leaves, numbers, units, asked, props, rows_read: 0, rows_read_before, bounds: BOUNDS }
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
        let days: Vec<LocalDay> = days.into_iter().map(|day| day.frame.day).collect();
        // Texts of properties are numbered as they come, by whoever reads them.
        if days.len() < SHARED_DAYS_MIN || self.asked.tells() {
            return self.one_by_one(store, days.into_iter(), clip, groups);
        }
        self.in_two_shares(store, &days, clip, groups)
    }

    /// Days don't depend on each other: every other one is counted by a second thread. Each holds half
    /// of what one may.
    fn in_two_shares(
        &mut self,
        store: &StoreReader,
        days: &[LocalDay],
        clip: Option<(Millis, Millis)>,
        groups: &mut Groups,
    ) -> Result<(), QueryError> {
        let whole = self.bounds;
        self.bounds.day_rows_max = whole.day_rows_max.div_ceil(2);
        let (asking, leaves, bounds) = (self.asking, self.leaves, self.bounds);
        let rows_read_before = Arc::clone(&self.rows_read_before);
        let other = || {
            let (mut props, mut groups) = (PropValues::default(), Groups::default());
            let log = Log::new(asking, leaves, &mut props);
            let mut log = Log { bounds, rows_read_before, ..log };
            let days = days.iter().skip(1).step_by(2).copied();
            log.one_by_one(store, days, clip, &mut groups).map(|()| groups)
        };
        let (own, others) = std::thread::scope(|scope| {
            let other = scope.spawn(other);
            let own = self.one_by_one(store, days.iter().step_by(2).copied(), clip, groups);
            (own, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.bounds = whole;
        own?;
        groups.merge(&others?);
        Ok(())
    }

    /// Each day in a read of its own: a long one would keep the database from tidying up.
    fn one_by_one(
        &mut self,
        store: &StoreReader,
        days: impl Iterator<Item = LocalDay>,
        clip: Option<(Millis, Millis)>,
        groups: &mut Groups,
    ) -> Result<(), QueryError> {
        let site = self.asking.site.id;
        for number in days {
            store.read(|reading| {
                // Again: its rules may have changed since, and its rows go with them.
                let day = reading.site_days(site, number, number)?.into_iter().next();
                match day.map(|day| Day::of(day, clip, self.asking.interval)) {
                    Some(day) if day.from < day.to => self.day(reading, &day, groups),
                    _ => Ok(()),
                }
            })?;
            let of_day = std::mem::take(&mut self.rows_read);
            let read = self.rows_read_before.fetch_add(of_day, Ordering::Relaxed) + of_day;
            if read > self.bounds.log_rows_max {
                return Err(QueryError::bad(format!(
                    "The query would read more than {} events; narrow the range.",
                    self.bounds.log_rows_max
                )));
            }
        }
        Ok(())
    }

    fn day(&mut self, reading: &Reading<'_>, day: &Day, groups: &mut Groups) -> Result<(), StoreError> {
        self.sealed(reading, day, groups)?;
        self.unsealed(reading, day, groups)
    }

    /// Sealed days lie by visitor: one at a time is held.
    fn sealed(&mut self, reading: &Reading<'_>, day: &Day, groups: &mut Groups) -> Result<(), StoreError> {
        let mut visitor = Visitor::default();
        let mut last = None;
        reading.sealed(self.asking.site.id, &day.folded.frame, &mut |part| {
            if part.visitor() != last {
                last = part.visitor();
                self.unit(&mut visitor, day, groups);
            }
            if let Some(client) = part.client()
                && !self.numbers.may_pass_client(reading, client)?
            {
                self.rows_read += 1;
                return Ok(());
            }
            part.each(|raw| {
                self.rows_read += 1;
                if !day.folded.counts(raw.set_aside) {
                    return Ok(());
                }
                let row = self.row(reading, raw)?;
                match raw.visitor {
                    Some(_) => visitor.add(&row),
                    None => self.units.late(&row.event, row.props, day, groups),
                }
                Ok(())
            })
        })?;
        self.unit(&mut visitor, day, groups);
        Ok(())
    }

    /// Other days lie by time. One with more rows than may be held is read again, share by share of
    /// its visitors.
    fn unsealed(&mut self, reading: &Reading<'_>, day: &Day, groups: &mut Groups) -> Result<(), StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut seen = 0;
        self.unsealed_rows(reading, day, &mut |log, raw| {
            seen += usize::from(raw.visitor.is_some());
            if seen > log.bounds.day_rows_max && raw.visitor.is_some() {
                return Ok(());
            }
            let row = log.row(reading, raw)?;
            match raw.visitor {
                Some(_) => rows.push(row),
                None => log.units.late(&row.event, row.props, day, groups),
            }
            Ok(())
        })?;
        let shares = seen.div_ceil(self.bounds.day_rows_max).max(1) as u64;
        if shares == 1 {
            self.shuffled(&rows, day, groups);
            return Ok(());
        }
        for share in 0..shares {
            rows = Vec::new();
            self.unsealed_rows(reading, day, &mut |log, raw| {
                if raw.visitor.is_some_and(|visitor| visitor % shares == share) {
                    rows.push(log.row(reading, raw)?);
                }
                Ok(())
            })?;
            self.shuffled(&rows, day, groups);
        }
        Ok(())
    }

    /// The day's rows that count.
    fn unsealed_rows(
        &mut self,
        reading: &Reading<'_>,
        day: &Day,
        each: &mut dyn FnMut(&mut Self, &RawRow<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let with_props = !self.asked.is_empty();
        reading.unsealed(self.asking.site.id, &day.folded.frame, with_props, &mut |raw| {
            self.rows_read += 1;
            if day.folded.counts(raw.set_aside) { each(self, raw) } else { Ok(()) }
        })
    }

    /// Rows of many visitors, ascending by time.
    fn shuffled(&mut self, rows: &[Row], day: &Day, groups: &mut Groups) {
        let numbered = rows.iter().enumerate().map(|(place, row)| (row.visitor, place));
        let mut order: Vec<(u64, usize)> = numbered.collect();
        order.sort_unstable();
        let mut visitor = Visitor::default();
        for places in order.chunk_by(|a, b| a.0 == b.0) {
            places.iter().for_each(|(_, place)| visitor.add(&rows[*place]));
            self.unit(&mut visitor, day, groups);
        }
    }

    #[inline]
    fn row(&mut self, reading: &Reading<'_>, raw: &RawRow<'_>) -> Result<Row, StoreError> {
        let (event, possible) = self.numbers.event(reading, raw)?;
        let props = (!self.asked.is_empty()).then(|| self.asked.find(raw.props, self.props));
        Ok(Row { visitor: raw.visitor.unwrap_or_default(), event, possible, props })
    }

    /// Counts a visitor's day, and leaves room for the next.
    fn unit(&mut self, visitor: &mut Visitor, day: &Day, groups: &mut Groups) {
        if !visitor.events.is_empty() && self.numbers.may_pass(visitor.possible) {
            self.units.count(visitor, day, groups);
        }
        visitor.events.clear();
        visitor.props.clear();
        visitor.possible = Possible::default();
    }
}

impl Visitor {
    fn add(&mut self, row: &Row) {
        self.possible = self.possible.or(row.possible);
        self.events.push(row.event);
        self.props.extend(row.props);
    }
}

impl Day {
    fn of(folded: SiteDay, clip: Option<(Millis, Millis)>, interval: Option<Interval>) -> Self {
        let frame = &folded.frame;
        let (from, to) = clip.unwrap_or((frame.start, frame.end));
        let (from, to) = (from.max(frame.start), to.min(frame.end));
        let bucket = interval.map_or(0, |interval| interval.bucket_of_day(frame.day));
        Self { folded, from, to, bucket }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_event::{Kind, Zone, limits};
    use weir_registry::{Registry, Site};
    use weir_rollups::{Client, Counters, FOLD_VERSION, Source, ValueId};
    use weir_store::{Batch, NewRow, Store};
    use weir_testkit::TestClock;

    use super::*;
    use crate::Question;
    use crate::range::Range;
    use crate::run::Group;

    const DAY: LocalDay = LocalDay(20_000);

    fn store_with(path: &std::path::Path, site: &Site, days: i32) -> Store {
        let mut store = Store::open(&path.join("weir.db")).expect("a store");
        let mut batch = store.begin().expect("a batch");
        (0..days).for_each(|n| write_day(&mut batch, site, LocalDay(DAY.0 + n)));
        batch.commit().expect("a commit");
        store
    }

    /// Ten visitors with four views each, ten minutes apart, and three views without a visitor.
    fn write_day(batch: &mut Batch<'_>, site: &Site, day: LocalDay) {
        let frame = site.zone.frame(day);
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
    }

    fn count(bounds: Bounds) -> Result<Counters, QueryError> {
        count_days(bounds, 1)
    }

    fn count_days(bounds: Bounds, days: i32) -> Result<Counters, QueryError> {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Millis(i64::from(DAY.0) * Millis::DAY);
        let registry = Registry::open(dir.path(), Arc::new(TestClock::at(now))).expect("a registry");
        let site = registry.add_site("example.com", &Zone::utc()).expect("a site");
        let store = store_with(dir.path(), &site, days);
        let body = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "day"});
        let question = Question::parse(body.to_string().as_bytes()).expect("a question");
        let last = LocalDay(DAY.0 + days - 1);
        let range = Range::Days(DAY, last);
        let asking = Asking { question: &question, site: &site, now, range, interval: None };
        let mut props = PropValues::default();
        let log = Log { bounds, ..Log::new(&asking, &[], &mut props) };
        let mut groups = Groups::default();
        log.read(&store.reader(), &[Piece::Log(DAY, last, None)], &mut groups)?;
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

    #[test]
    fn days_counted_by_two_threads_add_up_and_share_the_bound() {
        let one = count(BOUNDS).expect("counts");
        for days in 2..7 {
            let all = count_days(BOUNDS, days).expect("counts");
            let expected = Counters::from_values(one.values().map(|counter| counter * i64::from(days)));
            assert_eq!(all, expected, "{days} days");
            assert_eq!(count_days(Bounds { day_rows_max: 3, ..BOUNDS }, days).expect("counts"), all);
            let rows = 43 * days as u64;
            assert!(count_days(Bounds { log_rows_max: rows, ..BOUNDS }, days).is_ok());
            assert!(count_days(Bounds { log_rows_max: rows - 1, ..BOUNDS }, days).is_err());
        }
    }
}
