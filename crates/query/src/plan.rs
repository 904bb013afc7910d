//! What to read: the coarsest grain that covers the range exactly, the log only where nothing else
//! can tell.

use std::fmt;

use weir_event::{DayFrame, LocalDay, Millis, Month, Zone, limits};
use weir_rollups::Statistic;

use crate::parse::{Dimension, Interval, Leaf, Matcher, Question};
use crate::range::Range;

/// Where the figures come from and which pieces of the range are read how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub reads: Reads,
    /// Ascending, without gap or overlap.
    pub pieces: Vec<Piece>,
}

/// Which statistic has the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// This one's rows are the answer's, but for those that the filters leave out.
    Rows(Statistic),
    /// None: events have to be looked at one by one.
    Log,
}

/// A part of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    Months(Month, Month),
    Days(LocalDay, LocalDay),
    /// Hours of these days, all or those within the instants.
    Hours(LocalDay, LocalDay, Option<(Millis, Millis)>),
    /// Events of these days, all or those within the instants.
    Log(LocalDay, LocalDay, Option<(Millis, Millis)>),
}

/// What of a question decides about the grain.
#[derive(Debug, Clone, Copy)]
struct Demand {
    /// Of the time dimension.
    interval: Option<Interval>,
    /// Distinct visitors are asked for: hours of a day can be added up to them only from the day's
    /// beginning.
    distinct: bool,
}

impl Plan {
    /// `interval` is the time dimension's, plain `time` resolved.
    pub(crate) fn of(
        question: &Question,
        interval: Option<Interval>,
        range: Range,
        zone: &Zone,
        now: Millis,
    ) -> Self {
        let demand =
            Demand { interval, distinct: question.metrics.iter().any(|metric| metric.is_distinct()) };
        let reads = reads(question);
        let pieces = match reads {
            Reads::Rows(_) => demand.pieces(range, zone, now),
            Reads::Log => vec![log(range, zone)],
        };
        Self { reads, pieces }
    }

    pub(crate) fn reads_log(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Log(..)))
    }
}

fn reads(question: &Question) -> Reads {
    let told: Vec<_> =
        question.dimensions.iter().filter(|dimension| !matches!(dimension, Dimension::Time(_))).collect();
    let rows = match told.as_slice() {
        [] if question.leaves.is_empty() => Some(Statistic::Site),
        [] => one_value(question),
        [Dimension::Of(statistic)] => Some(*statistic).filter(|_| filters_only(question, *statistic)),
        _ => None,
    };
    rows.map_or(Reads::Log, Reads::Rows)
}

/// Filtered by nothing but the dimension that tells rows apart: a row passes whole, or not at all.
fn filters_only(question: &Question, statistic: Statistic) -> bool {
    question.leaves.iter().all(|leaf| leaf.dimension == Dimension::Of(statistic))
}

/// Filtered to a single value of a single dimension: its row is the answer. More values would count
/// visitors of both twice, and the absent value may have no row.
fn one_value(question: &Question) -> Option<Statistic> {
    match question.leaves.get(question.filter.single()?)? {
        Leaf { dimension: Dimension::Of(statistic), matcher: Matcher::Is(clauses), negated: false } => {
            matches!(clauses.as_slice(), [value] if !value.is_empty()).then_some(*statistic)
        }
        _ => None,
    }
}

fn log(range: Range, zone: &Zone) -> Piece {
    let (first, last) = range.days(zone);
    match range {
        Range::Days(..) => Piece::Log(first, last, None),
        Range::Times(from, to) => Piece::Log(first, last, Some((from, to))),
    }
}

