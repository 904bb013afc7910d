mod possible;

mod tally;

mod unit;

mod unsealed;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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
    /// A day of fewer is not worth a second thread.
    rows_alone_max: usize,
}

const BOUNDS: Bounds =
    Bounds { log_rows_max: QUERY_LOG_ROWS_MAX, day_rows_max: QUERY_DAY_ROWS_MAX, rows_alone_max: 500 };

/// Of fewer days each is shared.
const SHARED_DAYS_MIN: usize = 3;

/// One visitor's events that count, ascending, and what they make possible.
#[derive(Default)]
struct Visitor {
    events: Vec<UnitEvent>,
    /// Of each event, where any are asked for.
    props: Vec<PropsFound>,
    possible: Possible,
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
        if self.asked.tells() {
            return self.one_by_one(store, None, days.into_iter(), clip, groups);
        }
        if days.len() < SHARED_DAYS_MIN {
            return self.one_by_one(store, Some(store), days.into_iter(), clip, groups);
        }
        self.in_two_shares(store, &days, clip, groups)
    }

    /// Days don't depend on each other: a second thread takes the next one as soon as it is free. Each
    /// holds half of what one may.
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
        let next = AtomicUsize::new(0);
        let left = || std::iter::from_fn(|| days.get(next.fetch_add(1, Ordering::Relaxed)).copied());
        let other = || {
            let (mut props, mut groups) = (PropValues::default(), Groups::default());
            let log = Log::new(asking, leaves, &mut props);
            let mut log = Log { bounds, rows_read_before, ..log };
            log.one_by_one(store, None, left(), clip, &mut groups).map(|()| groups)
        };
        let (own, others) = std::thread::scope(|scope| {
            let other = scope.spawn(other);
            let own = self.one_by_one(store, None, left(), clip, groups);
            (own, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.bounds = whole;
        own?;
        groups.merge(&others?);
        Ok(())
    }

    /// Each day in a read of its own: a long one would keep the database from tidying up. With `second`
    /// another thread may read as well.
    fn one_by_one(
        &mut self,
        store: &StoreReader,
        second: Option<&StoreReader>,
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
                    Some(day) if day.from < day.to => self.day(reading, second, &day, groups),
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

    fn day(
        &mut self,
        reading: &Reading<'_>,
        second: Option<&StoreReader>,
        day: &Day,
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        self.sealed(reading, day, groups)?;
        self.unsealed(reading, second, day, groups)
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
                let props = self.props(raw);
                match raw.visitor {
                    Some(_) => self.add(reading, &mut visitor, raw, props),
                    None => self.late(reading, raw, props, day, groups),
                }
            })
        })?;
        self.unit(&mut visitor, day, groups);
        Ok(())
    }

    /// What is asked for of an event's properties, where anything is.
    #[inline]
    fn props(&mut self, raw: &RawRow<'_>) -> Option<PropsFound> {
        (!self.asked.is_empty()).then(|| self.asked.find(raw.props, self.props))
    }

    #[inline]
    fn add(
        &mut self,
        reading: &Reading<'_>,
        visitor: &mut Visitor,
        raw: &RawRow<'_>,
        props: Option<PropsFound>,
    ) -> Result<(), StoreError> {
        let (event, possible) = self.numbers.event(reading, raw)?;
        visitor.possible = visitor.possible.or(possible);
        visitor.events.push(event);
        visitor.props.extend(props);
        Ok(())
    }

    /// Counts an event that came too late to have a visitor.
    fn late(
        &mut self,
        reading: &Reading<'_>,
        raw: &RawRow<'_>,
        props: Option<PropsFound>,
        day: &Day,
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        let (event, _) = self.numbers.event(reading, raw)?;
        self.units.late(&event, props, day, groups);
        Ok(())
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

    pub(super) const DAY: LocalDay = LocalDay(20_000);

    fn store_with(path: &std::path::Path, site: &Site, days: i32) -> Store {
        let mut store = Store::open(&path.join("weir.db")).expect("a store");
        let mut batch = store.begin().expect("a batch");
        (0..days).for_each(|n| write_day(&mut batch, site, LocalDay(DAY.0 + n)));
        batch.commit().expect("a commit");
        store
    }

    /// Ten visitors with four views each, 25 minutes apart and in two pieces of the day, and three views
    /// without a visitor.
    fn write_day(batch: &mut Batch<'_>, site: &Site, day: LocalDay) {
        let frame = site.zone.frame(day);
        for n in 0..43u32 {
            let event = UnitEvent {
                time: frame.start + (90 + i64::from(n / 10) * 25) * Millis::MINUTE,
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

    /// A site with so many days, and a question about all of them.
    pub(super) fn with_days<T>(days: i32, work: impl FnOnce(&Asking<'_>, &StoreReader) -> T) -> T {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Millis(i64::from(DAY.0) * Millis::DAY);
        let registry = Registry::open(dir.path(), Arc::new(TestClock::at(now))).expect("a registry");
        let site = registry.add_site("example.com", &Zone::utc()).expect("a site");
        let store = store_with(dir.path(), &site, days);
        let body = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "day"});
        let question = Question::parse(body.to_string().as_bytes()).expect("a question");
        let range = Range::Days(DAY, LocalDay(DAY.0 + days - 1));
        work(&Asking { question: &question, site: &site, now, range, interval: None }, &store.reader())
    }

    fn count_days(bounds: Bounds, days: i32) -> Result<Counters, QueryError> {
        with_days(days, |asking, store| {
            let mut props = PropValues::default();
            let log = Log { bounds, ..Log::new(asking, &[], &mut props) };
            let mut groups = Groups::default();
            log.read(store, &[Piece::Log(DAY, LocalDay(DAY.0 + days - 1), None)], &mut groups)?;
            Ok(groups.get(&Group::default()).copied().unwrap_or_default())
        })
    }

    #[test]
    fn a_day_read_in_shares_counts_as_one_read_whole() {
        let whole = count(BOUNDS).expect("counts");
        let expected = Counters {
            visitors: 10,
            visits: 10,
            pageviews: 43,
            duration_secs: 10 * 4_500,
            ..Counters::default()
        };
        assert_eq!(whole, expected);
        for day_rows_max in [1, 3, 7, 39, 40, 41, 43, 86] {
            for rows_alone_max in [0, 1, 40, 43, 44] {
                let bounds = Bounds { day_rows_max, rows_alone_max, ..BOUNDS };
                assert_eq!(
                    count(bounds).expect("counts"),
                    whole,
                    "{day_rows_max} rows, {rows_alone_max} alone"
                );
            }
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
