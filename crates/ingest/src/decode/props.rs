use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use weir_event::limits;

use super::Checked;
use super::object::Object;
use super::scalar::Scalar;
use crate::text::has_control;

/// The members of an event's properties in the order sent, each key once; judged while they are read.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    members: Vec<(Cow<'a, str>, Scalar<'a>)>,
    bad: bool,
}

impl<'a> Members<'a> {
    /// As in JavaScript, the last of two equal keys wins; null is as good as missing.
    pub(super) fn put(&mut self, key: Cow<'a, str>, value: Scalar<'a>) {
        self.bad |= !is_key(&key) || !is_value(&value);
        let place = self.members.iter().position(|(k, _)| *k == key);
        match (place, value) {
            (Some(at), Scalar::Absent) => drop(self.members.remove(at)),
            (None, Scalar::Absent) => {}
            (Some(at), value) => self.members[at].1 = value,
            // Checked while reading: a body full of members must not become a long search.
            (None, _) if self.members.len() >= limits::PROPS_MAX => self.bad = true,
            (None, value) => self.members.push((key, value)),
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.members.iter().find_map(|(k, value)| match value {
            Scalar::Text(text) if k == key => Some(&**text),
            _ => None,
        })
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.members.iter().find_map(|(k, value)| match value {
            Scalar::Int(n) if k == key => Some(*n as f64),
            Scalar::Float(n) if k == key => Some(*n),
            _ => None,
        })
    }

    /// In compact form.
    fn finish(self) -> Checked<String> {
        if self.bad {
            return Checked::Bad;
        }
        if self.members.is_empty() {
            return Checked::Absent;
        }
        let mut out = String::with_capacity(32 * self.members.len());
        for (key, value) in &self.members {
            out.push(if out.is_empty() { '{' } else { ',' });
            push_json(&mut out, &**key);
            out.push(':');
            match value {
                Scalar::Text(text) => push_json(&mut out, &**text),
                Scalar::Int(n) => push_json(&mut out, n),
                Scalar::Float(n) => push_json(&mut out, n),
                Scalar::Bool(flag) => push_json(&mut out, flag),
                Scalar::Absent | Scalar::Nested => out.push_str("null"),
            }
        }
        out.push('}');
        if out.len() > limits::PROPS_BYTES_MAX { Checked::Bad } else { Checked::Good(out) }
    }
}

/// Custom properties are an object of scalars.
pub(super) fn props(sent: Object<Members<'_>>) -> Checked<String> {
    match sent {
        Object::Absent => Checked::Absent,
        Object::Is(members) => members.finish(),
        Object::Other => Checked::Bad,
    }
}

fn is_key(key: &str) -> bool {
    (1..=limits::PROP_KEY_BYTES_MAX).contains(&key.len()) && !has_control(key)
}

fn is_value(value: &Scalar<'_>) -> bool {
    match value {
        // Line breaks and tabs are part of what people write; other control characters are not.
        Scalar::Text(text) => {
            text.len() <= limits::PROP_VALUE_BYTES_MAX
                && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        }
        Scalar::Nested => false,
        Scalar::Absent | Scalar::Int(_) | Scalar::Float(_) | Scalar::Bool(_) => true,
    }
}

fn push_json<T: serde::Serialize + ?Sized>(out: &mut String, value: &T) {
    out.push_str(&serde_json::to_string(value).expect("a scalar has a JSON form"));
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some((Scalar::Text(key), value)) = map.next_entry::<Scalar<'de>, Scalar<'de>>()? {
            members.put(key, value);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(json: &str) -> Checked<String> {
        super::props(serde_json::from_str(json).expect("any JSON value is read"))
    }

    fn check_good(json: &str, expected: &str) {
        assert_eq!(props(json), Checked::Good(expected.to_owned()), "{json}");
    }

    #[test]
    fn scalars_are_kept_in_compact_form() {
        check_good(
            r#"{ "a": "b", "n": 1.50, "i": -7, "yes": true }"#,
            r#"{"a":"b","n":1.5,"i":-7,"yes":true}"#,
        );
        check_good(r#"{"k\"é":"\u00e9\n\"😀"}"#, r#"{"k\"é":"é\n\"😀"}"#);
        check_good(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#);
        check_good(r#"{"a":null,"b":2}"#, r#"{"b":2}"#);
        check_good(r#"{"a":1,"a":null,"b":2}"#, r#"{"b":2}"#);
    }

    #[test]
    fn no_properties_are_fine() {
        for json in ["null", "{}", r#"{"a":null}"#] {
            assert_eq!(props(json), Checked::Absent, "{json}");
        }
    }

    #[test]
    fn what_is_no_object_of_scalars_is_bad() {
        for json in [
            "1",
            "-1",
            "1.5",
            "true",
            r#""a""#,
            "[]",
            "[[1]]",
            r#"{"a":[1]}"#,
            r#"{"a":{}}"#,
            r#"{"":1}"#,
            r#"{"a\u0000":1}"#,
            r#"{"a":"b\u0000"}"#,
            r#"{"a":"\u007f"}"#,
        ] {
            assert_eq!(props(json), Checked::Bad, "{json}");
        }
    }

    #[test]
    fn every_limit_holds_and_one_more_is_bad() {
        let of_keys = |n: usize| {
            let members: Vec<String> = (0..n).map(|i| format!(r#""k{i}":{i}"#)).collect();
            props(&format!("{{{}}}", members.join(",")))
        };
        let of_key = |bytes| props(&format!(r#"{{"{}":1}}"#, "k".repeat(bytes)));
        let of_value = |bytes| props(&format!(r#"{{"k":"{}"}}"#, "v".repeat(bytes)));
        let of_bytes = |bytes: usize| {
            let part = |key: &str, len| format!(r#""{key}":"{}""#, "v".repeat(len));
            let full = ["a", "b", "c", "d"].map(|key| part(key, limits::PROP_VALUE_BYTES_MAX)).join(",");
            let rest = bytes - full.len() - part("e", 0).len() - "{,}".len();
            props(&format!("{{{full},{}}}", part("e", rest)))
        };
        for (check, limit) in [
            (&of_keys as &dyn Fn(usize) -> Checked<String>, limits::PROPS_MAX),
            (&of_key, limits::PROP_KEY_BYTES_MAX),
            (&of_value, limits::PROP_VALUE_BYTES_MAX),
            (&of_bytes, limits::PROPS_BYTES_MAX),
        ] {
            assert!(matches!(check(limit), Checked::Good(_)), "{limit}");
            assert_eq!(check(limit + 1), Checked::Bad, "{limit} + 1");
        }
    }
}
