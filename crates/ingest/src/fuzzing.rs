//! What must hold of any delivery, address and header. Behind `--cfg fuzzing`, which no release sets,
//! and in tests.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use weir_event::{Event, Kind, Millis, limits};
use weir_registry::{Access, Registry};

use crate::admit::{Client, Delivery, Origin, Sender, admit};
use crate::client_ip::network;
use crate::decode::{Body, Fault, decode, mend_surrogates};
use crate::page_url::{PageUrl, PathRules, campaign, referrer};
use crate::text::has_control;
use crate::{Geo, TrustedProxies};

/// The events that a body comes to. Each is within every limit, has the time that its sender meant or
/// that of its receipt, and is the same when the same body comes again.
pub fn delivery(registry: &Registry, received: Millis, bytes: &[u8]) -> Vec<Event> {
    // A sender with a token names visitors, who have to be within the limits as well.
    read(registry, received, bytes, Some(Access::All));
    read(registry, received, bytes, None)
}

fn read(registry: &Registry, received: Millis, bytes: &[u8], access: Option<Access>) -> Vec<Event> {
    let mended;
    let body = match decode(bytes) {
        Err(Fault::Malformed(_)) => {
            mended = mend_surrogates(bytes).unwrap_or_default();
            decode(&mended)
        }
        read => read,
    };
    let body = match body {
        Ok(body) => body,
        Err(Fault::Malformed(why)) => {
            assert!((1..2_000).contains(&why.len()), "{} bytes say why not", why.len());
            return Vec::new();
        }
        Err(Fault::TooMany { sent }) => {
            assert!(sent > limits::EVENTS_PER_DELIVERY_MAX);
            return Vec::new();
        }
    };
    assert!(body.events.len() <= limits::EVENTS_PER_DELIVERY_MAX && body.lost <= limits::TRACKER_LOST_MAX);
    admitted(registry, received, body, access)
}

fn admitted(registry: &Registry, received: Millis, body: Body<'_>, access: Option<Access>) -> Vec<Event> {
    let sites = registry.snapshot();
    let user_agent = body.user_agent.unwrap_or(Cow::Borrowed("Firefox"));
    let mut delivery = Delivery {
        registry,
        sites: &sites,
        excluded_ips: &[],
        received,
        sent_at: body.sent_at,
        geo: &Geo::BuiltIn,
        client: Client::new(&Geo::BuiltIn, IpAddr::from([198, 51, 100, 7]), user_agent),
        sender: access.map(|access| Sender { access, visitor: body.visitor }),
        origin: Origin::Absent,
        last_site: None,
        last_visitor: None,
    };
    let mut events = Vec::new();
    for sent in body.events {
        match admit(&mut delivery, sent) {
            Ok(event) => events.push(event),
            Err(refusal) => assert_eq!(
                refusal.unknown_host.is_some(),
                refusal.reason == weir_event::Reason::UnknownHost,
                "{refusal:?}"
            ),
        }
    }
    events.iter().for_each(|event| is_within_limits(event, received));
    events
}

fn is_within_limits(event: &Event, received: Millis) {
    let age = received - event.time;
    assert!((-limits::EVENT_AHEAD_MS_MAX..=limits::EVENT_AGE_MS_MAX).contains(&age), "{age} ms old");
    assert_eq!(event.received, received);
    assert!((1..=limits::HOST_BYTES_MAX).contains(&event.host.len()), "{:?}", event.host);
    assert!(event.path.starts_with('/') && event.path.len() <= limits::PATH_BYTES_MAX, "{:?}", event.path);
    assert!(event.name.len() <= limits::EVENT_NAME_BYTES_MAX);
    assert_eq!(
        event.name.is_empty(),
        !matches!(event.kind, Kind::Custom | Kind::Passive),
        "{:?}",
        event.name
    );
    assert!(event.user_agent.len() <= limits::USER_AGENT_BYTES_MAX);
    assert!(event.props.len() <= limits::PROPS_BYTES_MAX);
    assert!(event.engaged_ms <= limits::ENGAGED_MS_MAX);
    assert!(event.amount.is_none_or(|amount| amount.minor.abs() <= limits::AMOUNT_MINOR_MAX));
    for text in [&event.host, &event.path, &event.name, &event.user_agent] {
        assert!(!has_control(text), "{text:?}");
    }
    if !event.props.is_empty() {
        let props: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&event.props).expect("properties are an object");
        assert!((1..=limits::PROPS_MAX).contains(&props.len()));
    }
}

