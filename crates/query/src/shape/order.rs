use std::cmp::Ordering;
use std::sync::Arc;

use weir_rollups::{Counters, ValueId};
use weir_store::{Reading, StoreError};

use super::{Found, figures, name};
use crate::Question;
use crate::parse::{Dimension, Direction, Order, Ordered};
use crate::range::Buckets;
use crate::run::{Asking, Group, NOT_SET, PropValues};

/// Turns a row's numbers into texts.
pub(super) struct Texts<'a> {
    asking: &'a Asking<'a>,
    reading: &'a Reading<'a>,
    props: &'a PropValues,
}

/// As asked for, or: time ascending, then the first metric descending.
pub(super) fn of(question: &Question) -> Vec<Order> {
    if let Some(order) = question.order.as_ref().filter(|order| !order.is_empty()) {
        return order.clone();
    }
    let time = question.dimensions.iter().position(|dimension| matches!(dimension, Dimension::Time(_)));
    let time = time.map(|place| Order { by: Ordered::Dimension(place), direction: Direction::Ascending });
    time.into_iter().chain([Order { by: Ordered::Metric(0), direction: Direction::Descending }]).collect()
}

pub(super) fn echo(asking: &Asking<'_>, order: Order) -> [String; 2] {
    let by = match order.by {
        Ordered::Metric(place) => asking.question.metrics[place].name().to_owned(),
        Ordered::Dimension(place) => name(asking, &asking.question.dimensions[place]),
    };
    [by, order.direction.name().to_owned()]
}

/// Every row, in order. Rows that are equal in everything asked for stand in the order in which the
/// site first saw their values, so that pages neither overlap nor leave gaps.
pub(super) fn sorted(
    asking: &Asking<'_>,
    order: &[Order],
    found: &Found,
    texts: &Texts<'_>,
) -> Result<Vec<(Group, Counters)>, StoreError> {
    if asking.question.dimensions.is_empty() {
        let group = Group::default();
        return Ok(vec![(group, found.groups.get(&group).copied().unwrap_or_default())]);
    }
    let mut rows = Vec::new();
    for (group, counters) in found.groups.iter() {
        let keys = order.iter().map(|order| key(asking, found, texts, *order, group, counters));
        rows.push((keys.collect::<Result<Vec<_>, _>>()?, *group, *counters));
    }
    rows.sort_unstable_by(|(a_keys, a, _), (b_keys, b, _)| {
        let by_keys =
            order.iter().zip(a_keys.iter().zip(b_keys)).map(|(order, (a, b))| match order.direction {
                Direction::Ascending => a.compare(b),
                Direction::Descending => b.compare(a),
            });
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| a.cmp(b))
    });
    Ok(rows.into_iter().map(|(_, group, counters)| (group, counters)).collect())
}

/// What a row is ordered by.
enum Key {
    Number(f64),
    Text(Arc<str>),
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

fn key(
    asking: &Asking<'_>,
    found: &Found,
    texts: &Texts<'_>,
    order: Order,
    group: &Group,
    counters: &Counters,
) -> Result<Key, StoreError> {
    Ok(match order.by {
        Ordered::Metric(place) => {
            Key::Number(figures::value(asking.question.metrics[place], counters, found.total))
        }
        Ordered::Dimension(place) => match asking.question.dimensions[place] {
            Dimension::Time(_) => Key::Number(group.bucket as f64),
            _ => Key::Text(texts.of_place(group, place)?),
        },
    })
}

impl<'a> Texts<'a> {
    pub fn new(asking: &'a Asking<'a>, reading: &'a Reading<'a>, props: &'a PropValues) -> Self {
        Self { asking, reading, props }
    }

    pub fn of_row(&self, group: &Group, buckets: Option<&Buckets>) -> Result<Vec<String>, StoreError> {
        let dimensions = self.asking.question.dimensions.iter().enumerate();
        let text = |(place, dimension): (usize, &Dimension)| match dimension {
            Dimension::Time(_) => {
                Ok(buckets.and_then(|buckets| buckets.label(group.bucket)).unwrap_or_default().to_owned())
            }
            _ => self.of_place(group, place).map(|text| text.to_string()),
        };
        dimensions.map(text).collect()
    }

    /// `place` is the dimension's in the question; a group's values leave the time out.
    fn of_place(&self, group: &Group, place: usize) -> Result<Arc<str>, StoreError> {
        let dimensions = &self.asking.question.dimensions;
        let told = dimensions[..place].iter().filter(|dimension| !matches!(dimension, Dimension::Time(_)));
        let value = group.values[told.count()];
        let dimension = &dimensions[place];
        if value == NOT_SET {
            return Ok(Arc::from(dimension.absent()));
        }
        match dimension {
            Dimension::Prop(_) => Ok(self.props.text(value).cloned().unwrap_or_default()),
            Dimension::Of(_) | Dimension::Time(_) => self.reading.text(ValueId(value)),
        }
    }
}
