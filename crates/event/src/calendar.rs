//! A site's days, months and hours: what a time zone makes of [`Millis`].

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::Millis;

/// A calendar date at a site, counted in days since 1970-01-01. No instant by itself: a
/// [`Zone`] says when it starts and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDay(pub i32);

/// A calendar month at a site: year times twelve plus month, January being zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i32);

/// How wide a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// Bucket: the hour's start in UTC seconds.
    Hour = 0,
    /// Bucket: [`LocalDay`].
    Day = 1,
    /// Bucket: [`Month`].
    Month = 2,
}

/// One hour of a local day. Mostly 60 minutes long; where the zone's clocks turn within it, shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    /// First instant, UTC seconds: the bucket.
    pub start_secs: i64,
    /// What a clock on the wall shows at `start_secs`, in minutes since the local midnight.
    pub wall_minutes: i32,
}

/// A local day as instants: its bounds and its hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayFrame {
    pub day: LocalDay,
    pub start: Millis,
    /// First instant of the next day.
    pub end: Millis,
    /// Ascending, the first at `start`. 24 of them but for days on which clocks turn.
    pub hours: Vec<Hour>,
}

/// A site's time zone, by its IANA name.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    tz: TimeZone,
}

/// The name is not in the time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone: give an IANA name such as Europe/Berlin or UTC")]
pub struct ZoneError(pub String);

impl Zone {
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), tz: TimeZone::UTC }
    }

    /// The machine's zone where it has a name, else UTC.
    pub fn of_this_machine() -> Self {
        let tz = TimeZone::system();
        match tz.iana_name() {
            // Debian's name for what everyone else calls UTC.
            None | Some("Etc/UTC") => Self::utc(),
            Some(name) => Self { name: name.to_owned(), tz: tz.clone() },
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn day_of(&self, time: Millis) -> LocalDay {
        LocalDay::from_date(self.tz.to_datetime(timestamp(time)).date())
    }

    /// First instant of the day: local midnight, or, where clocks jump over it, the first instant
    /// after the jump.
    pub fn start_of(&self, day: LocalDay) -> Millis {
        let zoned = day.date().to_zoned(self.tz.clone()).and_then(|z| z.start_of_day());
        zoned.map_or(Millis(0), |z| Millis(z.timestamp().as_millisecond()))
    }

    pub fn frame(&self, day: LocalDay) -> DayFrame {
        let start = self.start_of(day);
        let end = self.start_of(day.next());
        let mut hours = Vec::with_capacity(25);
        let mut at = timestamp(start);
        while Millis(at.as_millisecond()) < end {
            let wall = self.tz.to_datetime(at);
            hours.push(Hour {
                start_secs: at.as_second(),
                wall_minutes: i32::from(wall.hour()) * 60 + i32::from(wall.minute()),
            });
            at = self.next_hour_after(at);
        }
        DayFrame { day, start, end, hours }
    }

    /// The next instant at which the wall shows a full hour or at which the zone's clocks turn.
    fn next_hour_after(&self, at: Timestamp) -> Timestamp {
        let into_hour = {
            let wall = self.tz.to_datetime(at);
            i64::from(wall.minute()) * 60 + i64::from(wall.second())
        };
        let full = at + SignedDuration::from_secs(3_600 - into_hour);
        match self.tz.following(at).next() {
            Some(turn) if turn.timestamp() > at && turn.timestamp() < full => turn.timestamp(),
            _ => full,
        }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        // The bundled database, not the machine's: two machines must cut the same day alike.
        let tz = jiff::tz::db().get(name).map_err(|_| ZoneError(name.to_owned()))?;
        let name = tz.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, tz })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl DayFrame {
    pub fn contains(&self, time: Millis) -> bool {
        self.start <= time && time < self.end
    }

    /// The hour that `secs` lies in, as a bucket. Times outside the day get its first or last hour.
    pub fn hour_of(&self, secs: i64) -> i64 {
        let after = self.hours.partition_point(|hour| hour.start_secs <= secs);
        self.hours.get(after.saturating_sub(1)).map_or(self.start.secs(), |hour| hour.start_secs)
    }
}

impl LocalDay {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub fn previous(self) -> Self {
        Self(self.0 - 1)
    }

    pub fn month(self) -> Month {
        let date = self.date();
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    pub fn date(self) -> Date {
        Date::constant(1970, 1, 1).saturating_add(self.0.days())
    }

    pub fn from_date(date: Date) -> Self {
        let days = date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days());
        Self(days)
    }
}

impl Month {
    pub fn first_day(self) -> LocalDay {
        let (year, month) = (self.0.div_euclid(12), self.0.rem_euclid(12) + 1);
        let date = Date::new(i16::try_from(year).unwrap_or(i16::MAX), month as i8, 1);
        LocalDay::from_date(date.unwrap_or(Date::MAX))
    }

    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl FromStr for LocalDay {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self::from_date)
    }
}

