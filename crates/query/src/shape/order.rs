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

/// The rows of the page that was asked for, in order, and how many there are in all. Rows that are
/// equal in everything asked for stand in the order in which the site first saw their values, so that
/// pages neither overlap nor leave gaps.
pub(super) fn page(
    asking: &Asking<'_>,
    order: &[Order],
    found: &Found,
    texts: &Texts<'_>,
) -> Result<(Vec<(Group, Counters)>, usize), StoreError> {
    let page = asking.question.pagination;
    if asking.question.dimensions.is_empty() {
        let group = Group::default();
        let row = (group, found.groups.get(&group).copied().unwrap_or_default());
        return Ok((vec![row].into_iter().skip(page.offset).take(page.limit).collect(), 1));
    }
    let mut rows = Vec::with_capacity(found.groups.len());
    for (group, counters) in found.groups.iter() {
        let key = |order: &Order| key(asking, found, texts, *order, group, counters);
        // Nearly always it is one, which then needs no room of its own.
        let first = order.first().map(key).transpose()?;
        let others = order.iter().skip(1).map(key).collect::<Result<Vec<_>, _>>()?;
        rows.push((first, others, group, counters));
    }
    let directed = |order: &Order, ordering: Ordering| match order.direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    };
    let compare = |(a_first, a_others, a, _): &Ranked<'_>, (b_first, b_others, b, _): &Ranked<'_>| {
        let (a_keys, b_keys) = (a_first.iter().chain(a_others), b_first.iter().chain(b_others));
        let by_keys =
            order.iter().zip(a_keys.zip(b_keys)).map(|(order, (a, b))| directed(order, a.compare(b)));
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| a.cmp(b))
    };
    let total = rows.len();
    let end = page.offset.saturating_add(page.limit).min(total);
    if 0 < end && end < total {
        rows.select_nth_unstable_by(end - 1, compare);
    }
    rows.truncate(end);
    rows.sort_unstable_by(compare);
    let rows = rows.into_iter().skip(page.offset).map(|(_, _, group, counters)| (*group, *counters));
    Ok((rows.collect(), total))
}

/// A row and what it is ordered by: the first key, and the others.
type Ranked<'a> = (Option<Key>, Vec<Key>, &'a Group, &'a Counters);

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
