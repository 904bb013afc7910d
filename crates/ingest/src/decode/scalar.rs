use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Checked, Malformed, SentTime};

/// Any JSON value where a scalar is expected. Never fails: one field of a wrong type costs its own
/// event, not the other 99 of the delivery.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Scalar<'a> {
    /// Missing or null.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// An array or an object.
    Nested,
}

impl<'a> Scalar<'a> {
    pub(super) fn text(self) -> Result<Option<Cow<'a, str>>, Malformed> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            _ => Err(Malformed),
        }
    }

    pub(super) fn checked_text(self) -> Checked<Cow<'a, str>> {
        match self.text() {
            Ok(text) => text.map_or(Checked::Absent, Checked::Good),
            Err(Malformed) => Checked::Bad,
        }
    }

    /// An IPv4 or IPv6 address, alone.
    pub(super) fn ip(self) -> Checked<IpAddr> {
        match self.checked_text() {
            Checked::Absent => Checked::Absent,
            Checked::Bad => Checked::Bad,
            Checked::Good(text) => {
                let ip = text.trim().parse::<IpAddr>();
                ip.map_or(Checked::Bad, |ip| Checked::Good(ip.to_canonical()))
            }
        }
    }

    pub(super) fn flag(&self, default: bool) -> Result<bool, Malformed> {
        match self {
            Self::Absent => Ok(default),
            Self::Bool(flag) => Ok(*flag),
            _ => Err(Malformed),
        }
    }

    /// A number from 0 up; a negative one counts as 0, a fraction is cut off.
    pub(super) fn count(&self) -> Result<u64, Malformed> {
        match self {
            Self::Absent => Ok(0),
            Self::Int(n) => Ok(u64::try_from(*n).unwrap_or(0)),
            Self::Float(n) => Ok(*n as u64),
            _ => Err(Malformed),
        }
    }

    /// Unix milliseconds or RFC 3339. A text that is no time is no time, as if it were missing; a
    /// value that can't be one is malformed.
    pub(super) fn time(&self) -> Result<Option<SentTime>, Malformed> {
        let of_millis = |unix_ms: i64| SentTime { unix_ms, sub_second: unix_ms % 1_000 != 0 };
        match self {
            Self::Absent => Ok(None),
            Self::Int(ms) => Ok(Some(of_millis(*ms))),
            Self::Float(ms) => Ok(Some(of_millis(*ms as i64))),
            Self::Text(text) => Ok(rfc3339(text)),
            Self::Bool(_) | Self::Nested => Err(Malformed),
        }
    }
}

fn rfc3339(text: &str) -> Option<SentTime> {
    let unix_ms = text.trim().parse::<jiff::Timestamp>().ok()?.as_millisecond();
    Some(SentTime { unix_ms, sub_second: text.contains('.') })
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Absent)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Scalar<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).expect("any JSON value is one")
    }

    /// (JSON, milliseconds, sub-second)
    fn check_time(json: &str, expected: Option<(i64, bool)>) {
        let found = scalar(json).time().expect("a time or none");
        assert_eq!(found.map(|t| (t.unix_ms, t.sub_second)), expected, "{json}");
    }

    #[test]
    fn a_time_is_a_number_of_milliseconds_or_a_text() {
        check_time("1780000000123", Some((1_780_000_000_123, true)));
        check_time("1780000000000", Some((1_780_000_000_000, false)));
        check_time("1780000000123.75", Some((1_780_000_000_123, true)));
        check_time("1e300", Some((i64::MAX, true)));
        check_time("18446744073709551615", Some((i64::MAX, true)));
        check_time("-1", Some((-1, true)));
        check_time(r#""2026-05-28T20:26:40.123Z""#, Some((1_780_000_000_123, true)));
        check_time(r#""2026-05-28T20:26:40.000Z""#, Some((1_780_000_000_000, true)));
        check_time(r#""2026-05-28T22:26:40+02:00""#, Some((1_780_000_000_000, false)));
        check_time(r#""0001-01-01T00:00:00Z""#, Some((-62_135_596_800_000, false)));
        for none in ["null", r#""""#, r#""yesterday""#, r#""2026-05-28""#] {
            check_time(none, None);
        }
        for wrong in ["true", "{}", "[1]"] {
            assert_eq!(scalar(wrong).time(), Err(Malformed), "{wrong}");
        }
    }

    /// (JSON, the address that it is)
    fn check_ip(json: &str, expected: &str) {
        let expected = expected.parse().expect("an address");
        assert_eq!(scalar(json).ip(), Checked::Good(expected), "{json}");
    }

    #[test]
    fn an_address_is_one_of_either_family_and_nothing_beside_it() {
        check_ip(r#""193.0.6.139""#, "193.0.6.139");
        check_ip(r#"" 193.0.6.139\n""#, "193.0.6.139");
        check_ip(r#""2001:DB8::1""#, "2001:db8::1");
        check_ip(r#""::ffff:193.0.6.139""#, "193.0.6.139");
        assert_eq!(scalar("null").ip(), Checked::Absent);
        for bad in [
            "\"\"",
            r#""193.0.6""#,
            r#""193.0.6.139:80""#,
            r#""[::1]""#,
            r#""fe80::1%eth0""#,
            r#""193.0.6.139, 10.0.0.1""#,
            r#""example.com""#,
            "3238004363",
            "true",
            "[]",
        ] {
            assert_eq!(scalar(bad).ip(), Checked::Bad, "{bad}");
        }
    }

    #[test]
    fn wrong_types_are_told_from_missing_ones() {
        assert_eq!(scalar("null").text(), Ok(None));
        assert_eq!(scalar(r#""a\u00e9""#).text(), Ok(Some("aé".into())));
        assert_eq!(scalar("7").text(), Err(Malformed));
        assert_eq!(scalar("null").flag(true), Ok(true));
        assert_eq!(scalar("1").flag(true), Err(Malformed));
        assert_eq!(scalar("-5").count(), Ok(0));
        assert_eq!(scalar("5.9").count(), Ok(5));
        assert_eq!(scalar(r#""5""#).count(), Err(Malformed));
        assert_eq!(scalar(r#"[{"a":[1]}]"#), Scalar::Nested);
    }
}
