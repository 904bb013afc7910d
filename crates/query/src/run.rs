//! Carries a plan out and sums up, row by row of the answer.

mod groups;

mod leaves;

mod rollup;

mod props;

mod log;

use weir_event::{DayFrame, LocalDay, Millis, limits};
use weir_registry::Site;
use weir_store::{Reading, StoreError, StoreReader};

use crate::parse::{Asked, Dimension, Interval, Metric};
use crate::range::{Buckets, Range};
use crate::shape::{Answer, Found};
use crate::{Plan, QueryError, Question, Reads};

pub(crate) use groups::{Group, Groups, NOT_SET};
pub(crate) use props::PropValues;

/// A question put to a site at an instant.
pub(crate) struct Asking<'a> {
    pub question: &'a Question,
    pub site: &'a Site,
    pub now: Millis,
    pub range: Range,
    /// Of the time dimension, plain `time` resolved.
    pub interval: Option<Interval>,
}

/// How the store is read: at one committed state, or, since the log of many days takes long and a long
/// read keeps the database from tidying up, at a state for each piece.
struct Access<'a> {
    store: &'a StoreReader,
    held: Option<&'a Reading<'a>>,
}

impl Access<'_> {
    fn read<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.held {
            Some(reading) => read(reading),
            None => self.store.read(read),
        }
    }
}

/// A range of a question and what is read for it.
struct Period {
    range: Range,
    plan: Plan,
    /// Of the visitors regardless of dimensions, where somebody asked for shares of them.
    total: Option<Plan>,
}

impl Period {
    fn reads_log(&self) -> bool {
        [Some(&self.plan), self.total.as_ref()].into_iter().flatten().any(Plan::reads_log)
    }
}

/// Answers `question` about `site`.
///
/// # Errors
/// [`QueryError::BadRequest`] where the answer would be larger than allowed, [`QueryError::Store`]
/// where the store can't be read.
pub fn run(store: &StoreReader, site: &Site, now: Millis, question: &Question) -> Result<Answer, QueryError> {
    let asking = Asking::new(store, site, now, question)?;
    let whole = asking.period(asking.range);
    let before = asking.comparison().map(|range| asking.period(range));
    if whole.reads_log() || before.as_ref().is_some_and(Period::reads_log) {
        return asking.answer(&Access { store, held: None }, whole, before);
    }
    store.read(|reading| {
        let access = Access { store, held: Some(reading) };
        Ok(asking.answer(&access, whole, before))
    })?
}

/// What [`run`] would read, for those who want to know why an answer takes its time.
///
/// # Errors
/// As [`run`].
pub fn plan(store: &StoreReader, site: &Site, now: Millis, question: &Question) -> Result<Plan, QueryError> {
    let asking = Asking::new(store, site, now, question)?;
    Ok(asking.plan(asking.range))
}

