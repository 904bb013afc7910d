//! Where no rows may be: buckets that lie in no day which the store knows.

use weir_event::Grain;
use weir_store::SiteDay;

/// Ranges of buckets between, before and after a site's days, which ascend.
pub(crate) fn gaps(days: &[SiteDay]) -> Vec<(Grain, i64, i64)> {
    let hours = days.iter().map(|day| (day.frame.start.secs(), day.frame.end.secs() - 1));
    let numbers = days.iter().map(|day| i64::from(day.frame.day.0));
    let months = days.iter().map(|day| i64::from(day.frame.day.month().0));
    let mut gaps = between(Grain::Hour, hours);
    gaps.extend(between(Grain::Day, numbers.map(|day| (day, day))));
    gaps.extend(between(Grain::Month, months.map(|month| (month, month))));
    gaps
}

fn between(grain: Grain, taken: impl Iterator<Item = (i64, i64)>) -> Vec<(Grain, i64, i64)> {
    let mut gaps = Vec::new();
    let mut free = i64::MIN;
    for (first, last) in taken {
        if free < first {
            gaps.push((grain, free, first - 1));
        }
        free = last + 1;
    }
    gaps.push((grain, free, i64::MAX));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_no_range_takes() {
        let check = |taken: &[(i64, i64)], expected: &[(i64, i64)]| {
            let found = between(Grain::Day, taken.iter().copied());
            let found: Vec<_> = found.into_iter().map(|(_, from, to)| (from, to)).collect();
            assert_eq!(found, expected, "{taken:?}");
        };
        check(&[], &[(i64::MIN, i64::MAX)]);
        check(&[(3, 5)], &[(i64::MIN, 2), (6, i64::MAX)]);
        check(&[(3, 5), (6, 7)], &[(i64::MIN, 2), (8, i64::MAX)]);
        check(&[(3, 3), (3, 3), (5, 5)], &[(i64::MIN, 2), (4, 4), (6, i64::MAX)]);
    }
}
