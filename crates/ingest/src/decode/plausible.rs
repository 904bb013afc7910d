use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use weir_event::limits;

use super::delivery::{Body, Fault, Form, fault};
use super::object::Object;
use super::one_event::Metadata;
use super::scalar::Scalar;
use super::{Action, Malformed, SentEvent, props, revenue};

/// The form of Plausible's scripts, and of clients written for its events API: each member has a
/// short name and a long one.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default, alias = "name")]
    n: Scalar<'a>,
    #[serde(borrow, default, alias = "url")]
    u: Scalar<'a>,
    #[serde(borrow, default, alias = "domain")]
    d: Scalar<'a>,
    #[serde(borrow, default, alias = "referrer")]
    r: Scalar<'a>,
    #[serde(default, alias = "props", alias = "m", alias = "meta")]
    p: Value,
    #[serde(borrow, default, rename = "$", alias = "revenue")]
    revenue: Object<revenue::Wire<'a>>,
    #[serde(borrow, default, alias = "interactive")]
    i: Scalar<'a>,
    #[serde(borrow, default, alias = "hashMode")]
    h: Scalar<'a>,
    #[serde(borrow, default)]
    e: Scalar<'a>,
}

pub(crate) fn decode_plausible(body: &[u8]) -> Result<Body<'_>, Fault> {
    if body.trim_ascii_start().first().is_some_and(|c| *c != b'{') {
        return Err(fault("the body is no JSON object"));
    }
    let wire: Wire<'_> = serde_json::from_slice(body).map_err(|e| fault(&e.to_string()))?;
    Ok(Body::of_one(Form::Plausible, event(wire)))
}

fn event(wire: Wire<'_>) -> Result<SentEvent<'_>, Malformed> {
    let name = wire.n.text()?.ok_or(Malformed)?;
    let interactive = wire.i.flag(true)?;
    let action = match &*name {
        "pageview" => Action::PageView,
        // Both are of the script itself; the second one's time is not told.
        "engagement" | "pageleave" => Action::Engagement,
        _ => Action::Custom { interactive },
    };
    let engaged = wire.e.count()?.min(u64::from(limits::ENGAGED_MS_MAX));
    Ok(SentEvent {
        action,
        url: wire.u.text()?.unwrap_or_default(),
        domains: wire.d.text()?.unwrap_or_default(),
        by_hash: matches!(wire.h, Scalar::Int(1) | Scalar::Bool(true)),
        referrer: wire.r.text()?.unwrap_or_default(),
        name: if matches!(action, Action::Custom { .. }) { name } else { Cow::default() },
        props: props::props(properties(wire.p)),
        revenue: revenue::revenue(wire.revenue),
        engaged_ms: u32::try_from(engaged).unwrap_or(limits::ENGAGED_MS_MAX),
        ..SentEvent::default()
    })
}

/// An object, or its JSON as a text, as scripts of some years sent it.
fn properties(sent: Value) -> Object<props::Members<'static>> {
    let read = match sent {
        Value::Null => return Object::Absent,
        Value::String(text) if text.is_empty() => return Object::Absent,
        Value::String(text) => serde_json::from_str::<Object<Metadata>>(&text),
        other => serde_json::from_value::<Object<Metadata>>(other),
    };
    match read {
        Ok(Object::Is(metadata)) => Object::Is(metadata.0),
        Ok(Object::Absent) => Object::Absent,
        Ok(Object::Other) | Err(_) => Object::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::Checked;

    fn read(body: &str) -> SentEvent<'_> {
        let mut body = decode_plausible(body.as_bytes()).expect("a delivery");
        assert_eq!((body.form, body.events.len()), (Form::Plausible, 1));
        body.events.remove(0).expect("an event")
    }

    #[test]
    fn short_and_long_names_mean_the_same() {
        for body in [
            r#"{"n":"Signup","u":"https://example.com/a","d":"example.com","r":"https://news.example/","p":{"plan":"gold"},
                "$":{"amount":"9.99","currency":"EUR"},"i":false,"h":1,"v":7,"sd":40}"#,
            r#"{"name":"Signup","url":"https://example.com/a","domain":"example.com","referrer":"https://news.example/",
                "props":"{\"plan\":\"gold\"}","revenue":{"amount":9.99,"currency":"EUR"},"interactive":false,
                "hashMode":true,"screen_width":1440}"#,
        ] {
            let event = read(body);
            assert_eq!(event.action, Action::Custom { interactive: false });
            assert_eq!((&*event.name, &*event.url), ("Signup", "https://example.com/a"));
            assert_eq!((&*event.domains, &*event.referrer), ("example.com", "https://news.example/"));
            assert_eq!(event.props, Checked::Good(r#"{"plan":"gold"}"#.to_owned()));
            assert!(matches!(&event.revenue, Checked::Good(amount) if amount.minor == 999));
            assert!(event.by_hash);
        }
    }

    #[test]
    fn time_spent_is_engagement_and_no_event() {
        let event =
            read(r#"{"n":"engagement","u":"https://example.com/","d":"example.com","e":4200,"sd":55}"#);
        assert_eq!((event.action, event.engaged_ms, &*event.name), (Action::Engagement, 4_200, ""));
    }

    #[test]
    fn properties_that_are_no_object_are_bad_and_none_are_none() {
        let props =
            |p: &str| read(&format!(r#"{{"n":"a","u":"https://example.com/","p":{p}}}"#).leak()[..]).props;
        for none in ["null", "{}", "\"\"", "\"{}\"", "\"null\""] {
            assert_eq!(props(none), Checked::Absent, "{none}");
        }
        for bad in ["[1]", "7", "\"x\"", "\"[1]\""] {
            assert_eq!(props(bad), Checked::Bad, "{bad}");
        }
    }

    #[test]
    fn what_has_no_name_is_no_event_and_what_is_no_object_no_delivery() {
        for body in [r#"{"u":"https://example.com/"}"#, r#"{"n":1}"#, r#"{"n":"a","u":1}"#] {
            let body = decode_plausible(body.as_bytes()).expect("a delivery");
            assert!(matches!(body.events[..], [Err(Malformed)]));
        }
        for body in ["", "[]", "{", "null", r#"{"n":"a","n":"b"}"#] {
            assert!(decode_plausible(body.as_bytes()).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_json_panics(
            key in "n|u|d|r|p|m|\\$|i|h|e",
            value in "\\PC{0,40}|[0-9eE.+-]{1,30}|\"[\\[\\]{}0-9a-z]{0,12}\"|\\{\"a\":[0-9\\[\\]{}]{0,9}\\}",
        ) {
            let _ = decode_plausible(format!(r#"{{"{key}":{value}}}"#).as_bytes());
        }
    }
}
