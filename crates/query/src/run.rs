//! Carries a plan out and sums up, row by row of the answer.

mod groups;

mod leaves;

mod rollup;

mod props;

mod log;

use weir_event::{DayFrame, LocalDay, Millis, limits};
use weir_registry::Site;
use weir_store::{Reading, StoreReader};

use crate::parse::{Dimension, Interval, Metric};
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

/// Answers `question` about `site`.
///
/// # Errors
/// [`QueryError::BadRequest`] where the answer would be larger than allowed, [`QueryError::Store`]
/// where the store can't be read.
pub fn run(store: &StoreReader, site: &Site, now: Millis, question: &Question) -> Result<Answer, QueryError> {
    let asking = Asking::new(store, site, now, question)?;
    let mut props = PropValues::default();
    let found = asking.find(store, &mut props)?;
    Ok(store.read(|reading| Answer::of(&asking, reading, &props, found))?)
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
        let first_data = store.read(|reading| reading.first_day(site.id))?;
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

    fn find(&self, store: &StoreReader, props: &mut PropValues) -> Result<Found, QueryError> {
        let plan = self.plan(self.range);
        let groups = self.groups(store, &plan, props)?;
        let total = self.total(store, self.range, props)?;
        let buckets = self.buckets(store, self.range)?;
        let previous = match self.comparison() {
            Some(range) => Some(self.previous(store, range, props)?),
            None => None,
        };
        Ok(Found { plan, groups, total, buckets, previous })
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
        store: &StoreReader,
        range: Range,
        props: &mut PropValues,
    ) -> Result<Previous, QueryError> {
        let groups = self.groups(store, &self.plan(range), props)?;
        let total = self.total(store, range, props)?;
        Ok(Previous { range, groups, total, buckets: self.buckets(store, range)? })
    }

    /// Visitors regardless of dimensions: what shares are shares of. Zero where nobody asked.
    fn total(&self, store: &StoreReader, range: Range, props: &mut PropValues) -> Result<i64, QueryError> {
        if !self.question.metrics.contains(&Metric::Percentage) {
            return Ok(0);
        }
        let question = Question { dimensions: Vec::new(), ..self.question.clone() };
        let whole = Asking { question: &question, range, interval: None, ..*self };
        let groups = whole.groups(store, &whole.plan(range), props)?;
        Ok(groups.get(&Group::default()).map_or(0, |counters| counters.visitors))
    }

    fn groups(&self, store: &StoreReader, plan: &Plan, props: &mut PropValues) -> Result<Groups, QueryError> {
        let mut groups = Groups::default();
        let leaves = store.read(|reading| leaves::resolve(reading, self.site.id, &self.question.leaves))?;
        if let Reads::Rows(statistic) = plan.reads {
            let rows = rollup::Rows { asking: self, statistic, leaves: &leaves };
            store.read(|reading| rows.read(reading, &plan.pieces, &mut groups))?;
        }
        log::Log::new(self, &leaves, props).read(store, &plan.pieces, &mut groups)?;
        if groups.is_overfull() || props.is_overfull() {
            return Err(QueryError::bad(format!(
                "The answer would have more than {} rows; narrow the range or the filters.",
                limits::QUERY_GROUPS_MAX
            )));
        }
        Ok(groups)
    }

    fn buckets(&self, store: &StoreReader, range: Range) -> Result<Option<Buckets>, QueryError> {
        let Some(interval) = self.interval else { return Ok(None) };
        let days = range.days(&self.site.zone);
        if interval != Interval::Hour {
            return Ok(Some(Buckets::of_days(interval, days)));
        }
        let frames = store.read(|reading| frames(reading, self.site, days))?;
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
) -> Result<Vec<DayFrame>, weir_store::StoreError> {
    let mut folded = reading.site_days(site.id, first, last)?.into_iter().map(|day| day.frame).peekable();
    let frame = |day| folded.next_if(|frame| frame.day == day).unwrap_or_else(|| site.zone.frame(day));
    Ok((first.0..=last.0).map(LocalDay).map(frame).collect())
}