impl Demand {
    fn pieces(self, range: Range, zone: &Zone, now: Millis) -> Vec<Piece> {
        let (from, to) = match range {
            Range::Days(first, last) => return self.whole(first, last),
            Range::Times(from, to) => (from, past_the_present(to, zone, now)),
        };
        let (first, last) = (zone.frame(zone.day_of(from)), zone.frame(zone.day_of(to - 1)));
        let mut pieces = Vec::new();
        if first.day == last.day {
            self.part(&first, from, to, &mut pieces);
            return pieces;
        }
        let whole_first = from == first.start;
        let whole_last = to == last.end;
        if !whole_first {
            self.part(&first, from, first.end, &mut pieces);
        }
        let middle_first = if whole_first { first.day } else { first.day.next() };
        let middle_last = if whole_last { last.day } else { last.day.previous() };
        if middle_first <= middle_last {
            pieces.extend(self.whole(middle_first, middle_last));
        }
        if !whole_last {
            self.part(&last, last.start, to, &mut pieces);
        }
        pieces
    }

    fn whole(self, first: LocalDay, last: LocalDay) -> Vec<Piece> {
        match self.interval {
            Some(Interval::Hour) => vec![Piece::Hours(first, last, None)],
            Some(Interval::Day | Interval::Week) => vec![Piece::Days(first, last)],
            None | Some(Interval::Month) => months(first, last),
        }
    }

    fn part(self, frame: &DayFrame, from: Millis, to: Millis, pieces: &mut Vec<Piece>) {
        if from == frame.start && to == frame.end {
            return pieces.extend(self.whole(frame.day, frame.day));
        }
        let full_hour =
            |time: Millis| time == frame.end || Millis::from_secs(frame.hour_of(time.secs())) == time;
        let adds_up = self.interval == Some(Interval::Hour) || !self.distinct || from == frame.start;
        let clip = Some((from, to));
        pieces.push(if full_hour(from) && full_hour(to) && adds_up {
            Piece::Hours(frame.day, frame.day, clip)
        } else {
            Piece::Log(frame.day, frame.day, clip)
        });
    }
}

/// Whole months as months, the days around them as days.
fn months(first: LocalDay, last: LocalDay) -> Vec<Piece> {
    let begins = first == first.month().first_day();
    let ends = last == last.month().next().first_day().previous();
    let from = if begins { first.month() } else { first.month().next() };
    let to = if ends { last.month() } else { Month(last.month().0 - 1) };
    if from > to {
        return vec![Piece::Days(first, last)];
    }
    let mut pieces = Vec::new();
    if !begins {
        pieces.push(Piece::Days(first, from.first_day().previous()));
    }
    pieces.push(Piece::Months(from, to));
    if !ends {
        pieces.push(Piece::Days(to.next().first_day(), last));
    }
    pieces
}

