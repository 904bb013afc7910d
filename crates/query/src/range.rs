//! Ranges and buckets in a site's time zone.

use rustc_hash::FxHashMap;
use weir_event::{DayFrame, LocalDay, Millis, Month, Zone};

use crate::parse::{Asked, Interval};

/// What a question covers: whole local days, or an interval of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// Both included.
    Days(LocalDay, LocalDay),
    /// From inclusive, to exclusive.
    Times(Millis, Millis),
}

/// The most days that plain `time` tells apart by day; longer ranges are told apart by month.
const DAILY_DAYS_MAX: i32 = 92;

impl Range {
    /// `first_data` is the day on which the site's figures begin.
    pub fn resolve(asked: Asked, zone: &Zone, now: Millis, first_data: Option<LocalDay>) -> Self {
        let today = zone.day_of(now);
        let month = today.month();
        match asked {
            Asked::Day => Self::Days(today, today),
            Asked::Hours24 => {
                let to = Millis::from_secs(now.secs() + 1);
                Self::Times(to - Millis::DAY, to)
            }
            Asked::Days(n) => Self::Days(LocalDay(today.0 - n), today.previous()),
            Asked::Month => Self::Days(month.first_day(), today),
            Asked::Months(n) => Self::Days(Month(month.0 - n).first_day(), month.first_day().previous()),
            Asked::Year => Self::Days(Month(month.0 - month.0.rem_euclid(12)).first_day(), today),
            Asked::All => Self::Days(first_data.unwrap_or(today).min(today), today),
            Asked::Dates(first, last) => Self::Days(first, last),
            Asked::Times(from, to) => Self::Times(from, to),
        }
    }

    /// First instant, and the first one past the end.
    pub fn bounds(self, zone: &Zone) -> (Millis, Millis) {
        match self {
            Self::Days(first, last) => (zone.start_of(first), zone.start_of(last.next())),
            Self::Times(from, to) => (from, to),
        }
    }

    /// The local days that it touches, both included.
    pub fn days(self, zone: &Zone) -> (LocalDay, LocalDay) {
        match self {
            Self::Days(first, last) => (first, last),
            Self::Times(from, to) => (zone.day_of(from), zone.day_of(to - 1)),
        }
    }

    /// What plain `time` means for this range.
    pub fn interval(self) -> Interval {
        let days = match self {
            Self::Days(first, last) => last.0 - first.0 + 1,
            Self::Times(from, to) => ((to - from + Millis::DAY - 1) / Millis::DAY) as i32,
        };
        match days {
            ..=1 => Interval::Hour,
            2..=DAILY_DAYS_MAX => Interval::Day,
            _ => Interval::Month,
        }
    }

    /// The range of the same length that ends where this one begins.
    pub fn previous(self) -> Self {
        match self {
            Self::Days(first, last) => {
                let days = last.0 - first.0 + 1;
                Self::Days(LocalDay(first.0 - days), first.previous())
            }
            Self::Times(from, to) => Self::Times(from - (to - from), from),
        }
    }

    /// As [`Self::previous`], but where this range is not over yet, the other one stops at the same
    /// point: half a day against a whole one would always look like a loss.
    pub fn previous_so_far(self, zone: &Zone, now: Millis) -> Self {
        let previous = self.previous();
        match (self, previous) {
            (Self::Days(first, last), Self::Days(first_before, _)) => {
                let today = zone.day_of(now);
                if today < first || last < today {
                    return previous;
                }
                let counterpart = LocalDay(first_before.0 + (today.0 - first.0));
                Self::Times(zone.start_of(first_before), same_hours(zone, today, counterpart, now))
            }
            (Self::Times(from, to), Self::Times(from_before, _)) if from < now && now < to => {
                Self::Times(from_before, from_before + (Millis::from_secs(now.secs() + 1) - from))
            }
            _ => previous,
        }
    }
}

/// The end of the hour of `day` in which the wall shows what it shows now. Whole hours, since only
/// these are counted ahead of time.
fn same_hours(zone: &Zone, today: LocalDay, day: LocalDay, now: Millis) -> Millis {
    let wall = wall_secs(&zone.frame(today), now.secs());
    let frame = zone.frame(day);
    let begun = frame.hours.iter().rposition(|hour| i64::from(hour.wall_minutes) * 60 <= wall);
    let next = begun.map_or(0, |begun| begun + 1);
    frame.hours.get(next).map_or(frame.end, |hour| Millis::from_secs(hour.start_secs))
}