/// An address: its page has one spelling, and nothing in it is longer than its limit.
pub fn page(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(from) = referrer(text) {
        assert!((1..=limits::HOST_BYTES_MAX).contains(&from.host.len()), "{text:?}");
        assert!(from.path.len() <= limits::PATH_BYTES_MAX && !has_control(&from.path), "{from:?}");
    }
    let Some(page) = PageUrl::parse(text) else { return };
    let (utm, _) = campaign(&page);
    let labels =
        [utm.source, utm.medium, utm.campaign, utm.content, utm.term, utm.plain_source, utm.plain_ref];
    assert!(labels.iter().all(|label| label.len() <= limits::LABEL_BYTES_MAX && !has_control(label)));
    let kept = ["id".to_owned(), "a b".to_owned()];
    for by_hash in [false, true] {
        let rules = PathRules { by_hash, kept_params: &kept };
        let path = page.path(rules);
        assert!(path.starts_with('/') && path.len() <= limits::PATH_BYTES_MAX, "{path:?}");
        assert!(!has_control(&path) && !path.contains(' '), "{path:?}");
        let again = PageUrl::parse(&format!("https://{}{path}", page.host()));
        let again = again.unwrap_or_else(|| panic!("{}{path} is no page any more", page.host()));
        assert_eq!((again.host(), again.path(rules).as_str()), (page.host(), path.as_str()), "{text:?}");
    }
}

/// Lines: a list of proxies, the peer, then the forwarding header's lines.
pub fn client_ip(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (proxies, peer) = (text(), text());
    let proxies = TrustedProxies::parse(&proxies.split(' ').collect::<Vec<_>>()).unwrap_or_default();
    let proxies = proxies.with_headers(&["forwarded", "x-forwarded-for"]).expect("they are names");
    let peer: IpAddr = peer.parse().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let mut headers = HeaderMap::new();
    for (n, line) in lines.enumerate().take(20) {
        let Ok(value) = HeaderValue::from_bytes(line) else { continue };
        let name = if n % 5 == 4 { header::FORWARDED } else { HeaderName::from_static("x-forwarded-for") };
        headers.append(name, value);
    }
    let found = proxies.client_ip(SocketAddr::new(peer, 1), &headers);
    assert_eq!(found, found.to_canonical());
    if !proxies.trusts(peer.to_canonical()) {
        assert_eq!(found, peer.to_canonical(), "a stranger chose their own address");
    }
    if let Some(range) =
        data.split(|byte| *byte == b'\n').next().and_then(|text| std::str::from_utf8(text).ok())
    {
        assert!(network(range).is_none_or(|network| network.contains(&network.addr())));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use weir_event::Zone;
    use weir_testkit::TestClock;

    use super::*;

    /// 2026-05-28T20:26:40Z, as in the corpus.
    const RECEIVED: Millis = Millis(1_780_000_000_000);

    #[test]
    fn any_body_is_admitted_within_limits_or_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::open(folder.path(), Arc::new(TestClock::at(RECEIVED))).expect("opens");
        registry.add_site("example.com", &Zone::utc()).expect("adds");
        weir_testkit::replay("delivery", |body| drop(delivery(&registry, RECEIVED, body)));
    }

    #[test]
    fn any_address_is_a_page_of_one_spelling_or_refused() {
        weir_testkit::replay("page", page);
    }

    #[test]
    fn no_header_makes_a_stranger_somebody_else() {
        weir_testkit::replay("client_ip", client_ip);
    }
}