/// Nothing has happened after the present yet, so a range that ends there may as well end with the
/// day, whose sum is at hand. Events may be a little ahead of the server's clock, hence not where
/// these could be the next day's.
fn past_the_present(to: Millis, zone: &Zone, now: Millis) -> Millis {
    let today = zone.day_of(now);
    let (start, end) = (zone.start_of(today), zone.start_of(today.next()));
    let none_later = now + limits::EVENT_AHEAD_MS_MAX < end;
    if to > now && to > start && to < end && none_later { end } else { to }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clipped = |clip: &Option<_>| if clip.is_some() { ", in part" } else { "" };
        match self {
            Self::Months(first, last) => {
                write!(f, "months {} to {}", first.first_day(), last.next().first_day().previous())
            }
            Self::Days(first, last) => write!(f, "days {first} to {last}"),
            Self::Hours(first, last, clip) => write!(f, "hours {first} to {last}{}", clipped(clip)),
            Self::Log(first, last, clip) => write!(f, "log {first} to {last}{}", clipped(clip)),
        }
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(statistic) => f.write_str(statistic.table().name()),
            Self::Log => f.write_str("events"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn day(text: &str) -> LocalDay {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> Millis {
        Millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    }

    fn month(text: &str) -> Month {
        day(text).month()
    }

    const NOW: &str = "2026-03-15T14:37:00Z";

    fn plan(zone: &str, changes: Value) -> Plan {
        let mut body = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "7d"});
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        let question = Question::parse(body.to_string().as_bytes()).expect("a question");
        let zone: Zone = zone.parse().expect("a zone");
        let range = Range::resolve(question.asked, &zone, at(NOW), None);
        let interval = question.dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Time(interval) => Some(interval.unwrap_or(range.interval())),
            _ => None,
        });
        Plan::of(&question, interval, range, &zone, at(NOW))
    }

    fn check_pieces(changes: Value, pieces: &[Piece]) {
        assert_eq!(plan("UTC", changes.clone()).pieces, pieces, "{changes}");
    }

    #[test]
    fn whole_months_are_read_as_months_and_what_is_left_as_days() {
        let custom = |from, to| json!({"date_range": [from, to]});
        check_pieces(json!({"date_range": "7d"}), &[Piece::Days(day("2026-03-08"), day("2026-03-14"))]);
        check_pieces(
            json!({"date_range": "6mo"}),
            &[Piece::Months(month("2025-09-01"), month("2026-02-01"))],
        );
        let around = [
            Piece::Days(day("2026-01-20"), day("2026-01-31")),
            Piece::Months(month("2026-02-01"), month("2026-02-01")),
            Piece::Days(day("2026-03-01"), day("2026-03-02")),
        ];
        check_pieces(custom("2026-01-20", "2026-03-02"), &around);
        let none = [Piece::Days(day("2026-01-20"), day("2026-02-10"))];
        check_pieces(custom("2026-01-20", "2026-02-10"), &none);
        let leap = [Piece::Months(month("2028-02-01"), month("2028-02-01"))];
        check_pieces(custom("2028-02-01", "2028-02-29"), &leap);
    }

    #[test]
    fn a_time_dimension_limits_the_grain() {
        let by = |time: &str| json!({"date_range": ["2026-01-01", "2026-02-28"], "dimensions": [time]});
        let days = [Piece::Days(day("2026-01-01"), day("2026-02-28"))];
        check_pieces(by("time:day"), &days);
        check_pieces(by("time:week"), &days);
        check_pieces(by("time:hour"), &[Piece::Hours(day("2026-01-01"), day("2026-02-28"), None)]);
        check_pieces(by("time:month"), &[Piece::Months(month("2026-01-01"), month("2026-02-01"))]);
    }

    #[test]
    fn a_part_of_a_day_is_read_by_hours_unless_visitors_do_not_add_up() {
        let (from, to) = ("2026-03-10T06:00:00Z", "2026-03-10T09:59:59Z");
        let clip = Some((at(from), at("2026-03-10T10:00:00Z")));
        let part = day("2026-03-10");
        let changes = |metric: &str| json!({"date_range": [from, to], "metrics": [metric]});
        check_pieces(changes("visits"), &[Piece::Hours(part, part, clip)]);
        check_pieces(changes("visitors"), &[Piece::Log(part, part, clip)]);
        // Hour by hour each has its own distinct visitors.
        let hourly = json!({"date_range": [from, to], "dimensions": ["time:hour"]});
        check_pieces(hourly, &[Piece::Hours(part, part, clip)]);
        // From the day's beginning, those first seen in each hour add up.
        let prefix = json!({"date_range": ["2026-03-10T00:00:00Z", to]});
        let clip = Some((at("2026-03-10T00:00:00Z"), at("2026-03-10T10:00:00Z")));
        check_pieces(prefix, &[Piece::Hours(part, part, clip)]);
        // Not whole hours.
        let odd =
            json!({"date_range": ["2026-03-10T00:00:00Z", "2026-03-10T09:30:00Z"], "metrics": ["visits"]});
        let clip = Some((at("2026-03-10T00:00:00Z"), at("2026-03-10T09:30:01Z")));
        check_pieces(odd, &[Piece::Log(part, part, clip)]);
        // A whole day, told by its instants.
        let whole = json!({"date_range": ["2026-03-10T00:00:00Z", "2026-03-10T23:59:59Z"]});
        check_pieces(whole, &[Piece::Days(part, part)]);
    }

    #[test]
    fn times_over_several_days_are_days_with_edges() {
        let changes = json!({
            "date_range": ["2026-03-08T22:00:00Z", "2026-03-11T03:59:59Z"], "metrics": ["visits"],
        });
        let pieces = [
            Piece::Hours(
                day("2026-03-08"),
                day("2026-03-08"),
                Some((at("2026-03-08T22:00:00Z"), at("2026-03-09T00:00:00Z"))),
            ),
            Piece::Days(day("2026-03-09"), day("2026-03-10")),
            Piece::Hours(
                day("2026-03-11"),
                day("2026-03-11"),
                Some((at("2026-03-11T00:00:00Z"), at("2026-03-11T04:00:00Z"))),
            ),
        ];
        check_pieces(changes, &pieces);
    }

    #[test]
    fn today_is_read_whole_where_the_range_ends_with_the_present() {
        let clip = Some((at("2026-03-14T14:37:01Z"), at("2026-03-15T00:00:00Z")));
        let pieces = [
            Piece::Log(day("2026-03-14"), day("2026-03-14"), clip),
            Piece::Days(day("2026-03-15"), day("2026-03-15")),
        ];
        check_pieces(json!({"date_range": "24h"}), &pieces);
    }

    #[test]
    fn hours_are_full_where_the_zone_has_them() {
        let kathmandu = |from: &str| {
            let changes = json!({"date_range": [from, "2026-03-10T12:14:59Z"], "metrics": ["visits"]});
            plan("Asia/Kathmandu", changes).pieces
        };
        assert!(matches!(kathmandu("2026-03-10T06:15:00Z")[..], [Piece::Hours(..)]));
        assert!(matches!(kathmandu("2026-03-10T06:00:00Z")[..], [Piece::Log(..)]));
    }

    fn check_reads(changes: Value, reads: Reads) {
        assert_eq!(plan("UTC", changes.clone()).reads, reads, "{changes}");
    }

    #[test]
    fn one_dimension_has_its_rows_and_more_need_the_log() {
        check_reads(json!({}), Reads::Rows(Statistic::Site));
        check_reads(json!({"dimensions": ["visit:source"]}), Reads::Rows(Statistic::Source));
        check_reads(json!({"dimensions": ["time:day", "event:page"]}), Reads::Rows(Statistic::Page));
        check_reads(json!({"dimensions": ["visit:source", "visit:country"]}), Reads::Log);
        check_reads(json!({"dimensions": ["event:props:plan"]}), Reads::Log);
    }

    #[test]
    fn filters_need_the_log_unless_they_choose_rows() {
        let filtered =
            |dimensions: Value, filters: Value| json!({"dimensions": dimensions, "filters": filters});
        let google = json!([["is", "visit:source", ["Google"]]]);
        check_reads(filtered(json!([]), google.clone()), Reads::Rows(Statistic::Source));
        check_reads(filtered(json!(["visit:source"]), google.clone()), Reads::Rows(Statistic::Source));
        check_reads(filtered(json!(["event:page"]), google), Reads::Log);
        let blog = json!([["not", ["contains", "event:page", ["/blog"]]]]);
        check_reads(filtered(json!(["event:page"]), blog.clone()), Reads::Rows(Statistic::Page));
        check_reads(filtered(json!([]), blog), Reads::Log);
        let two = json!([["is", "visit:source", ["Google", "Bing"]]]);
        check_reads(filtered(json!([]), two), Reads::Log);
        check_reads(filtered(json!([]), json!([["is_not", "visit:source", ["Google"]]])), Reads::Log);
        check_reads(filtered(json!([]), json!([["is", "visit:utm_source", ["(not set)"]]])), Reads::Log);
        check_reads(filtered(json!([]), json!([["is", "event:props:plan", ["pro"]]])), Reads::Log);
    }
}
