use std::num::NonZeroU32;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use weir_ingest::{IngestConfig, RateLimit, TrustedProxies};
use weir_queue::QueueOptions;

use crate::harness::{Answer, Edge, FIREFOX};

/// An address that the built-in table knows: in Germany.
const VISITOR: &str = "5.1.64.1";

async fn ask(edge: &Edge, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path).header("user-agent", FIREFOX).header("x-forwarded-for", VISITOR);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    edge.send(request.body(Body::empty()).expect("a request")).await
}

async fn told(edge: &Edge, path: &str, headers: &[(&str, &str)]) -> Value {
    let answer = ask(edge, path, headers).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

#[tokio::test]
async fn visitors_are_told_who_they_are_here_today() {
    let edge = Edge::new();
    let of_page = [("origin", "https://example.com")];
    let told_me = told(&edge, "/x/api/v1/me", &of_page).await;
    let members: Vec<&String> = told_me.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["country", "events", "generatedAt", "visitorAlias", "visitorId"]);
    let id = told_me["visitorId"].as_str().expect("an id");
    assert!(id.len() == 64 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    let alias = told_me["visitorAlias"].as_str().expect("a name");
    assert_eq!(alias.split(' ').count(), 2, "{alias}");
    assert_eq!(told_me["country"], "de");
    assert_eq!(told_me["events"], json!([]));
    assert_eq!(told_me["generatedAt"], "2026-05-28T20:26:40.000Z");
    assert_eq!(told(&edge, "/x/api/v1/you", &of_page).await, told_me);
    assert_eq!(edge.stored(), [], "to ask is no visit");
}

#[tokio::test]
async fn the_site_is_found_as_older_pages_name_it() {
    let edge = Edge::new();
    let id =
        async |path: &str, headers: &[(&str, &str)]| told(&edge, path, headers).await["visitorId"].clone();
    let here = id("/x/api/v1/me", &[("origin", "https://example.com")]).await;
    assert_eq!(id("/x/api/v1/me?w=www.example.com", &[]).await, here);
    assert_eq!(id("/x/api/v1/me?url=https%3A%2F%2Fexample.com%2Fa", &[("origin", "null")]).await, here);
    assert_eq!(id("/x/api/v1/me", &[("referer", "https://example.com/a")]).await, here);
    assert_eq!(id("/x/api/v1/me", &[("host", "example.com")]).await, here);
    let other = id("/x/api/v1/me?w=other.example", &[]).await;
    assert!(other.is_string() && other != here, "a visitor of two sites is two");
}

#[tokio::test]
async fn a_visitor_is_another_one_tomorrow() {
    let edge = Edge::new();
    let page = [("origin", "https://example.com")];
    let today = told(&edge, "/x/api/v1/me", &page).await;
    edge.clock.advance_ms(86_400_000);
    assert_ne!(told(&edge, "/x/api/v1/me", &page).await["visitorId"], today["visitorId"]);
}

#[tokio::test]
async fn a_page_learns_nothing_about_its_visitors_on_other_sites() {
    let edge = Edge::new();
    for (path, origin) in [
        ("/x/api/v1/me?w=example.com", "https://other.example"),
        ("/x/api/v1/me?w=example.com", "https://evil.example"),
        ("/x/api/v1/me", "https://evil.example"),
        ("/x/api/v1/me?w=nobody.example", "https://example.com"),
    ] {
        let told = told(&edge, path, &[("origin", origin)]).await;
        assert_eq!(
            (&told["visitorId"], &told["visitorAlias"]),
            (&Value::Null, &Value::Null),
            "{path} {origin}"
        );
        assert_eq!(told["events"], json!([]));
    }
}

#[tokio::test]
async fn questions_that_say_too_little_get_the_answers_that_older_pages_know() {
    let edge = Edge::new();
    for (path, headers, status, code) in [
        ("/x/api/v1/me", [("early-data", "1")], 425, "TOO_EARLY"),
        ("/x/api/v1/you", [("origin", "::no address::")], 400, "INVALID_CONTEXT"),
        ("/x/api/v1/me?w=a%20b", [("accept", "*/*")], 400, "INVALID_CONTEXT"),
        ("/x/api/v1/me", [("accept", "*/*")], 400, "MISSING_CONTEXT"),
    ] {
        let answer = ask(&edge, path, &headers).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
    let early = ask(&edge, "/x/api/v1/me", &[("early-data", "1")]).await;
    assert_eq!(early.json(), json!({"error": "Replay required", "code": "TOO_EARLY"}));
}

#[tokio::test]
async fn asking_without_end_is_bounded_like_sending() {
    let one = NonZeroU32::MIN;
    let config = IngestConfig {
        rate_limit: Some(RateLimit { events_per_second: one, burst_events: one }),
        trusted_proxies: TrustedProxies::default(),
        ..IngestConfig::default()
    };
    let edge = Edge::with(config, QueueOptions::default());
    let page = [("origin", "https://example.com")];
    told(&edge, "/x/api/v1/me", &page).await;
    let refused = ask(&edge, "/x/api/v1/me", &page).await;
    assert_eq!(refused.status.as_u16(), 429);
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|secs| secs > 0), "{refused:?}");
}