impl<'a> Asking<'a> {
    fn new(
        store: &StoreReader,
        site: &'a Site,
        now: Millis,
        question: &'a Question,
    ) -> Result<Self, QueryError> {
        let first_data = match question.asked {
            Asked::All => store.read(|reading| reading.first_day(site.id))?,
            _ => None,
        };
        let range = Range::resolve(question.asked, &site.zone, now, first_data);
        let interval = question.dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(interval) => Some(interval.unwrap_or_else(|| range.interval())),
            Dimension::Of(_) | Dimension::Prop(_) => None,
        });
        let asking = Self { question, site, now, range, interval };
        asking.check_hours()?;
        Ok(asking)
    }

    fn check_hours(&self) -> Result<(), QueryError> {
        let (first, last) = self.range.days(&self.site.zone);
        let max = limits::QUERY_HOURLY_DAYS_MAX;
        if self.interval == Some(Interval::Hour) && last.0 - first.0 >= max {
            return Err(QueryError::bad(format!("time:hour: the range is longer than {max} days.")));
        }
        Ok(())
    }

    fn plan(&self, range: Range) -> Plan {
        Plan::of(self.question, self.interval, range, &self.site.zone, self.now)
    }

    fn period(&self, range: Range) -> Period {
        let total = self.question.metrics.contains(&Metric::Percentage).then(|| {
            let question = self.without_dimensions();
            Plan::of(&question, None, range, &self.site.zone, self.now)
        });
        Period { range, plan: self.plan(range), total }
    }

    fn without_dimensions(&self) -> Question {
        Question { dimensions: Vec::new(), ..self.question.clone() }
    }

    fn answer(
        &self,
        access: &Access<'_>,
        whole: Period,
        before: Option<Period>,
    ) -> Result<Answer, QueryError> {
        let mut props = PropValues::default();
        let (groups, total) = self.figures(access, &whole, &mut props)?;
        let buckets = self.buckets(access, whole.range)?;
        let previous = before.map(|period| self.previous(access, &period, &mut props)).transpose()?;
        let found = Found { plan: whole.plan, groups, total, buckets, previous };
        Ok(access.read(|reading| Answer::of(self, reading, &props, found))?)
    }

    fn comparison(&self) -> Option<Range> {
        let include = self.question.include.comparison;
        include.then(|| match self.interval {
            // Bucket stands beside bucket: nothing to cut.
            Some(_) => self.range.previous(),
            None => self.range.previous_so_far(&self.site.zone, self.now),
        })
    }

    fn previous(
        &self,
        access: &Access<'_>,
        period: &Period,
        props: &mut PropValues,
    ) -> Result<Previous, QueryError> {
        let (groups, total) = self.figures(access, period, props)?;
        Ok(Previous { range: period.range, groups, total, buckets: self.buckets(access, period.range)? })
    }

    /// Rows, and what shares are shares of; zero where nobody asked.
    fn figures(
        &self,
        access: &Access<'_>,
        period: &Period,
        props: &mut PropValues,
    ) -> Result<(Groups, i64), QueryError> {
        let groups = self.groups(access, &period.plan, props)?;
        let Some(plan) = &period.total else { return Ok((groups, 0)) };
        let question = self.without_dimensions();
        let whole = Asking { question: &question, range: period.range, interval: None, ..*self };
        let total = whole.groups(access, plan, props)?;
        Ok((groups, total.get(&Group::default()).map_or(0, |counters| counters.visitors)))
    }

    fn groups(&self, access: &Access<'_>, plan: &Plan, props: &mut PropValues) -> Result<Groups, QueryError> {
        let mut groups = Groups::default();
        let leaves = access.read(|reading| leaves::resolve(reading, self.site.id, &self.question.leaves))?;
        if let Reads::Rows(statistic) = plan.reads {
            let rows = rollup::Rows::new(self, statistic, &leaves);
            access.read(|reading| rows.read(reading, &plan.pieces, &mut groups))?;
        }
        if plan.reads_log() {
            log::Log::new(self, &leaves, props).read(access.store, &plan.pieces, &mut groups)?;
        }
        if groups.is_overfull() || props.is_overfull() {
            return Err(QueryError::bad(format!(
                "The answer would have more than {} rows; narrow the range or the filters.",
                limits::QUERY_GROUPS_MAX
            )));
        }
        Ok(groups)
    }

    fn buckets(&self, access: &Access<'_>, range: Range) -> Result<Option<Buckets>, QueryError> {
        let Some(interval) = self.interval else { return Ok(None) };
        let days = range.days(&self.site.zone);
        if interval != Interval::Hour {
            return Ok(Some(Buckets::of_days(interval, days)));
        }
        let frames = access.read(|reading| frames(reading, self.site, days))?;
        let bounds = match range {
            Range::Times(from, to) => (from, to),
            Range::Days(..) => (Millis(i64::MIN), Millis(i64::MAX)),
        };
        Ok(Some(Buckets::of_hours(&frames, bounds)))
    }
}

/// The period before, as far as it was found.
pub(crate) struct Previous {
    pub range: Range,
    pub groups: Groups,
    pub total: i64,
    pub buckets: Option<Buckets>,
}

/// Every day from `first` to `last`: as it was folded, or where nothing was, as the zone has it.
fn frames(
    reading: &Reading<'_>,
    site: &Site,
    (first, last): (LocalDay, LocalDay),
) -> Result<Vec<DayFrame>, StoreError> {
    let mut folded = reading.site_days(site.id, first, last)?.into_iter().map(|day| day.frame).peekable();
    let frame = |day| folded.next_if(|frame| frame.day == day).unwrap_or_else(|| site.zone.frame(day));
    Ok((first.0..=last.0).map(LocalDay).map(frame).collect())
}
