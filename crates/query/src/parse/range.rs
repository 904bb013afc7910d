use serde_json::Value;
use weir_event::{LocalDay, Millis};

use crate::QueryError;

/// The range as asked for, before a site's zone and the present make instants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Day,
    Hours24,
    /// The last so many whole days, today not among them.
    Days(i32),
    /// The month so far.
    Month,
    /// The last so many whole months, this one not among them.
    Months(i32),
    /// The year so far.
    Year,
    All,
    /// From and to, both inclusive.
    Dates(LocalDay, LocalDay),
    /// From inclusive, to exclusive.
    Times(Millis, Millis),
}

const NAMED: [(&str, Asked); 11] = [
    ("day", Asked::Day),
    ("24h", Asked::Hours24),
    ("7d", Asked::Days(7)),
    ("28d", Asked::Days(28)),
    ("30d", Asked::Days(30)),
    ("91d", Asked::Days(91)),
    ("month", Asked::Month),
    ("6mo", Asked::Months(6)),
    ("12mo", Asked::Months(12)),
    ("year", Asked::Year),
    ("all", Asked::All),
];

/// Dates outside of this are typing errors, and days are counted one by one.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2199;

impl Asked {
    pub fn parse(value: &Value) -> Result<Self, QueryError> {
        let unknown = || {
            let names: Vec<_> = NAMED.iter().map(|(name, _)| *name).collect();
            QueryError::bad(format!(
                "date_range: give one of {}, or two dates or times, such as [\"2026-01-01\", \"2026-01-31\"].",
                names.join(", ")
            ))
        };
        match value {
            Value::String(name) => {
                NAMED.iter().find(|(known, _)| known == name).map(|(_, range)| *range).ok_or_else(unknown)
            }
            Value::Array(ends) => match ends.as_slice() {
                [Value::String(from), Value::String(to)] => custom(from, to),
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

fn custom(from: &str, to: &str) -> Result<Asked, QueryError> {
    if let (Ok(first), Ok(last)) = (date(from), date(to)) {
        in_order(first <= last)?;
        return Ok(Asked::Dates(first, last));
    }
    let (from, to) = (time(from)?, time(to)?);
    in_order(from <= to)?;
    // The last second belongs to the range.
    Ok(Asked::Times(from, to + Millis::SECOND))
}

fn in_order(ascending: bool) -> Result<(), QueryError> {
    if ascending { Ok(()) } else { Err(QueryError::bad("date_range: the first end lies after the second.")) }
}

fn date(text: &str) -> Result<LocalDay, QueryError> {
    let unreadable = || QueryError::bad(format!("date_range: {text:?} is no date."));
    // The date's reader is lenient and would take the date out of a time.
    if text.len() != "2026-01-01".len() {
        return Err(unreadable());
    }
    let day: LocalDay = text.parse().map_err(|_| unreadable())?;
    if YEARS.contains(&day.date().year()) { Ok(day) } else { Err(unreadable()) }
}

fn time(text: &str) -> Result<Millis, QueryError> {
    let unreadable = || {
        let text: String = text.chars().take(60).collect();
        QueryError::bad(format!(
            "date_range: {text:?} is neither a date such as 2026-01-31 nor a time with an offset such as \
             2026-01-31T12:00:00+02:00, of the years {} to {}; both ends are of the same kind.",
            YEARS.start(),
            YEARS.end()
        ))
    };
    let stamp: jiff::Timestamp = text.parse().map_err(|_| unreadable())?;
    let year = stamp.to_zoned(jiff::tz::TimeZone::UTC).year();
    if YEARS.contains(&year) { Ok(Millis::from_secs(stamp.as_second())) } else { Err(unreadable()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn day(text: &str) -> LocalDay {
        text.parse().expect("a date")
    }

    #[test]
    fn ranges_are_read() {
        let cases = [
            (json!("7d"), Asked::Days(7)),
            (json!("all"), Asked::All),
            (json!(["2026-01-01", "2026-01-31"]), Asked::Dates(day("2026-01-01"), day("2026-01-31"))),
            (json!(["2026-01-01", "2026-01-01"]), Asked::Dates(day("2026-01-01"), day("2026-01-01"))),
            (
                json!(["2024-01-01T12:00:00+02:00", "2024-01-01T15:59:59+02:00"]),
                Asked::Times(Millis(1_704_103_200_000), Millis(1_704_117_600_000)),
            ),
            (
                json!(["2024-01-01T10:00:00.700Z", "2024-01-01T13:59:59Z"]),
                Asked::Times(Millis(1_704_103_200_000), Millis(1_704_117_600_000)),
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(Asked::parse(&value).expect("a range"), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let cases = [
            json!("fortnight"),
            json!("realtime"),
            json!(7),
            json!([]),
            json!(["2026-01-01"]),
            json!(["2026-01-02", "2026-01-01"]),
            json!(["2026-02-30", "2026-03-01"]),
            json!(["0001-01-01", "2026-03-01"]),
            json!(["2026-01-01", "2200-01-01"]),
            json!(["2026-01-01T00:00:00", "2026-01-02T00:00:00"]),
            json!(["2026-01-01", "2026-01-02T00:00:00Z"]),
            json!(["2026-01-02T00:00:01Z", "2026-01-02T00:00:00Z"]),
        ];
        for value in cases {
            let error = Asked::parse(&value).expect_err("no range");
            assert!(error.to_string().starts_with("date_range: "), "{value}: {error}");
        }
    }
}
