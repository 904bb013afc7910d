//! What must hold of any question. Behind `--cfg fuzzing`, which no release sets, and in tests.

use weir_event::limits::{DIMENSIONS_MAX, FILTERS_MAX, METRICS_MAX, QUERY_ROWS_MAX};
use weir_event::{LocalDay, Millis, Zone};

use crate::parse::Dimension;
use crate::range::{Buckets, Range, iso};
use crate::{Piece, Plan, Question};

const ZONES: [&str; 4] = ["UTC", "America/New_York", "Asia/Kathmandu", "Africa/Cairo"];

/// The middle of a day on which New York's clocks have turned.
const NOW: Millis = Millis(1_793_548_800_000);

/// A question is refused with a sentence, or is within its limits and has a range and a plan.
pub fn question(data: &[u8]) {
    let question = match Question::parse(data) {
        Ok(question) => question,
        Err(refusal) => {
            let sentence = refusal.to_string();
            assert!((1..10_000).contains(&sentence.len()), "{} bytes say why not", sentence.len());
            return;
        }
    };
    assert!((1..=METRICS_MAX).contains(&question.metrics.len()));
    assert!(question.dimensions.len() <= DIMENSIONS_MAX && question.leaves.len() <= FILTERS_MAX);
    assert!((1..=QUERY_ROWS_MAX).contains(&question.pagination.limit));
    ZONES.iter().for_each(|zone| plan(&question, &zone.parse().expect("a zone")));
}

fn plan(question: &Question, zone: &Zone) {
    let range = Range::resolve(question.asked, zone, NOW, Some(LocalDay(19_000)));
    let bounds @ (from, to) = range.bounds(zone);
    let days @ (first, last) = range.days(zone);
    assert!(from < to && first <= last, "{range:?}");
    assert_eq!(iso(zone, from).len(), "2026-01-01T00:00:00+00:00".len(), "{range:?}");
    let before = range.previous();
    assert!(before.bounds(zone).1 <= from, "{range:?} begins before {before:?} ends");
    assert!(range.previous_so_far(zone, NOW).bounds(zone).1 <= from, "{range:?}");
    let interval = question.dimensions.iter().find_map(|dimension| match dimension {
        Dimension::Time(interval) => Some(interval.unwrap_or_else(|| range.interval())),
        Dimension::Of(_) | Dimension::Prop(_) => None,
    });
    // Longer ones are a test of patience only.
    if last.0 - first.0 < 1_000 {
        pieces_cover(&Plan::of(question, interval, range, zone, NOW), days, bounds);
        let buckets = Buckets::of_days(interval.unwrap_or_else(|| range.interval()), days);
        assert!(buckets.labels().count() > 0);
    }
}

/// In order, without gap or overlap.
fn pieces_cover(plan: &Plan, (first, last): (LocalDay, LocalDay), bounds: (Millis, Millis)) {
    let mut next = first;
    for piece in &plan.pieces {
        let (from, to, within) = match *piece {
            Piece::Months(from, to) => (from.first_day(), to.next().first_day().previous(), None),
            Piece::Days(from, to) => (from, to, None),
            Piece::Hours(from, to, within) | Piece::Log(from, to, within) => (from, to, within),
        };
        assert!(from == next && from <= to, "{plan:?} of {first} to {last}");
        // An end past the present may be read further: nothing is there yet.
        let ends_within = |b| b <= bounds.1 || bounds.1 > NOW;
        assert!(within.is_none_or(|(a, b)| bounds.0 <= a && a < b && ends_within(b)), "{plan:?}");
        next = to.next();
    }
    // Days to come have no figures and need not be read.
    assert!(next <= last.next(), "{plan:?} of {first} to {last}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_body_is_a_question_or_refused() {
        weir_testkit::replay("question", super::question);
    }
}