/// What the wall shows at an instant of the day, in seconds since its midnight.
fn wall_secs(frame: &DayFrame, secs: i64) -> i64 {
    let start = frame.hour_of(secs);
    let hour = frame.hours.iter().find(|hour| hour.start_secs == start);
    hour.map_or(0, |hour| i64::from(hour.wall_minutes) * 60 + secs - start)
}

/// ISO 8601 with the site's offset, to the second.
pub(crate) fn iso(zone: &Zone, time: Millis) -> String {
    let frame = zone.frame(zone.day_of(time));
    let wall = wall_secs(&frame, time.secs());
    let offset = offset_text(&frame, wall, time.secs());
    format!("{}T{}{offset}", frame.day, clock_text(wall))
}

fn clock_text(wall_secs: i64) -> String {
    format!("{:02}:{:02}:{:02}", wall_secs / 3_600, wall_secs / 60 % 60, wall_secs % 60)
}

fn offset_text(frame: &DayFrame, wall_secs: i64, secs: i64) -> String {
    let minutes = (i64::from(frame.day.0) * 86_400 + wall_secs - secs) / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

impl Interval {
    /// The bucket of a whole day; hours have none.
    pub fn bucket_of_day(self, day: LocalDay) -> i64 {
        match self {
            Self::Hour | Self::Day => i64::from(day.0),
            // 1970-01-01 was a Thursday; weeks begin on Mondays.
            Self::Week => i64::from(day.0 - (day.0 + 3).rem_euclid(7)),
            Self::Month => i64::from(day.month().0),
        }
    }
}

/// The buckets of a range in their order, and what an answer calls them.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    /// (bucket, label)
    ordered: Vec<(i64, String)>,
    places: FxHashMap<i64, usize>,
}

impl Buckets {
    /// `frames` are the range's days; hours need them, wider intervals only their dates.
    pub fn of_hours(frames: &[DayFrame], (from, to): (Millis, Millis)) -> Self {
        let mut buckets = Self::default();
        for frame in frames {
            let starts = frame.hours.iter().map(|hour| hour.start_secs);
            let ends = starts.clone().skip(1).chain([frame.end.secs()]);
            for (hour, (start, end)) in frame.hours.iter().zip(starts.zip(ends)) {
                if Millis::from_secs(end) > from && Millis::from_secs(start) < to {
                    buckets.push(start, hour_label(frame, hour));
                }
            }
        }
        buckets
    }

    pub fn of_days(interval: Interval, (first, last): (LocalDay, LocalDay)) -> Self {
        let mut buckets = Self::default();
        for day in (first.0..=last.0).map(LocalDay) {
            let bucket = interval.bucket_of_day(day);
            if !buckets.places.contains_key(&bucket) {
                buckets.push(bucket, day_label(interval, bucket));
            }
        }
        buckets
    }

    fn push(&mut self, bucket: i64, label: String) {
        self.places.insert(bucket, self.ordered.len());
        self.ordered.push((bucket, label));
    }

    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.ordered.iter().map(|(_, label)| label.as_str())
    }

    pub fn label(&self, bucket: i64) -> Option<&str> {
        self.place(bucket).map(|place| self.ordered[place].1.as_str())
    }

    /// Which bucket of the range this is, counted from zero.
    pub fn place(&self, bucket: i64) -> Option<usize> {
        self.places.get(&bucket).copied()
    }

    /// The bucket that stands at a place.
    pub fn at(&self, place: usize) -> Option<i64> {
        self.ordered.get(place).map(|(bucket, _)| *bucket)
    }
}

fn day_label(interval: Interval, bucket: i64) -> String {
    let number = i32::try_from(bucket).unwrap_or(i32::MAX);
    match interval {
        Interval::Month => Month(number).first_day().to_string(),
        Interval::Hour | Interval::Day | Interval::Week => LocalDay(number).to_string(),
    }
}

