//! Deliveries as trackers send them, made before the clock runs; ids and addresses are filled in
//! when one is sent.

use serde_json::{Map, Value, json};
use weir_event::{Clock, Event, EventId, Kind, LocalDay, SiteId, SystemClock, Zone};

use super::server::DOMAIN;
use crate::traffic::{Profile, Random, Traffic};

/// Different deliveries; each is sent many times with other ids and from other addresses.
const DELIVERIES: usize = 2_000;

const NO_ID: &str = "00000000-0000-7000-8000-000000000000";
const NO_ADDRESS: &str = "000.000.000.000";

/// What trackers do before they send: the difference corrects a wrong clock.
const HELD_MS: i64 = 200;
const SENT_AT_MS: i64 = 1_780_000_000_000;

/// A request, but for its ids and its address.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    bytes: Vec<u8>,
    ids: Vec<usize>,
    address: usize,
    pub events: usize,
}

/// Deliveries of `events` events each, of ordinary visitors.
pub(super) fn deliveries(events: usize) -> Vec<Delivery> {
    let last_day = LocalDay(20_000);
    let traffic = Traffic::new(Profile {
        site: SiteId(1),
        domain: DOMAIN.to_owned(),
        zone: Zone::utc(),
        visitors_per_day: 10_000.0,
        growth_per_day: 0.0,
        last_day,
        seed: 11,
    });
    let until = Zone::utc().start_of(last_day.next());
    let day: Vec<Event> = traffic.into_history(last_day, until).collect();
    day.chunks_exact(events).take(DELIVERIES).map(Delivery::of).collect()
}

impl Delivery {
    fn of(events: &[Event]) -> Self {
        Self::with(&events[0].user_agent, &events.iter().map(event).collect::<Vec<_>>())
    }

    /// A view of that page alone.
    pub fn view(path: &str) -> Self {
        let url = format!("https://{DOMAIN}{path}");
        let view = json!({ "id": NO_ID, "type": "pageview", "timestamp": SENT_AT_MS, "url": url });
        Self::with("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", &[view])
    }

    fn with(user_agent: &str, events: &[Value]) -> Self {
        let body = json!({ "sentAt": SENT_AT_MS, "events": events }).to_string();
        let head = format!(
            "POST /x/api/v1/events HTTP/1.1\r\nHost: weir.example\r\nOrigin: https://{DOMAIN}\r\nUser-Agent: {}\r\n\
             X-Forwarded-For: {NO_ADDRESS}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            user_agent,
            body.len()
        );
        let address = head.find(NO_ADDRESS).expect("it was just written");
        let ids = body.match_indices(NO_ID).map(|(at, _)| head.len() + at).collect();
        Self { bytes: [head, body].concat().into_bytes(), ids, address, events: events.len() }
    }

    /// Writes the request into `to`, with new ids, from somebody's address.
    pub fn write(&self, random: &mut Random, to: &mut Vec<u8>) {
        to.clear();
        to.extend_from_slice(&self.bytes);
        let now_ms = SystemClock.now().0.unsigned_abs();
        for at in &self.ids {
            put_id(EventId::from_parts(now_ms, random.bytes()), &mut to[*at..at + NO_ID.len()]);
        }
        put_address(random, now_ms, &mut to[self.address..self.address + NO_ADDRESS.len()]);
    }
}

fn event(event: &Event) -> Value {
    let mut body = Map::new();
    let utm = &event.utm;
    let tags = [
        ("utm_source", &utm.source),
        ("utm_medium", &utm.medium),
        ("utm_campaign", &utm.campaign),
        ("ref", &utm.plain_ref),
    ];
    let query: Vec<String> = tags
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    body.insert("id".to_owned(), json!(NO_ID));
    body.insert("type".to_owned(), json!(kind(event.kind)));
    body.insert("timestamp".to_owned(), json!(SENT_AT_MS - HELD_MS));
    body.insert(
        "url".to_owned(),
        json!(format!("https://{}{}{mark}{}", event.host, event.path, query.join("&"))),
    );
    if let Some(referrer) = &event.referrer {
        body.insert("referrer".to_owned(), json!(format!("https://{}{}", referrer.host, referrer.path)));
    }
    if !event.name.is_empty() {
        body.insert("name".to_owned(), json!(event.name));
        body.insert("interactive".to_owned(), json!(event.kind == Kind::Custom));
        body.insert("props".to_owned(), serde_json::from_str(&event.props).unwrap_or_default());
    }
    if event.kind == Kind::Engagement {
        body.insert("engaged".to_owned(), json!(event.engaged_ms));
    }
    if let Some(amount) = event.amount {
        let decimal = format!("{}.{:02}", amount.minor / 100, amount.minor % 100);
        body.insert("revenue".to_owned(), json!({ "amount": decimal, "currency": amount.currency() }));
    }
    Value::Object(body)
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::PageView => "pageview",
        Kind::Custom | Kind::Passive => "event",
        Kind::Engagement => "engagement",
    }
}

fn put_id(id: EventId, to: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = id.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|n| DIGITS[usize::from(n)]);
    to.iter_mut().filter(|byte| **byte != b'-').for_each(|byte| *byte = digits.next().unwrap_or(b'0'));
}

/// One of ten thousand, and of others each minute, since people don't stay: in an hour of load nobody
/// would else make less than hundreds of views. Every number has its three digits, so that the length
/// stays.
fn put_address(random: &mut Random, now_ms: u64, to: &mut [u8]) {
    let n = random.below(10_000);
    let (second, third, fourth) = (100 + now_ms / 60_000 % 100, 100 + n / 100, 100 + n % 100);
    to.copy_from_slice(format!("145.{second}.{third}.{fourth}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_has_new_ids_each_time_and_keeps_its_length() {
        let deliveries = deliveries(10);
        assert_eq!(deliveries.len(), DELIVERIES);
        let mut random = Random::new(1, 1);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for delivery in &deliveries[..50] {
            assert_eq!((delivery.events, delivery.ids.len()), (10, 10));
            delivery.write(&mut random, &mut first);
            delivery.write(&mut random, &mut second);
            assert_ne!(first, second);
            for request in [&first, &second] {
                let text = std::str::from_utf8(request).expect("text");
                let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
                assert!(head.contains(&format!("Content-Length: {}", body.len())));
                assert!(!head.contains(NO_ADDRESS) && !body.contains(NO_ID));
                let body: Value = serde_json::from_str(body).expect("JSON");
                let ids: Vec<EventId> = body["events"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|event| event["id"].as_str().expect("a text").parse().expect("an id"))
                    .collect();
                assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 10);
            }
        }
    }
}
