//! Events that a program with a token sends in the name of visitors.

use std::num::NonZeroU32;

use axum::http::StatusCode;
use serde_json::{Value, json};
use weir_event::{Country, Event, Reason, limits};
use weir_ingest::{IngestConfig, RateLimit};
use weir_queue::QueueOptions;

use crate::harness::{Answer, BEACON, EVENTS, Edge, FIREFOX, NOW, custom, page_view};

/// A visitor in the Netherlands, and one in the United States.
const NL: &str = "193.0.6.139";
const US: &str = "8.8.8.8";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/18.5 Safari/605.1.15";
/// What a program sends of itself.
const PROGRAM: (&str, &str) = ("user-agent", "Python-urllib/3.13");

/// A server's edge, and a token that may send to each of its sites.
fn edge_and_token() -> (Edge, String) {
    let edge = Edge::new();
    let token = edge.registry.create_sending_token("backend", None).expect("makes").token;
    (edge, token)
}

/// Sends a body as a program does.
async fn send(edge: &Edge, token: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let answer = edge.post(EVENTS, &[PROGRAM, ("authorization", &bearer)], body.to_string()).await;
    assert!(!format!("{answer:?}").contains(token), "an answer shows the token");
    answer
}

fn with(mut to: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        to[name] = value.clone();
    }
    to
}

/// What the same page view comes to when the visitor's own browser sends it.
async fn as_browser(edge: &Edge, ip: &str, agent: &str) -> Event {
    let before = edge.stored().len();
    let view = page_view("https://example.com/");
    edge.post_event(&[("x-forwarded-for", ip), ("user-agent", agent)], view).await;
    edge.stored().swap_remove(before)
}