/// The wall's time without an offset, as Plausible has it; where the wall shows an hour twice, both
/// carry their offset, since a label must name one bucket.
fn hour_label(frame: &DayFrame, hour: &weir_event::Hour) -> String {
    let wall = i64::from(hour.wall_minutes) * 60;
    let twice = frame.hours.iter().filter(|other| other.wall_minutes == hour.wall_minutes).count() > 1;
    let offset = if twice { offset_text(frame, wall, hour.start_secs) } else { String::new() };
    format!("{} {}{offset}", frame.day, clock_text(wall))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().expect("a zone")
    }

    fn day(text: &str) -> LocalDay {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> Millis {
        Millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    }

    /// (zone, now, what was asked) -> the bounds as an answer tells them.
    fn check_range(zone_name: &str, now: &str, asked: Asked, from: &str, to: &str) {
        let zone = zone(zone_name);
        let range = Range::resolve(asked, &zone, at(now), Some(day("2024-01-17")));
        let (first, end) = range.bounds(&zone);
        let told = (iso(&zone, first), iso(&zone, end - Millis::SECOND));
        assert_eq!((told.0.as_str(), told.1.as_str()), (from, to), "{zone_name} {now} {asked:?}");
    }

    #[test]
    fn ranges_lie_in_the_sites_zone() {
        let now = "2026-03-15T03:30:00Z";
        let ny = "America/New_York";
        // Still the 14th in New York; clocks turned on the 8th.
        check_range(ny, now, Asked::Day, "2026-03-14T00:00:00-04:00", "2026-03-14T23:59:59-04:00");
        check_range(ny, now, Asked::Days(7), "2026-03-07T00:00:00-05:00", "2026-03-13T23:59:59-04:00");
        check_range(ny, now, Asked::Days(28), "2026-02-14T00:00:00-05:00", "2026-03-13T23:59:59-04:00");
        check_range(ny, now, Asked::Month, "2026-03-01T00:00:00-05:00", "2026-03-14T23:59:59-04:00");
        check_range(ny, now, Asked::Months(6), "2025-09-01T00:00:00-04:00", "2026-02-28T23:59:59-05:00");
        check_range(ny, now, Asked::Months(12), "2025-03-01T00:00:00-05:00", "2026-02-28T23:59:59-05:00");
        check_range(ny, now, Asked::Year, "2026-01-01T00:00:00-05:00", "2026-03-14T23:59:59-04:00");
        check_range(ny, now, Asked::All, "2024-01-17T00:00:00-05:00", "2026-03-14T23:59:59-04:00");
        check_range(ny, now, Asked::Hours24, "2026-03-13T23:30:01-04:00", "2026-03-14T23:30:00-04:00");
        let ktm = "Asia/Kathmandu";
        check_range(ktm, now, Asked::Day, "2026-03-15T00:00:00+05:45", "2026-03-15T23:59:59+05:45");
        check_range(ktm, now, Asked::Days(7), "2026-03-08T00:00:00+05:45", "2026-03-14T23:59:59+05:45");
    }

    #[test]
    fn a_range_may_begin_on_a_day_without_midnight() {
        let dates = Asked::Dates(day("2026-04-24"), day("2026-04-24"));
        let now = "2026-05-01T00:00:00Z";
        check_range("Africa/Cairo", now, dates, "2026-04-24T01:00:00+03:00", "2026-04-24T23:59:59+03:00");
    }

    #[test]
    fn all_begins_today_while_there_is_nothing() {
        let zone = zone("UTC");
        let range = Range::resolve(Asked::All, &zone, at("2026-03-15T03:30:00Z"), None);
        assert_eq!(range, Range::Days(day("2026-03-15"), day("2026-03-15")));
    }

    #[test]
    fn plain_time_follows_the_length() {
        let days = |n: i32| Range::Days(LocalDay(20_000), LocalDay(20_000 + n - 1)).interval();
        assert_eq!([1, 2, 92, 93].map(days), [Interval::Hour, Interval::Day, Interval::Day, Interval::Month]);
        let times = |ms: i64| Range::Times(Millis(0), Millis(ms)).interval();
        assert_eq!([Millis::DAY, Millis::DAY + 1].map(times), [Interval::Hour, Interval::Day]);
    }

    #[test]
    fn the_period_before_has_the_same_length() {
        let utc = zone("UTC");
        let range = Range::Days(day("2026-03-01"), day("2026-03-10"));
        let before = Range::Days(day("2026-02-19"), day("2026-02-28"));
        assert_eq!(range.previous(), before);
        // Over already: nothing to cut.
        assert_eq!(range.previous_so_far(&utc, at("2026-03-11T00:00:00Z")), before);
        let times = Range::Times(Millis(5_000), Millis(8_000));
        assert_eq!(times.previous(), Range::Times(Millis(2_000), Millis(5_000)));
    }

    /// (zone, now) -> where the day before is cut, in UTC.
    fn check_so_far(zone_name: &str, now: &str, end: &str) {
        let zone = zone(zone_name);
        let today = Range::resolve(Asked::Day, &zone, at(now), None);
        let (_, to) = today.previous_so_far(&zone, at(now)).bounds(&zone);
        assert_eq!(to, at(end), "{zone_name} {now}");
    }

    #[test]
    fn a_period_that_is_not_over_is_compared_so_far() {
        check_so_far("UTC", "2026-03-15T14:37:00Z", "2026-03-14T15:00:00Z");
        check_so_far("UTC", "2026-03-15T23:37:00Z", "2026-03-15T00:00:00Z");
        check_so_far("Asia/Kathmandu", "2026-03-15T14:37:00Z", "2026-03-14T15:15:00Z");
        // 14:37 in New York; the day before had 23 hours.
        check_so_far("America/New_York", "2026-03-09T18:37:00Z", "2026-03-08T19:00:00Z");
        // 00:30 on the day after the one that began at 01:00: that one had nothing yet.
        check_so_far("Africa/Cairo", "2026-04-24T21:30:00Z", "2026-04-23T22:00:00Z");
    }

    fn labels(buckets: &Buckets) -> Vec<String> {
        buckets.labels().map(str::to_owned).collect()
    }

    fn hours(zone_name: &str, date: &str) -> Vec<String> {
        let frame = zone(zone_name).frame(day(date));
        labels(&Buckets::of_hours(std::slice::from_ref(&frame), (frame.start, frame.end)))
    }

    #[test]
    fn hours_are_told_by_the_wall_and_never_two_by_one_label() {
        let long = hours("America/New_York", "2026-11-01");
        let told: Vec<_> = long[..4].iter().map(String::as_str).collect();
        let expected = [
            "2026-11-01 00:00:00",
            "2026-11-01 01:00:00-04:00",
            "2026-11-01 01:00:00-05:00",
            "2026-11-01 02:00:00",
        ];
        assert_eq!(told, expected);
        assert_eq!(hours("America/New_York", "2026-03-08")[2], "2026-03-08 03:00:00");
        assert_eq!(hours("Africa/Cairo", "2026-04-24")[0], "2026-04-24 01:00:00");
        assert_eq!(hours("Asia/Kathmandu", "2026-04-24")[23], "2026-04-24 23:00:00");
        for (zone, date) in [("Australia/Lord_Howe", "2026-04-05"), ("Pacific/Chatham", "2026-04-05")] {
            let labels = hours(zone, date);
            let distinct: std::collections::HashSet<_> = labels.iter().collect();
            assert_eq!(distinct.len(), labels.len(), "{zone}");
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        let range = (day("2026-02-26"), day("2026-03-03"));
        assert_eq!(labels(&Buckets::of_days(Interval::Week, range)), ["2026-02-23", "2026-03-02"]);
        assert_eq!(labels(&Buckets::of_days(Interval::Month, range)), ["2026-02-01", "2026-03-01"]);
        assert_eq!(labels(&Buckets::of_days(Interval::Day, range)).len(), 6);
    }

    #[test]
    fn only_hours_that_the_range_touches_are_told() {
        let zone = zone("UTC");
        let frames = [zone.frame(day("2026-03-14")), zone.frame(day("2026-03-15"))];
        let range = (at("2026-03-14T14:37:01Z"), at("2026-03-15T14:37:01Z"));
        let labels = labels(&Buckets::of_hours(&frames, range));
        assert_eq!(labels.len(), 25);
        assert_eq!(labels[0], "2026-03-14 14:00:00");
        assert_eq!(labels[24], "2026-03-15 14:00:00");
    }
}
