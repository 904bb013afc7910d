use std::borrow::Cow;

use weir_event::limits;

use super::batch::Batch;
use super::one_event::OneEvent;
use super::scalar::Scalar;
use super::{Malformed, SentEvent, SentVisitor};

/// A whole delivery, read.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub form: Form,
    /// The sender's clock when it sent this, in Unix milliseconds.
    pub sent_at: Option<i64>,
    pub events: Vec<Result<SentEvent<'a>, Malformed>>,
    /// The older form carries it in the body.
    pub user_agent: Option<Cow<'a, str>>,
    /// Of all events that don't name their own.
    pub visitor: SentVisitor<'a>,
    /// Events that the tracker says it gave up.
    pub lost: u64,
    /// Whether the sender will ask what became of them.
    pub is_asked: bool,
}

impl<'a> Body<'a> {
    /// An event, and nothing said beside it.
    pub(super) fn of_one(form: Form, event: Result<SentEvent<'a>, Malformed>) -> Self {
        let visitor = SentVisitor::default();
        Self { form, sent_at: None, events: vec![event], user_agent: None, visitor, lost: 0, is_asked: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Batch,
    /// As older trackers send it.
    OneEvent,
    /// As Plausible's scripts and clients send it.
    Plausible,
    /// The query of an image's address.
    Pixel,
}

/// Why a delivery can't be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// With what is wrong, for the person who wrote the sender.
    Malformed(String),
    TooMany {
        sent: usize,
    },
}

/// Reads either form, whatever the content type: `text/plain` is what pages send without asking
/// first.
pub(crate) fn decode(body: &[u8]) -> Result<Body<'_>, Fault> {
    // A JSON array would pass for an object whose members stand in order.
    if body.trim_ascii_start().first().is_some_and(|c| *c != b'{') {
        return Err(fault("the body is no JSON object"));
    }
    let batch: Batch<'_> = serde_json::from_slice(body).map_err(|e| fault(&e.to_string()))?;
    let is_asked = matches!(batch.debug, Scalar::Bool(true));
    let Some(events) = batch.events else { return one_event(body, is_asked) };
    if events.sent > limits::EVENTS_PER_DELIVERY_MAX {
        return Err(Fault::TooMany { sent: events.sent });
    }
    let unreadable = |what: &str| fault(&format!("{what} is of a wrong type"));
    let sent_at = batch.sent_at.time().map_err(|Malformed| unreadable("sentAt"))?;
    let lost = batch.lost.count().map_err(|Malformed| unreadable("lost"))?;
    Ok(Body {
        form: Form::Batch,
        sent_at: sent_at.map(|time| time.unix_ms),
        events: events.events,
        user_agent: None,
        visitor: SentVisitor { ip: batch.ip.ip(), user_agent: batch.user_agent.checked_text() },
        lost: lost.min(limits::TRACKER_LOST_MAX),
        is_asked,
    })
}

fn one_event(body: &[u8], is_asked: bool) -> Result<Body<'_>, Fault> {
    let mut one: OneEvent<'_> = serde_json::from_slice(body).map_err(|e| fault(&e.to_string()))?;
    if !one.is_one() {
        return Err(fault("there are no events in it"));
    }
    let (user_agent, visitor) = (one.user_agent(), one.visitor());
    Ok(Body { user_agent, visitor, is_asked, ..Body::of_one(Form::OneEvent, one.event()) })
}