/// (members of the delivery, members of its event, whose the event is)
async fn check_client(delivery: Value, event: Value, ip: &str, agent: &str) {
    let (edge, token) = edge_and_token();
    let event = with(page_view("https://example.com/"), &event);
    let answer = send(&edge, &token, &with(json!({"events": [event]}), &delivery)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let sent = edge.only_stored();
    let browser = as_browser(&edge, ip, agent).await;
    assert!(sent.visitor.is_some());
    assert_eq!(sent.visitor, browser.visitor, "{delivery} {event}");
    assert_eq!((sent.country, sent.user_agent.as_str()), (browser.country, agent), "{delivery} {event}");
}

#[tokio::test]
async fn an_event_is_of_the_visitor_whom_its_sender_names() {
    let of = |ip, agent| json!({"ip": ip, "userAgent": agent});
    check_client(json!({}), of(NL, FIREFOX), NL, FIREFOX).await;
    check_client(of(NL, FIREFOX), json!({}), NL, FIREFOX).await;
    check_client(of(NL, FIREFOX), of(US, SAFARI), US, SAFARI).await;
    check_client(of(NL, FIREFOX), json!({"ip": US}), US, FIREFOX).await;
    check_client(of(NL, FIREFOX), json!({"ip": null, "userAgent": SAFARI}), NL, SAFARI).await;
    check_client(json!({"ip": true, "userAgent": 7}), of(NL, FIREFOX), NL, FIREFOX).await;
    check_client(json!({}), of("::ffff:193.0.6.139", FIREFOX), NL, FIREFOX).await;
    check_client(json!({}), of("2001:67c:2e8:22::c100:68b", ""), "2001:67c:2e8:22::c100:68b", "").await;
    let long = "a".repeat(limits::USER_AGENT_BYTES_MAX + 1);
    check_client(json!({}), of(NL, &long), NL, &long[1..]).await;
    // What is not given is the sender's own.
    check_client(json!({"ip": NL}), json!({}), NL, PROGRAM.1).await;
    check_client(json!({"userAgent": FIREFOX}), json!({}), "127.0.0.1", FIREFOX).await;
}

#[tokio::test]
async fn each_event_of_a_delivery_is_of_its_own_visitor() {
    let (edge, token) = edge_and_token();
    let of = |ip: &str| with(page_view("https://example.com/"), &json!({"ip": ip}));
    let events = [of(NL), of(US), page_view("https://example.com/"), of(NL)];
    let body = json!({"userAgent": FIREFOX, "ip": "193.0.6.140", "events": events});
    assert_eq!(send(&edge, &token, &body).await.json(), json!({"accepted": 4, "dropped": []}));
    let stored = edge.stored();
    let visitors: Vec<_> = stored.iter().map(|event| event.visitor).collect();
    assert_eq!(visitors[0], visitors[3]);
    assert!(visitors[0] != visitors[1] && visitors[1] != visitors[2] && visitors[0] != visitors[2]);
    let countries: Vec<_> = stored.iter().map(|event| event.country).collect();
    assert_eq!(countries, [*b"NL", *b"US", *b"NL", *b"NL"].map(|code| Some(Country(code))));
    assert!(!format!("{stored:?}").contains(NL), "no address is kept");
}

/// (the header's value): nothing is taken, and the answer says why without repeating it.
async fn check_not_let_in(edge: &Edge, authorization: &str) {
    let counted = edge.counted(Reason::InvalidToken);
    let event = with(page_view("https://example.com/"), &json!({"ip": NL, "userAgent": FIREFOX}));
    let answer = edge.post_event(&[("authorization", authorization)], event).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{authorization:?}");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.json()["reason"], "invalid_token");
    assert!(answer.json()["error"].as_str().is_some_and(|why| why.contains("weir token create --events")));
    let token = authorization.split(' ').next_back().expect("a part");
    assert!(!token.starts_with("weir_") || !format!("{answer:?}").contains(token), "{answer:?}");
    assert_eq!((edge.stored().len(), edge.counted(Reason::InvalidToken)), (0, counted + 1));
}

#[tokio::test]
async fn a_token_that_may_not_send_lets_nothing_in() {
    let (edge, token) = edge_and_token();
    let reads = edge.registry.create_token("reads", None).expect("makes").token;
    let revoked = edge.registry.create_sending_token("revoked", None).expect("makes").token;
    edge.registry.revoke_token("revoked").expect("revokes");
    let longer = format!("{token}0");
    for token in ["nonsense", "", "weir_", &reads, &revoked, &token[..68], &longer, &token.to_uppercase()] {
        check_not_let_in(&edge, &format!("Bearer {token}")).await;
    }
    check_not_let_in(&edge, "Bearer").await;
    check_not_let_in(&edge, &format!("bearer  {reads}")).await;
}

#[tokio::test]
async fn a_token_of_one_site_sends_to_no_other() {
    let edge = Edge::new();
    let token = edge.registry.create_sending_token("one", Some("example.com")).expect("makes").token;
    let [own, below, other, unknown] =
        ["example.com", "shop.example.com", "other.example", "unknown.example"]
            .map(|host| page_view(&format!("https://{host}/")));
    let body = json!({"ip": NL, "userAgent": FIREFOX, "events": [other.clone(), own, unknown, below]});
    let dropped = json!([{"index": 0, "reason": "token_mismatch"}, {"index": 2, "reason": "unknown_host"}]);
    assert_eq!(send(&edge, &token, &body).await.json(), json!({"accepted": 2, "dropped": dropped}));
    let answer = send(&edge, &token, &json!({"ip": NL, "events": [other]})).await;
    assert_eq!(
        (answer.status, answer.json()["reason"].as_str()),
        (StatusCode::FORBIDDEN, Some("token_mismatch"))
    );
    assert_eq!((edge.stored().len(), edge.counted(Reason::TokenMismatch)), (2, 2));
}

/// (members of the delivery, members of its event, why the event is not taken)
async fn check_refused(delivery: Value, event: Value, reason: Reason) {
    let (edge, token) = edge_and_token();
    let bad = with(page_view("https://example.com/"), &event);
    let good = with(page_view("https://example.com/"), &json!({"ip": NL, "userAgent": FIREFOX}));
    let answer = send(&edge, &token, &with(json!({"events": [bad]}), &delivery)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{delivery} {event}");
    assert_eq!(answer.json()["reason"], reason.name(), "{delivery} {event}");
    let answer = send(&edge, &token, &with(json!({"events": [bad, good]}), &delivery)).await;
    let dropped = json!([{"index": 0, "reason": reason.name()}]);
    assert_eq!(answer.json(), json!({"accepted": 1, "dropped": dropped}), "{delivery} {event}");
    assert_eq!((edge.stored().len(), edge.counted(reason)), (1, 2));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_and_not_replaced() {
    for ip in [json!(""), json!("localhost"), json!("193.0.6.139:443"), json!("1.2.3.4, 5.6.7.8"), json!(7)] {
        check_refused(json!({"ip": US}), json!({"ip": ip}), Reason::InvalidIp).await;
        check_refused(json!({"ip": ip}), json!({}), Reason::InvalidIp).await;
    }
    check_refused(json!({}), json!({"ip": NL, "userAgent": 7}), Reason::Malformed).await;
    check_refused(json!({}), json!({"ip": NL, "userAgent": "a\u{0}"}), Reason::InvalidText).await;
}

#[tokio::test]
async fn the_visitor_s_address_is_excluded_and_not_the_sender_s() {
    let excluded_ips = vec!["193.0.6.0/24".parse().expect("a network"), "127.0.0.0/8".parse().expect("one")];
    let edge = Edge::with(IngestConfig { excluded_ips, ..IngestConfig::default() }, QueueOptions::default());
    let token = edge.registry.create_sending_token("backend", None).expect("makes").token;
    let of = |ip: &str| with(page_view("https://example.com/"), &json!({"ip": ip}));
    let answer = send(&edge, &token, &json!({"events": [of(NL), of(US)]})).await;
    let dropped = json!([{"index": 0, "reason": "excluded_ip"}]);
    assert_eq!(answer.json(), json!({"accepted": 1, "dropped": dropped}));
    assert_eq!(edge.only_stored().country, Some(Country(*b"US")));
}

#[tokio::test]
async fn a_sender_is_held_by_the_limits_of_a_delivery_and_of_the_queue() {
    let options = QueueOptions { backlog_events_max: 150, site_share_max: 1.0, ..QueueOptions::default() };
    let edge = Edge::with(IngestConfig::default(), options);
    let token = edge.registry.create_sending_token("backend", None).expect("makes").token;
    let of = |n| json!({"ip": NL, "events": vec![page_view("https://example.com/"); n]});
    let too_many = send(&edge, &token, &of(101)).await;
    assert_eq!((too_many.status, edge.stored().len()), (StatusCode::PAYLOAD_TOO_LARGE, 0));
    assert_eq!(send(&edge, &token, &of(100)).await.json()["accepted"], 100);
    let full = send(&edge, &token, &of(100)).await;
    assert_eq!((full.status, edge.stored().len()), (StatusCode::SERVICE_UNAVAILABLE, 100));
    let padding = "a".repeat(limits::BODY_BYTES_MAX);
    let large = send(&edge, &token, &json!({"ip": NL, "events": [], "padding": padding})).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_sender_speaks_for_more_visitors_than_one_address_may() {
    let limit = RateLimit { events_per_second: NonZeroU32::MIN, burst_events: NonZeroU32::MIN };
    let config = IngestConfig { rate_limit: Some(limit), ..IngestConfig::default() };
    let edge = Edge::with(config, QueueOptions::default());
    let token = edge.registry.create_sending_token("backend", None).expect("makes").token;
    let bearer = format!("Bearer {token}");
    let from = ("x-forwarded-for", "193.0.6.150");
    let view = page_view("https://example.com/");
    for _ in 0..3 {
        let answer = edge.post_event(&[from, ("authorization", &bearer)], view.clone()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    let statuses =
        [edge.post_event(&[from], view.clone()).await.status, edge.post_event(&[from], view).await.status];
    assert_eq!(
        statuses,
        [StatusCode::ACCEPTED, StatusCode::TOO_MANY_REQUESTS],
        "without a token it is one sender"
    );
}

#[tokio::test]
async fn where_a_sender_runs_is_no_page_that_sends() {
    let (edge, token) = edge_and_token();
    let bearer = format!("Bearer {token}");
    for origin in ["https://backend.example", "https://other.example"] {
        let headers = [("origin", origin), ("authorization", &*bearer)];
        let answer = edge.post_event(&headers, page_view("https://example.com/")).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{origin}");
    }
}

#[tokio::test]
async fn an_event_sent_again_is_the_same_event() {
    let (edge, token) = edge_and_token();
    let mut named = custom("paid");
    named["id"] = json!("0193f5d2-7c1a-7abc-8def-0123456789ab");
    let mut unnamed = custom("paid");
    unnamed["timestamp"] = json!(NOW.0 - 123);
    let of = |ip: &str| json!({"ip": ip, "userAgent": FIREFOX, "events": [named, unnamed]});
    for ip in [NL, NL, US] {
        assert_eq!(send(&edge, &token, &of(ip)).await.json()["accepted"], 2);
    }
    let ids: Vec<_> = edge.stored().iter().map(|event| event.id).collect();
    assert_eq!(ids[..2], ids[2..4]);
    assert_eq!(ids[0], ids[4], "an id is an id, whoever it is told of");
    assert_ne!(ids[1], ids[5], "without one, another visitor's event is another event");
}

/// (headers of one without a token, members of the delivery, members of its event)
async fn check_hearsay(headers: &[(&str, &str)], delivery: Value, event: Value) {
    let edge = Edge::new();
    let plain = page_view("https://example.com/");
    for body in
        [json!({"events": [plain]}), with(json!({"events": [with(plain.clone(), &event)]}), &delivery)]
    {
        let answer = edge.post(EVENTS, headers, body.to_string()).await;
        assert_eq!(answer.json(), json!({"accepted": 1, "dropped": []}), "{body}");
    }
    let stored = edge.stored();
    assert_eq!((stored[0].visitor, stored[0].country), (stored[1].visitor, stored[1].country));
    assert_eq!((&*stored[1].user_agent, stored[1].country), (FIREFOX, None));
}

#[tokio::test]
async fn without_a_token_nobody_speaks_for_others() {
    let named = json!({"ip": NL, "userAgent": SAFARI});
    check_hearsay(&[], json!({}), named.clone()).await;
    check_hearsay(&[], named.clone(), json!({})).await;
    check_hearsay(&[], json!({"ip": "nonsense", "userAgent": {}}), json!({"ip": [], "userAgent": 7})).await;
    check_hearsay(&[("authorization", "Basic dTpw")], named.clone(), named).await;
}

#[tokio::test]
async fn the_one_event_form_names_a_visitor_as_well() {
    let (edge, token) = edge_and_token();
    let one = json!({"url": "https://example.com/", "eventType": 1, "timestamp": "2026-05-28T20:26:39.877Z",
        "ip": NL, "userAgent": FIREFOX});
    assert_eq!(send(&edge, &token, &one).await.status, StatusCode::ACCEPTED);
    let stored = edge.only_stored();
    assert_eq!((stored.country, stored.user_agent.as_str()), (Some(Country(*b"NL")), FIREFOX));
    let answer = send(&edge, &token, &with(one, &json!({"ip": "nonsense"}))).await;
    assert_eq!(
        (answer.status, answer.json()["reason"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid_ip"))
    );
}

/// Trackers and clients of other makes know no tokens of ours; what a proxy adds must not cost them.
#[tokio::test]
async fn other_routes_heed_no_token() {
    let edge = Edge::new();
    let wrong = [("authorization", "Bearer nonsense")];
    let one = r#"{"url":"https://example.com/","eventType":1,"ip":"193.0.6.139"}"#;
    assert_eq!(edge.post(BEACON, &wrong, one).await.status, StatusCode::ACCEPTED);
    let plausible = r#"{"n":"pageview","u":"https://example.com/","d":"example.com"}"#;
    assert_eq!(edge.post("/api/event", &wrong, plausible).await.status, StatusCode::ACCEPTED);
    assert!(edge.stored().iter().all(|event| event.country.is_none()));
}
