use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use weir_event::Amount;

use super::object::Object;
use super::props::{self, Members};
use super::scalar::Scalar;
use super::{Action, Checked, Malformed, SentEvent, SentVisitor};
use crate::money;

/// The form of older trackers: the body is one event. `userId` is ignored, whatever its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneEvent<'a> {
    /// Of our own tracker, where it sends this form.
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    url: Scalar<'a>,
    #[serde(borrow, default)]
    referrer: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    event_type: Scalar<'a>,
    #[serde(borrow, default)]
    event_key: Scalar<'a>,
    #[serde(default)]
    event_metadata: Object<Metadata>,
    #[serde(borrow, default)]
    user_agent: Scalar<'a>,
    #[serde(borrow, default)]
    ip: Scalar<'a>,
}

const PURCHASE: &str = "revenue:purchased";
/// What the older tracker sends by itself; nobody acted, so it un-bounces nothing.
const PASSIVE: [&str; 2] = ["scroll:depth", "scroll:section"];

impl<'a> OneEvent<'a> {
    pub(super) fn is_one(&self) -> bool {
        self.url != Scalar::Absent || self.event_type != Scalar::Absent
    }

    /// The older form carries it in the body.
    pub(super) fn user_agent(&mut self) -> Option<Cow<'a, str>> {
        std::mem::take(&mut self.user_agent).text().ok().flatten()
    }

    /// Without its user agent, which counts from anybody.
    pub(super) fn visitor(&mut self) -> SentVisitor<'a> {
        SentVisitor { ip: std::mem::take(&mut self.ip).ip(), user_agent: Checked::Absent }
    }

    pub(super) fn event(self) -> Result<SentEvent<'a>, Malformed> {
        let name = self.event_key.text()?.unwrap_or_default();
        let action = match self.event_type {
            Scalar::Int(1) => Action::PageView,
            Scalar::Int(2) => Action::Custom { interactive: !PASSIVE.iter().any(|p| name.starts_with(p)) },
            _ => return Err(Malformed),
        };
        let metadata = match self.event_metadata {
            Object::Absent => Object::Absent,
            Object::Is(metadata) => Object::Is(metadata.0),
            Object::Other => Object::Other,
        };
        let revenue = match &metadata {
            Object::Is(members) if name == PURCHASE => purchase(members),
            _ => Checked::Absent,
        };
        let id = self.id.text()?.map(|id| id.parse().map_err(|_| Malformed)).transpose()?;
        Ok(SentEvent {
            id,
            action,
            time: self.timestamp.time()?,
            url: self.url.text()?.unwrap_or_default(),
            referrer: self.referrer.text()?.unwrap_or_default(),
            name,
            props: props::props(metadata),
            revenue,
            ..SentEvent::default()
        })
    }
}

/// A purchase carries its price in cents, a currency and a quantity. One that can't be read stays
/// an event: its members are properties anyway.
fn purchase(members: &Members<'_>) -> Checked<Amount> {
    let quantity = members.number("quantity").unwrap_or(1.0);
    let minor = members.number("price").unwrap_or(0.0) * quantity;
    if minor <= 0.0 {
        return Checked::Absent;
    }
    let amount = money::minor_amount(minor.round() as i64, members.text("currency").unwrap_or("USD"));
    amount.map_or(Checked::Absent, Checked::Good)
}

/// Metadata may be nested: what is no scalar becomes its JSON text.
#[derive(Debug)]
pub(super) struct Metadata(pub Members<'static>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut members = Members::default();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            members.put(Cow::Owned(key), scalar(value));
        }
        Ok(Metadata(members))
    }
}

fn scalar(value: Value) -> Scalar<'static> {
    match value {
        Value::Null => Scalar::Absent,
        Value::Bool(flag) => Scalar::Bool(flag),
        Value::Number(n) => match n.as_i64() {
            Some(n) => Scalar::Int(n),
            None => Scalar::Float(n.as_f64().unwrap_or(f64::MAX)),
        },
        Value::String(text) => Scalar::Text(Cow::Owned(text)),
        nested => Scalar::Text(Cow::Owned(nested.to_string())),
    }
}