pub(super) fn fault(why: &str) -> Fault {
    Fault::Malformed(format!("Invalid request: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Action, Checked, SentTime};

    fn check_malformed(body: &[u8]) {
        assert!(matches!(decode(body), Err(Fault::Malformed(_))), "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn what_is_no_delivery_is_refused_as_a_whole() {
        for body in [
            "",
            " ",
            "{",
            "[]",
            "[[1],2]",
            "null",
            "7",
            "\"a\"",
            "{}",
            r#"{"sentAt":1}"#,
            r#"{"events":5}"#,
            r#"{"events":{}}"#,
            r#"{"events":[],"events":[]}"#,
            r#"{"events":[]"#,
            r#"{"events":[]}x"#,
            r#"{"events":[],"sentAt":true}"#,
            r#"{"events":[],"lost":"many"}"#,
            "{\"url\":\"\0\"}",
        ] {
            check_malformed(body.as_bytes());
        }
        check_malformed(b"{\"url\":\"\xff\"}");
        check_malformed("[".repeat(60_000).as_bytes());
        check_malformed(format!("{{\"events\":{}", "[".repeat(60_000)).as_bytes());
    }

    #[test]
    fn one_event_of_a_wrong_shape_does_not_cost_the_others() {
        let good = r#"{"type":"pageview","url":"https://example.com/"}"#;
        for bad in [
            "1",
            "null",
            "[]",
            "\"x\"",
            "{}",
            r#"{"type":"click"}"#,
            r#"{"type":1}"#,
            r#"{"type":"pageview","url":5}"#,
            r#"{"type":"pageview","id":"x"}"#,
            r#"{"type":"pageview","timestamp":true}"#,
            r#"{"type":"event","interactive":"no"}"#,
            r#"{"type":"engagement","engaged":"5"}"#,
            r#"{"type":"pageview","hash":1}"#,
            r#"{"type":"pageview","referrer":[1,{"a":2}]}"#,
        ] {
            let body = format!(r#"{{"events":[{good},{bad},{good}]}}"#);
            let body = decode(body.as_bytes()).expect("a delivery");
            let good: Vec<bool> = body.events.iter().map(Result::is_ok).collect();
            assert_eq!(good, [true, false, true], "{bad}");
        }
    }

    #[test]
    fn every_member_of_an_event_is_read() {
        let body = r#"{"sentAt":1780000000500,"lost":3,"unknown":{"a":[1]},"events":[{
            "id":"0193f5d2-7c1a-7abc-8def-0123456789ab","type":"event","timestamp":1780000000123,
            "url":"https://example.com/\u00e9","hash":true,"referrer":"https://news.example/","name":"sign up",
            "props":{"plan":"pro"},"interactive":false,"revenue":{"amount":"9.99","currency":"EUR"},
            "engaged":99999999999,"webdriver":true,"unknown":1}]}"#;
        let body = decode(body.as_bytes()).expect("a delivery");
        assert_eq!((body.form, body.sent_at, body.lost), (Form::Batch, Some(1_780_000_000_500), 3));
        let event = body.events[0].as_ref().expect("well-formed");
        assert_eq!(event.id.expect("an id").to_string(), "0193f5d2-7c1a-7abc-8def-0123456789ab");
        assert_eq!(event.action, Action::Custom { interactive: false });
        assert_eq!(event.time, Some(SentTime { unix_ms: 1_780_000_000_123, sub_second: true }));
        assert_eq!((&*event.url, &*event.referrer), ("https://example.com/é", "https://news.example/"));
        assert_eq!((&*event.name, event.by_hash, event.webdriver), ("sign up", true, true));
        assert_eq!(event.props, Checked::Good(r#"{"plan":"pro"}"#.to_owned()));
        assert!(matches!(&event.revenue, Checked::Good(amount) if amount.minor == 999));
        assert_eq!(event.engaged_ms, limits::ENGAGED_MS_MAX);
    }

    #[test]
    fn a_hundred_events_are_a_delivery_and_one_more_is_too_many() {
        let of = |n| format!(r#"{{"events":[{}]}}"#, vec!["{}"; n].join(","));
        let max = limits::EVENTS_PER_DELIVERY_MAX;
        assert_eq!(decode(of(max).as_bytes()).expect("a delivery").events.len(), max);
        assert_eq!(decode(of(max + 1).as_bytes()).expect_err("too many"), Fault::TooMany { sent: max + 1 });
    }

    #[test]
    fn what_a_tracker_says_it_lost_is_believed_up_to_the_limit() {
        for (said, noted) in
            [(limits::TRACKER_LOST_MAX, limits::TRACKER_LOST_MAX), (u64::MAX, limits::TRACKER_LOST_MAX)]
        {
            let body = format!(r#"{{"events":[],"lost":{said}}}"#);
            assert_eq!(decode(body.as_bytes()).expect("a delivery").lost, noted);
        }
    }

    /// An event in the older form, its members spliced in.
    fn older(members: &str) -> Result<SentEvent<'static>, Malformed> {
        let body = format!(r#"{{"url":"https://example.com/","userId":42,{members}}}"#);
        let mut body = decode(body.leak().as_bytes()).expect("a delivery");
        assert_eq!(body.form, Form::OneEvent);
        body.events.remove(0)
    }

    #[test]
    fn the_older_form_is_understood() {
        let view = older(
            r#""eventType":1,"timestamp":"2026-05-28T20:26:40.123Z","userAgent":7,"eventMetadata":null"#,
        )
        .expect("well-formed");
        assert_eq!(view.action, Action::PageView);
        assert!(view.time.expect("a time").sub_second);
        let custom = older(
            r#""eventType":2,"eventKey":"button:buy","eventMetadata":{"a":{"b":[1]},"c":null,"d":1.5}"#,
        )
        .expect("well-formed");
        assert_eq!(custom.action, Action::Custom { interactive: true });
        assert_eq!(custom.props, Checked::Good(r#"{"a":"{\"b\":[1]}","d":1.5}"#.to_owned()));
        let scroll = older(r#""eventType":2,"eventKey":"scroll:depth:50""#).expect("well-formed");
        assert_eq!(scroll.action, Action::Custom { interactive: false });
        for bad in
            [r#""eventType":3"#, r#""eventType":"1""#, r#""eventKey":"x""#, r#""eventType":1,"referrer":1"#]
        {
            assert_eq!(older(bad).expect_err("malformed"), Malformed, "{bad}");
        }
    }

    fn check_purchase(metadata: &str, expected: Option<(&str, i64)>) {
        let event =
            older(&format!(r#""eventType":2,"eventKey":"revenue:purchased","eventMetadata":{metadata}"#));
        let found = match event.expect("well-formed").revenue {
            Checked::Good(amount) => Some((amount.currency().to_owned(), amount.minor)),
            Checked::Absent | Checked::Bad => None,
        };
        assert_eq!(found, expected.map(|(c, m)| (c.to_owned(), m)), "{metadata}");
    }

    #[test]
    fn a_purchase_of_the_older_tracker_has_an_amount() {
        check_purchase(r#"{"price":1999,"currency":"EUR","quantity":2}"#, Some(("EUR", 3_998)));
        check_purchase(r#"{"price":1999}"#, Some(("USD", 1_999)));
        check_purchase(r#"{"price":-5}"#, None);
        check_purchase(r#"{"price":"5","currency":"EUR"}"#, None);
        check_purchase(r#"{"price":1e30,"currency":"EUR"}"#, None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&body);
        }

        #[test]
        fn no_json_panics(
            key in "events|url|eventType|eventMetadata|sentAt|lost|timestamp|props",
            value in "\\PC{0,40}|[0-9eE.+-]{1,30}|\\[(\\{\"(type|props|revenue|id|timestamp)\":[0-9\"a-z\\[\\]{}]{0,9}\\},?)*\\]",
        ) {
            let _ = decode(format!(r#"{{"{key}":{value}}}"#).as_bytes());
        }
    }
}