fn timestamp(time: Millis) -> Timestamp {
    let limit = if time.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(time.0).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(zone: &str, date: &str) -> DayFrame {
        let zone: Zone = zone.parse().expect("a zone");
        zone.frame(date.parse().expect("a date"))
    }

    /// (zone, date, hours in the day, length in minutes, what the wall shows at its start)
    fn check_day(zone: &str, date: &str, hours: usize, minutes: i64, first_wall: i32) {
        let frame = day(zone, date);
        assert_eq!(frame.hours.len(), hours, "{zone} {date}: hours");
        assert_eq!((frame.end - frame.start) / Millis::MINUTE, minutes, "{zone} {date}: minutes");
        assert_eq!(frame.hours[0].wall_minutes, first_wall, "{zone} {date}: first minute");
    }

    #[test]
    fn ordinary_days_have_24_hours_wherever_the_zone_puts_them() {
        check_day("UTC", "2026-06-01", 24, 1440, 0);
        check_day("Asia/Kathmandu", "2026-06-01", 24, 1440, 0);
        assert_eq!(day("Asia/Kathmandu", "2026-06-01").hours[0].start_secs % 3600, 15 * 60);
    }

    #[test]
    fn days_on_which_clocks_turn_are_longer_or_shorter() {
        check_day("America/New_York", "2026-03-08", 23, 23 * 60, 0);
        check_day("America/New_York", "2026-11-01", 25, 25 * 60, 0);
        check_day("Pacific/Chatham", "2026-04-05", 26, 25 * 60, 0);
        // Lord Howe turns by half an hour: one of its hours lasts 30 minutes.
        check_day("Australia/Lord_Howe", "2026-04-05", 25, 24 * 60 + 30, 0);
        check_day("Australia/Lord_Howe", "2026-10-04", 24, 23 * 60 + 30, 0);
    }

    #[test]
    fn days_without_midnight_start_after_the_jump() {
        check_day("Africa/Cairo", "2026-04-24", 23, 23 * 60, 60);
        check_day("America/Santiago", "2026-09-06", 23, 23 * 60, 60);
        check_day("Asia/Beirut", "2026-03-29", 23, 23 * 60, 60);
    }

    #[test]
    fn an_unknown_zone_is_refused_by_name() {
        assert_eq!("Mars/Olympus".parse::<Zone>(), Err(ZoneError("Mars/Olympus".into())));
    }

    #[test]
    fn months_know_their_days() {
        let day: LocalDay = "2026-02-28".parse().expect("a date");
        assert_eq!(day.month().first_day().to_string(), "2026-02-01");
        assert_eq!(day.next().month(), day.month().next());
    }

    const ZONES: [&str; 8] = [
        "UTC",
        "Asia/Kathmandu",
        "America/New_York",
        "Pacific/Chatham",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/Santiago",
        "Asia/Beirut",
    ];

    proptest! {
        #[test]
        fn days_partition_time_and_hours_partition_days(zone in 0..ZONES.len(), secs in 1_700_000_000i64..1_900_000_000) {
            let zone: Zone = ZONES[zone].parse().expect("a zone");
            let time = Millis::from_secs(secs);
            let frame = zone.frame(zone.day_of(time));
            prop_assert!(frame.contains(time));
            prop_assert_eq!(frame.end, zone.frame(frame.day.next()).start);
            prop_assert_eq!(frame.hours[0].start_secs, frame.start.secs());
            let ends = frame.hours[1..].iter().map(|h| h.start_secs).chain([frame.end.secs()]);
            for (hour, end) in frame.hours.iter().zip(ends) {
                prop_assert!(hour.start_secs < end && end - hour.start_secs <= 3_600);
            }
            let hour = frame.hour_of(secs);
            prop_assert!(hour <= secs && secs - hour < 3_600);
        }
    }
}
