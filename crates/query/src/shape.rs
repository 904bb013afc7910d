//! The answer as JSON will have it: ordered, cut into a page, in texts.

mod answer;

mod figures;

mod order;

use std::collections::BTreeMap;

use weir_event::Millis;
use weir_rollups::Counters;
use weir_store::{Reading, StoreError};

use crate::Plan;
use crate::parse::{Dimension, Interval, Metric};
use crate::range::{Buckets, iso};
use crate::run::{Asking, Group, Groups, Previous, PropValues};

pub use answer::{Answer, Comparison, Echo, EchoInclude, Figure, Meta, PageEcho, Row, Warning};

use order::Texts;

/// What a run has found, before it is ordered and told.
pub(crate) struct Found {
    pub plan: Plan,
    pub groups: Groups,
    /// Visitors regardless of dimensions.
    pub total: i64,
    /// Of the time dimension.
    pub buckets: Option<Buckets>,
    pub previous: Option<Previous>,
}

impl Answer {
    pub(crate) fn of(
        asking: &Asking<'_>,
        reading: &Reading<'_>,
        props: &PropValues,
        found: Found,
    ) -> Result<Self, StoreError> {
        let order = order::of(asking.question);
        let texts = Texts::new(asking, reading, props);
        let (rows, total_rows) = order::page(asking, &order, &found, &texts)?;
        let results: Vec<Row> = rows
            .iter()
            .map(|(group, counters)| row(asking, &found, &texts, group, counters))
            .collect::<Result<_, _>>()?;
        let meta = meta(asking, &found, total_rows);
        Ok(Self { results, meta, query: echo(asking, &order, &found) })
    }
}

fn row(
    asking: &Asking<'_>,
    found: &Found,
    texts: &Texts<'_>,
    group: &Group,
    counters: &Counters,
) -> Result<Row, StoreError> {
    let metrics = &asking.question.metrics;
    let dimensions = texts.of_row(group, found.buckets.as_ref())?;
    let comparison = found.previous.as_ref().map(|previous| {
        let group_before = counterpart(group, found.buckets.as_ref(), previous.buckets.as_ref());
        let before = group_before.and_then(|group| previous.groups.get(&group)).copied().unwrap_or_default();
        let dimensions = match group_before {
            Some(group) => texts.of_row(&group, previous.buckets.as_ref())?,
            None => dimensions.clone(),
        };
        let metrics_before =
            metrics.iter().map(|metric| figures::figure(*metric, &before, previous.total)).collect();
        let change = metrics.iter().map(|metric| {
            let now = figures::value(*metric, counters, found.total);
            figures::change(figures::value(*metric, &before, previous.total), now)
        });
        Ok::<_, StoreError>(Comparison { metrics: metrics_before, change: change.collect(), dimensions })
    });
    Ok(Row {
        metrics: metrics.iter().map(|metric| figures::figure(*metric, counters, found.total)).collect(),
        comparison: comparison.transpose()?,
        dimensions,
    })
}

/// The row of the period before that stands beside this one: the same values, the bucket at the same
/// place. `None` where that period has no such bucket.
fn counterpart(group: &Group, buckets: Option<&Buckets>, before: Option<&Buckets>) -> Option<Group> {
    let (Some(buckets), Some(before)) = (buckets, before) else { return Some(*group) };
    let bucket = before.at(buckets.place(group.bucket)?)?;
    Some(Group { bucket, ..*group })
}

fn meta(asking: &Asking<'_>, found: &Found, rows: usize) -> Meta {
    let include = asking.question.include;
    let labels = || found.buckets.as_ref().map(|buckets| buckets.labels().map(str::to_owned).collect());
    let plan = || {
        let reads = [format!("reads {}", found.plan.reads)];
        reads.into_iter().chain(found.plan.pieces.iter().map(ToString::to_string)).collect()
    };
    Meta {
        time_labels: include.time_labels.then(labels).flatten(),
        total_rows: include.total_rows.then_some(rows),
        metric_warnings: warnings(asking, found),
        plan: include.plan.then(plan),
        complete_until: None,
        pending: None,
    }
}

fn warnings(asking: &Asking<'_>, found: &Found) -> BTreeMap<String, Warning> {
    let mut warnings = BTreeMap::new();
    let (first, last) = asking.range.days(&asking.site.zone);
    let sums_days = first < last && !matches!(asking.interval, Some(Interval::Hour | Interval::Day));
    for metric in &asking.question.metrics {
        let warning = if found.groups.lack_events() {
            Warning {
                code: "events_expired".to_owned(),
                warning:
                    "Some days of the range are kept as statistics only; this query needs their events, so \
                          they count as empty."
                        .to_owned(),
            }
        } else if sums_days && *metric == Metric::Visitors {
            Warning {
                code: "sum_of_daily_visitors".to_owned(),
                warning: "Visitors are distinct within a day. Over several days this is the sum of daily visitors: \
                          nobody can be recognised across days."
                    .to_owned(),
            }
        } else {
            continue;
        };
        warnings.insert(metric.name().to_owned(), warning);
    }
    warnings
}

fn echo(asking: &Asking<'_>, order: &[crate::parse::Order], found: &Found) -> Echo {
    let question = asking.question;
    let zone = &asking.site.zone;
    let told = |range: crate::range::Range| {
        let (from, to) = range.bounds(zone);
        [iso(zone, from), iso(zone, to - Millis::SECOND)]
    };
    Echo {
        site_id: question.site.clone(),
        metrics: question.metrics.iter().map(|metric| metric.name().to_owned()).collect(),
        date_range: told(asking.range),
        comparison_date_range: found.previous.as_ref().map(|previous| told(previous.range)),
        filters: question.filters.clone(),
        dimensions: question.dimensions.iter().map(|dimension| name(asking, dimension)).collect(),
        order_by: order.iter().map(|order| order::echo(asking, *order)).collect(),
        include: EchoInclude::of(question.include),
        pagination: PageEcho { offset: question.pagination.offset, limit: question.pagination.limit },
    }
}

/// Plain `time` goes by what it was taken for.
fn name(asking: &Asking<'_>, dimension: &Dimension) -> String {
    match dimension {
        Dimension::Time(_) => Dimension::Time(asking.interval).name(),
        Dimension::Of(_) | Dimension::Prop(_) => dimension.name(),
    }
}
