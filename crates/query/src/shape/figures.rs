use weir_rollups::Counters;

use super::Figure;
use crate::parse::Metric;

/// Unrounded, for ordering and for changes. The average of nothing is zero.
pub(super) fn value(metric: Metric, counters: &Counters, total_visitors: i64) -> f64 {
    let per = |sum: i64, of: i64| if of == 0 { 0.0 } else { sum as f64 / of as f64 };
    match metric {
        Metric::Visitors => counters.visitors as f64,
        Metric::Visits => counters.visits as f64,
        Metric::Pageviews => counters.pageviews as f64,
        Metric::Events => (counters.pageviews + counters.events) as f64,
        Metric::ViewsPerVisit => per(counters.pageviews, counters.visits),
        Metric::BounceRate => 100.0 * per(counters.bounces, counters.visits),
        Metric::VisitDuration => per(counters.duration_secs, counters.visits),
        Metric::Percentage => 100.0 * per(counters.visitors, total_visitors),
    }
}

pub(super) fn figure(metric: Metric, counters: &Counters, total_visitors: i64) -> Figure {
    let value = value(metric, counters, total_visitors);
    match metric {
        Metric::Visitors | Metric::Visits | Metric::Pageviews | Metric::Events | Metric::VisitDuration => {
            Figure::Whole(value.round() as i64)
        }
        Metric::ViewsPerVisit => real(value, 100.0),
        Metric::BounceRate | Metric::Percentage => real(value, 10.0),
    }
}

/// In percent of `before`.
pub(super) fn change(before: f64, now: f64) -> Option<f64> {
    if before == 0.0 {
        return (now == 0.0).then_some(0.0);
    }
    Some(rounded(100.0 * (now - before) / before, 10.0))
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// Whole where it is whole: 94, not 94.0.
fn real(value: f64, parts: f64) -> Figure {
    let value = rounded(value, parts);
    if value.fract() == 0.0 { Figure::Whole(value as i64) } else { Figure::Real(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_from_counters() {
        let counters = Counters {
            visitors: 30,
            first_visitors: 30,
            visits: 40,
            pageviews: 90,
            events: 7,
            bounces: 15,
            duration_secs: 4_019,
            amount: 0,
        };
        let told = |metric| figure(metric, &counters, 90);
        assert_eq!(told(Metric::Visitors), Figure::Whole(30));
        assert_eq!(told(Metric::Visits), Figure::Whole(40));
        assert_eq!(told(Metric::Pageviews), Figure::Whole(90));
        assert_eq!(told(Metric::Events), Figure::Whole(97));
        assert_eq!(told(Metric::ViewsPerVisit), Figure::Real(2.25));
        assert_eq!(told(Metric::BounceRate), Figure::Real(37.5));
        assert_eq!(told(Metric::VisitDuration), Figure::Whole(100));
        assert_eq!(told(Metric::Percentage), Figure::Real(33.3));
    }

    #[test]
    fn nothing_divides_by_zero() {
        for metric in [Metric::ViewsPerVisit, Metric::BounceRate, Metric::VisitDuration, Metric::Percentage] {
            assert_eq!(figure(metric, &Counters::default(), 0), Figure::Whole(0), "{metric:?}");
        }
    }

    #[test]
    fn changes_are_relative_to_the_period_before() {
        assert_eq!(change(80.0, 100.0), Some(25.0));
        assert_eq!(change(3.0, 2.0), Some(-33.3));
        assert_eq!(change(0.0, 0.0), Some(0.0));
        assert_eq!(change(0.0, 5.0), None);
    }
}
