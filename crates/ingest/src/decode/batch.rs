use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use weir_event::limits;

use super::object::Object;
use super::props::{self, Members};
use super::revenue;
use super::scalar::Scalar;
use super::{Action, Malformed, SentEvent, SentVisitor};

/// `{"sentAt": ..., "events": [...], "lost": n, "debug": true, "ip": ..., "userAgent": ...}`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch<'a> {
    #[serde(borrow, default)]
    pub sent_at: Scalar<'a>,
    #[serde(borrow, default)]
    pub events: Option<Events<'a>>,
    #[serde(borrow, default)]
    pub lost: Scalar<'a>,
    #[serde(borrow, default)]
    pub debug: Scalar<'a>,
    #[serde(borrow, default)]
    pub ip: Scalar<'a>,
    #[serde(borrow, default)]
    pub user_agent: Scalar<'a>,
}

/// As many events as a delivery may have; the rest is only counted.
pub(super) struct Events<'a> {
    pub events: Vec<Result<SentEvent<'a>, Malformed>>,
    pub sent: usize,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    url: Scalar<'a>,
    #[serde(borrow, default)]
    hash: Scalar<'a>,
    #[serde(borrow, default)]
    referrer: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
    #[serde(borrow, default)]
    props: Object<Members<'a>>,
    #[serde(borrow, default)]
    interactive: Scalar<'a>,
    #[serde(borrow, default)]
    revenue: Object<revenue::Wire<'a>>,
    #[serde(borrow, default)]
    engaged: Scalar<'a>,
    #[serde(borrow, default)]
    webdriver: Scalar<'a>,
    #[serde(borrow, default)]
    ip: Scalar<'a>,
    #[serde(borrow, default, rename = "userAgent")]
    user_agent: Scalar<'a>,
}

fn event(wire: Object<Wire<'_>>) -> Result<SentEvent<'_>, Malformed> {
    let Object::Is(wire) = wire else { return Err(Malformed) };
    let interactive = wire.interactive.flag(true)?;
    let action = match wire.kind.text()?.as_deref() {
        Some("pageview") => Action::PageView,
        Some("event") => Action::Custom { interactive },
        Some("engagement") => Action::Engagement,
        _ => return Err(Malformed),
    };
    let id = wire.id.text()?.map(|id| id.parse().map_err(|_| Malformed)).transpose()?;
    let engaged = wire.engaged.count()?.min(u64::from(limits::ENGAGED_MS_MAX));
    Ok(SentEvent {
        id,
        action,
        time: wire.timestamp.time()?,
        url: wire.url.text()?.unwrap_or_default(),
        domains: Cow::default(),
        by_hash: wire.hash.flag(false)?,
        referrer: wire.referrer.text()?.unwrap_or_default(),
        name: wire.name.text()?.unwrap_or_default(),
        props: props::props(wire.props),
        revenue: revenue::revenue(wire.revenue),
        engaged_ms: u32::try_from(engaged).unwrap_or(limits::ENGAGED_MS_MAX),
        webdriver: wire.webdriver.flag(false)?,
        visitor: SentVisitor { ip: wire.ip.ip(), user_agent: wire.user_agent.checked_text() },
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for Events<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EventsVisitor)
    }
}

struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = Events<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Events<'de>, A::Error> {
        let mut events = Vec::with_capacity(10);
        while events.len() < limits::EVENTS_PER_DELIVERY_MAX {
            let Some(wire) = items.next_element::<Object<Wire<'de>>>()? else { break };
            events.push(event(wire));
        }
        let mut sent = events.len();
        while items.next_element::<IgnoredAny>()?.is_some() {
            sent += 1;
        }
        Ok(Events { events, sent })
    }
}
