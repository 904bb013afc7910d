//! `flow_stats`: the first steps from page to page within a visit, by day.

use crate::{ValueId, Visit, page};

/// Steps told per visit; longer walks blur into noise and would grow without bound.
const STEPS_MAX: usize = 5;

/// (step, from, to) of a visit, steps counted from one.
pub(crate) fn steps<'a>(visit: &'a Visit<'a>) -> impl Iterator<Item = (u8, ValueId, ValueId)> + 'a {
    let from = page::walk(visit.events);
    let to = page::walk(visit.events).skip(1);
    (1u8..).zip(from.zip(to)).take(STEPS_MAX).map(|(step, (from, to))| (step, from, to))
}
