//! Scripts and clients that were written for Plausible.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use weir_event::{Amount, Kind, Reason};
use weir_ingest::IngestConfig;
use weir_queue::QueueOptions;

use crate::harness::{Answer, Edge};

const EVENT: &str = "/api/event";
const OWN: (&str, &str) = ("origin", "https://example.com");

async fn post(edge: &Edge, body: &serde_json::Value) -> Answer {
    edge.post(EVENT, &[("content-type", "text/plain"), OWN], body.to_string()).await
}

fn check_ok(answer: &Answer, dropped: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::ACCEPTED, "ok"));
    assert_eq!(answer.header("x-plausible-dropped"), dropped);
}

#[tokio::test]
async fn a_page_view_of_plausible_s_script_is_one() {
    let edge = Edge::new();
    let view = json!({"n": "pageview", "u": "https://www.example.com/pricing?utm_source=news", "d": "example.com",
        "r": "https://www.google.com/", "v": 30, "w": 1440});
    check_ok(&post(&edge, &view).await, "");
    let stored = edge.only_stored();
    assert_eq!((stored.kind, stored.path.as_str()), (Kind::PageView, "/pricing"));
    assert_eq!((stored.utm.source.as_str(), stored.host.as_str()), ("news", "example.com"));
    assert_eq!(stored.referrer.expect("a referrer").host, "google.com");
}

#[tokio::test]
async fn a_goal_of_the_events_api_keeps_its_properties_and_its_revenue() {
    let edge = Edge::new();
    let goal = json!({"name": "Purchase", "url": "https://example.com/buy", "domain": "example.com",
        "props": {"plan": "gold"}, "revenue": {"amount": 12.34, "currency": "EUR"}, "interactive": false});
    check_ok(&post(&edge, &goal).await, "");
    let stored = edge.only_stored();
    assert_eq!((stored.kind, stored.name.as_str()), (Kind::Passive, "Purchase"));
    assert_eq!(stored.props, r#"{"plan":"gold"}"#);
    assert_eq!(stored.amount, Some(Amount { currency: *b"EUR", minor: 1_234 }));
}

#[tokio::test]
async fn engagement_is_time_and_no_event() {
    let edge = Edge::new();
    let engagement =
        json!({"n": "engagement", "u": "https://example.com/", "d": "example.com", "sd": 80, "e": 4200});
    check_ok(&post(&edge, &engagement).await, "");
    let stored = edge.only_stored();
    assert_eq!((stored.kind, stored.engaged_ms, stored.name.as_str()), (Kind::Engagement, 4_200, ""));
}

/// (domains, whether the page's own site is among them)
async fn check_domains(domains: &str, counted: bool) {
    let edge = Edge::new();
    let view = json!({"n": "pageview", "u": "https://example.com/", "d": domains});
    check_ok(&post(&edge, &view).await, if counted { "" } else { "1" });
    assert_eq!(edge.stored().len(), usize::from(counted), "{domains:?}");
    assert_eq!(edge.counted(Reason::SiteMismatch), u64::from(!counted), "{domains:?}");
}

#[tokio::test]
async fn the_page_s_own_site_must_be_among_the_domains() {
    for own in
        ["example.com", "www.example.com", " Example.com , other.example", "roll.up,example.com", "", " "]
    {
        check_domains(own, true).await;
    }
    check_domains("example.com,www.example.com", true).await;
    for foreign in ["other.example", "roll.up", ",", "other.example,roll.up"] {
        check_domains(foreign, false).await;
    }
}

#[tokio::test]
async fn what_is_left_out_for_who_sent_it_is_a_success_that_says_so() {
    let edge = Edge::new();
    let unknown = json!({"n": "pageview", "u": "https://unknown.example/", "d": "unknown.example"});
    check_ok(&edge.post(EVENT, &[], unknown.to_string()).await, "1");
    assert_eq!(edge.counted(Reason::UnknownHost), 1);
    let view = json!({"n": "pageview", "u": "https://example.com/", "d": "example.com"});
    check_ok(&edge.post(EVENT, &[("origin", "https://evil.example")], view.to_string()).await, "1");
    assert_eq!(edge.counted(Reason::ForeignOrigin), 1);
    assert_eq!(edge.stored(), []);
    let excluded_ips = vec!["127.0.0.0/8".parse().expect("a network")];
    let edge = Edge::with(IngestConfig { excluded_ips, ..IngestConfig::default() }, QueueOptions::default());
    check_ok(&post(&edge, &view).await, "1");
    assert_eq!((edge.stored().len(), edge.counted(Reason::ExcludedIp)), (0, 1));
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_an_error() {
    let edge = Edge::new();
    for (body, reason) in [
        ("nonsense", Reason::Malformed),
        (r#"{"u":"https://example.com/","d":"example.com"}"#, Reason::Malformed),
        (r#"{"n":"pageview","d":"example.com"}"#, Reason::InvalidUrl),
        (r#"{"n":" ","u":"https://example.com/"}"#, Reason::InvalidName),
        (r#"{"n":"a","u":"https://example.com/","p":[1]}"#, Reason::InvalidProps),
        (r#"{"n":"a","u":"https://example.com/","$":{"amount":1}}"#, Reason::InvalidAmount),
    ] {
        let answer = edge.post(EVENT, &[OWN], body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["reason"], reason.name(), "{body}");
    }
    assert_eq!(edge.stored(), []);
}

#[tokio::test]
async fn a_browser_may_ask_first() {
    let edge = Edge::new();
    let ask = Request::options(EVENT).header("origin", "https://example.com").body(Body::empty());
    assert_eq!(edge.send(ask.expect("a request")).await.status, StatusCode::NO_CONTENT);
}

async fn get(edge: &Edge, path: &str) -> Answer {
    edge.send(Request::get(path).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn the_tracker_is_at_the_paths_of_plausible_s_script_as_well() {
    let edge = Edge::new();
    let built = include_str!("../../../../sdk/dist/weir.js");
    for name in
        ["script.js", "script.hash.outbound-links.js", "plausible.js", "plausible.manual.js", "pa-Ab_1-c.js"]
    {
        let answer = get(&edge, &format!("/js/{name}")).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, built), "{name}");
    }
    for name in ["other.js", "scripture.js", "script", "script.css", "script.js.map", "pa.js", "pa-x.css"] {
        assert_eq!(get(&edge, &format!("/js/{name}")).await.status, StatusCode::NOT_FOUND, "{name}");
    }
}
