//! Counts one visitor's day under what the question tells apart.

use weir_event::{Kind, Millis, limits};
use weir_rollups::{Counters, Seen, Statistic, UnitEvent, Visit, visits};

use super::tally::Tally;
use super::{Day, Visitor};
use crate::parse::{Dimension, Filter, Interval};
use crate::run::leaves::Test;
use crate::run::props::PropsFound;
use crate::run::{Asking, Group, Groups, NOT_SET};

type Values = [u32; limits::DIMENSIONS_MAX];

/// Reads a question, and keeps what is needed from one visitor to the next.
pub(super) struct Units<'a> {
    filter: &'a Filter,
    leaves: &'a [Test],
    interval: Option<Interval>,
    /// The question's dimensions without the time; `None`: a property.
    told: Vec<Option<Statistic>>,
    /// Nothing that is told or tested differs between events of a visit.
    is_of_visit: bool,
    tally: Tally,
}

impl<'a> Units<'a> {
    pub fn new(asking: &'a Asking<'a>, leaves: &'a [Test]) -> Self {
        let told = asking.question.dimensions.iter().filter_map(|dimension| match dimension {
            Dimension::Time(_) => None,
            Dimension::Of(statistic) => Some(Some(*statistic)),
            Dimension::Prop(_) => Some(None),
        });
        let told: Vec<_> = told.collect();
        let is_of_visit = |statistic: &Option<Statistic>| statistic.is_some_and(Statistic::is_of_visit);
        let tested = leaves.iter().map(|leaf| match leaf {
            Test::Value { statistic, .. } => Some(*statistic),
            Test::Prop => None,
        });
        Self {
            filter: &asking.question.filter,
            leaves,
            interval: asking.interval,
            is_of_visit: told.iter().copied().chain(tested).all(|statistic| is_of_visit(&statistic)),
            told,
            tally: Tally::default(),
        }
    }

    /// Counts what one visitor did.
    pub fn count(&mut self, visitor: &Visitor, day: &Day, groups: &mut Groups) {
        let (events, props) = (&visitor.events, &visitor.props);
        let visits = visits(events, &day.folded.frame, day.folded.visit_timeout_secs);
        for (number, visit) in visits.iter().enumerate() {
            let first = visit.events[0].order();
            let before = if props.is_empty() { 0 } else { events.partition_point(|e| e.order() < first) };
            self.visit(number + 1, visit, props.get(before..).unwrap_or_default(), day);
        }
        self.tally.add_to(groups);
    }

    /// `props` are those of the visit's events and later ones, or none.
    fn visit(&mut self, number: usize, visit: &Visit<'_>, props: &[PropsFound], day: &Day) {
        let start = Millis::from_secs(visit.start_secs);
        let starts_inside = visit.counts && day.from <= start && start < day.to;
        let mut values = None;
        for (place, event) in visit.events.iter().enumerate() {
            if !event.is_counted() {
                continue;
            }
            if values.is_none() || !self.is_of_visit {
                let seen = Seen { visit: Some(visit), event };
                values = Some(self.values(seen, props.get(place).copied().unwrap_or_default()));
            }
            let Some(Some(values)) = values else { continue };
            if day.from <= event.time && event.time < day.to {
                let group = self.group(day, event.time.secs(), values);
                let own = own_counts(event);
                let counters = &mut self.tally.at(group).counters;
                counters.visitors = 1;
                counters.pageviews += own.pageviews;
                counters.events += own.events;
            }
            if starts_inside {
                let group = self.group(day, visit.start_secs, values);
                let tallied = self.tally.at(group);
                if tallied.visit != number {
                    tallied.visit = number;
                    tallied.counters += visit_counts(visit);
                }
            }
        }
    }

    /// An event that came too late to have a visitor is a view or an event, and nothing else.
    pub fn late(&self, event: &UnitEvent, props: Option<PropsFound>, day: &Day, groups: &mut Groups) {
        if !event.is_counted() || event.time < day.from || day.to <= event.time {
            return;
        }
        if let Some(values) = self.values(Seen { visit: None, event }, props.unwrap_or_default()) {
            groups.add(self.group(day, event.time.secs(), values), own_counts(event));
        }
    }

    /// The values that an event counts under; `None` where it doesn't pass the filters, or has none
    /// of the values that rows are told apart by.
    fn values(&self, seen: Seen<'_>, props: PropsFound) -> Option<Values> {
        let passes = self.filter.holds(&|leaf| match &self.leaves[leaf] {
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
        let bucket = match self.interval {
            Some(Interval::Hour) => day.folded.frame.hour_of(secs),
            Some(_) => day.bucket,
            None => 0,
        };
        Group { bucket, values }
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
