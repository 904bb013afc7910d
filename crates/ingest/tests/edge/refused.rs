use axum::http::{Request, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use weir_event::{Reason, limits};
use weir_ingest::IngestConfig;
use weir_queue::QueueOptions;
use weir_registry::SiteRules;

use crate::harness::{Answer, BEACON, EVENTS, Edge, custom, page_view};

/// A delivery that is refused as a whole: the answer names the reason, nothing reaches the disk, the
/// refusal is counted, and the next delivery is taken.
async fn check_refused(
    edge: &Edge,
    headers: &[(&str, &str)],
    body: String,
    status: StatusCode,
    reason: Reason,
) {
    let (stored, counted) = (edge.stored().len(), edge.counted(reason));
    let answer = edge.post(EVENTS, headers, body).await;
    assert_eq!(answer.status, status, "{reason}: {answer:?}");
    assert_eq!(answer.json()["reason"], reason.name(), "{answer:?}");
    assert!(answer.json()["error"].as_str().is_some_and(|sentence| sentence.len() > 5), "{answer:?}");
    assert_eq!(edge.stored().len(), stored, "{reason}: nothing is stored");
    assert!(edge.counted(reason) > counted, "{reason}: counted");
    let next = edge.post_event(&[], page_view("https://example.com/")).await;
    assert_eq!(next.status, StatusCode::ACCEPTED, "after {reason}");
}

fn one(event: Value) -> String {
    json!({"events": [event]}).to_string()
}

/// The server answers deliveries without the router: nobody may tell the difference.
#[tokio::test]
async fn a_delivery_is_answered_alike_with_and_without_the_router() {
    let edge = Edge::new();
    let big = "a".repeat(limits::HEADER_BYTES_MAX);
    let good = one(page_view("https://example.com/"));
    for (header, body) in [
        ("", good.clone()),
        ("", "{".to_owned()),
        ("", one(page_view("https://unknown.example/"))),
        ("", " ".repeat(limits::BODY_BYTES_MAX + 1)),
        (&*big, good),
    ] {
        let request = || Request::post(EVENTS).header("x-big", header).body(body.clone().into());
        let direct = edge.send(request().expect("a request")).await;
        let routed = edge.send_to_router(request().expect("a request")).await;
        assert_eq!((direct.status, &direct.text), (routed.status, &routed.text));
        let sorted = |answer: &Answer| {
            let mut all: Vec<_> = answer.headers.iter().map(|(n, v)| format!("{n}: {v:?}")).collect();
            // Only a router says how long the body is; hyper says it of both.
            all.retain(|line| !line.starts_with("content-length"));
            all.sort();
            all
        };
        assert_eq!(sorted(&direct), sorted(&routed), "{direct:?}");
    }
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;

#[tokio::test]
async fn what_is_no_json_of_the_documented_shape_is_malformed() {
    let edge = Edge::new();
    for body in
        ["", "{", "[]", "{}", "not json", r#"{"events":"all"}"#, r#"{"events":[{}]}"#, r#"{"events":[7]}"#]
    {
        check_refused(&edge, &[], body.to_owned(), BAD, Reason::Malformed).await;
    }
    let wrong_type = r#"{"events":[{"type":"pageview","url":42}]}"#.to_owned();
    check_refused(&edge, &[], wrong_type, BAD, Reason::Malformed).await;
    check_refused(&edge, &[], "[".repeat(60_000), BAD, Reason::Malformed).await;
    check_refused(&edge, &[], "{\"events\":[\0]}".to_owned(), BAD, Reason::Malformed).await;
}

#[tokio::test]
async fn a_body_of_64_kb_is_taken_and_one_byte_more_is_too_large() {
    let edge = Edge::new();
    let of_bytes = |bytes: usize| {
        let body = one(page_view("https://example.com/"));
        format!("{}{body}", " ".repeat(bytes - body.len()))
    };
    let answer = edge.post(EVENTS, &[], of_bytes(limits::BODY_BYTES_MAX)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let too_large = StatusCode::PAYLOAD_TOO_LARGE;
    check_refused(&edge, &[], of_bytes(limits::BODY_BYTES_MAX + 1), too_large, Reason::TooLarge).await;
    check_refused(&edge, &[], of_bytes(3 * 1024 * 1024), too_large, Reason::TooLarge).await;
}

#[tokio::test]
async fn a_body_in_pieces_is_put_together_and_bounded_all_the_same() {
    let edge = Edge::new();
    let text = one(page_view("https://example.com/"));
    let pieces = |padding: usize| {
        let text = format!("{}{text}", " ".repeat(padding));
        let parts: Vec<Result<Vec<u8>, std::io::Error>> =
            text.as_bytes().chunks(1_000).map(|part| Ok(part.to_vec())).collect();
        axum::body::Body::from_stream(tokio_stream::iter(parts))
    };
    let fits = limits::BODY_BYTES_MAX - text.len();
    assert_eq!(edge.post(EVENTS, &[], pieces(fits)).await.status, StatusCode::ACCEPTED);
    assert_eq!(edge.post(EVENTS, &[], pieces(fits + 1)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let edge = Edge::new();
    let body = axum::body::Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = edge.post(EVENTS, &[], body).await;
    assert_eq!((answer.status, answer.header("connection")), (StatusCode::REQUEST_TIMEOUT, "close"));
}

#[tokio::test]
async fn a_hundred_and_one_events_are_too_many() {
    let edge = Edge::new();
    let events = vec![page_view("https://example.com/"); limits::EVENTS_PER_DELIVERY_MAX + 1];
    let body = json!({"events": events}).to_string();
    check_refused(&edge, &[], body, StatusCode::PAYLOAD_TOO_LARGE, Reason::TooMany).await;
    assert_eq!(edge.counted(Reason::TooMany), 101);
}

#[tokio::test]
async fn a_url_without_host_is_invalid() {
    let edge = Edge::new();
    let long = format!("https://example.com/?{}", "a".repeat(limits::URL_BYTES_MAX));
    for url in ["", "/path", "https://", "file:///x", "https://example.com/\u{0}", &long] {
        check_refused(&edge, &[], one(page_view(url)), BAD, Reason::InvalidUrl).await;
    }
    check_refused(&edge, &[], one(json!({"type": "pageview"})), BAD, Reason::InvalidUrl).await;
}

#[tokio::test]
async fn an_unknown_host_is_refused_and_offered_to_the_operator() {
    let edge = Edge::new();
    let url = "https://www.New.Example/a";
    check_refused(&edge, &[], one(page_view(url)), BAD, Reason::UnknownHost).await;
    // A page that reports itself is no stranger.
    let origin = [("origin", "https://www.new.example")];
    check_refused(&edge, &origin, one(page_view(url)), BAD, Reason::UnknownHost).await;
    let answer = edge.post_event(&[("origin", "https://example.com")], page_view(url)).await;
    assert_eq!(answer.json()["code"], "WEBSITE_NOT_FOUND");
    let hosts = edge.registry.unknown_hosts().expect("hosts");
    let hosts: Vec<_> = hosts.iter().map(|unknown| (unknown.host.as_str(), unknown.n)).collect();
    assert_eq!(hosts, [("new.example", 3)]);
}

#[tokio::test]
async fn a_page_of_no_site_can_not_write_into_one() {
    let edge = Edge::new();
    let body = || one(page_view("https://example.com/"));
    for origin in
        ["https://evil.example", "https://example.com.evil.example", "chrome-extension://abc", "nonsense"]
    {
        let headers = [("origin", origin)];
        check_refused(&edge, &headers, body(), StatusCode::FORBIDDEN, Reason::ForeignOrigin).await;
    }
    let referer = [("referer", "https://evil.example/page")];
    check_refused(&edge, &referer, body(), StatusCode::FORBIDDEN, Reason::ForeignOrigin).await;
    let answer = edge.post(EVENTS, &referer, body()).await;
    assert_eq!(answer.json()["error"], "Invalid origin");
}

#[tokio::test]
async fn a_page_of_one_site_can_not_write_into_another() {
    let edge = Edge::new();
    let origin = [("origin", "https://other.example")];
    let body = one(page_view("https://example.com/"));
    check_refused(&edge, &origin, body, StatusCode::FORBIDDEN, Reason::SiteMismatch).await;
}

#[tokio::test]
async fn an_excluded_address_is_not_counted() {
    let config = IngestConfig {
        excluded_ips: vec!["193.0.6.0/24".parse().expect("a network")],
        ..IngestConfig::default()
    };
    let edge = Edge::with(config, QueueOptions::default());
    let site = edge.registry.site("other.example").expect("a site");
    let rules = SiteRules { excluded_ips: vec!["2001:db8::/32".into()], ..site.rules() };
    edge.registry.set_site_rules("other.example", &rules).expect("sets");
    let everywhere = [("x-forwarded-for", "193.0.6.139")];
    check_refused(&edge, &everywhere, one(page_view("https://example.com/")), BAD, Reason::ExcludedIp).await;
    let at_one_site = [("x-forwarded-for", "2001:db8::1")];
    check_refused(&edge, &at_one_site, one(page_view("https://other.example/")), BAD, Reason::ExcludedIp)
        .await;
    let answer = edge.post_event(&at_one_site, page_view("https://example.com/")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_event_of_yesteryear_is_too_old() {
    let edge = Edge::new();
    let mut event = page_view("https://example.com/");
    event["timestamp"] = json!("0001-01-01T00:00:00Z");
    check_refused(&edge, &[], one(event), BAD, Reason::TooOld).await;
}

#[tokio::test]
async fn a_name_that_is_empty_too_long_or_no_text_is_invalid() {
    let edge = Edge::new();
    let longest = "n".repeat(limits::EVENT_NAME_BYTES_MAX);
    assert_eq!(edge.post_event(&[], custom(&longest)).await.status, StatusCode::ACCEPTED);
    for name in ["", "  ", "a\u{0}b", "a\nb", "\u{7f}", &format!("{longest}n"), &"n".repeat(10_000)] {
        check_refused(&edge, &[], one(custom(name)), BAD, Reason::InvalidName).await;
    }
    let unnamed = json!({"type": "event", "url": "https://example.com/"});
    check_refused(&edge, &[], one(unnamed), BAD, Reason::InvalidName).await;
}

#[tokio::test]
async fn properties_that_are_no_scalars_are_invalid() {
    let edge = Edge::new();
    for props in [json!({"a": {"b": 1}}), json!({"a": [1]}), json!([1]), json!("x"), json!({"a": "\u{0}"})] {
        let mut event = custom("buy");
        event["props"] = props;
        check_refused(&edge, &[], one(event), BAD, Reason::InvalidProps).await;
    }
}

#[tokio::test]
async fn revenue_that_is_no_money_is_invalid() {
    let edge = Edge::new();
    for revenue in
        [json!({"amount": "many", "currency": "EUR"}), json!({"amount": 1, "currency": "XYZ"}), json!(9)]
    {
        let mut event = custom("buy");
        event["revenue"] = revenue;
        check_refused(&edge, &[], one(event), BAD, Reason::InvalidAmount).await;
    }
}

#[tokio::test]
async fn a_referrer_or_a_user_agent_with_control_characters_is_no_text() {
    let edge = Edge::new();
    let mut event = page_view("https://example.com/");
    event["referrer"] = json!("https://news.example/\u{0}");
    check_refused(&edge, &[], one(event), BAD, Reason::InvalidText).await;
    let older = r#"{"url":"https://example.com/","eventType":1,"userAgent":"a\u0000"}"#.to_owned();
    check_refused(&edge, &[], older, BAD, Reason::InvalidText).await;
}

#[tokio::test]
async fn headers_within_16_kb_are_taken_and_more_are_too_large() {
    let edge = Edge::new();
    let big = "a".repeat(limits::HEADER_BYTES_MAX);
    let answer = edge.post(EVENTS, &[("x-big", &big)], one(page_view("https://example.com/"))).await;
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!((edge.stored().len(), edge.counted(Reason::TooLarge)), (0, 1));
    let fits = "a".repeat(limits::HEADER_BYTES_MAX - 500);
    let answer = edge.post(EVENTS, &[("x-big", &fits)], one(page_view("https://example.com/"))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_browser_that_asks_first_may_send_json_and_a_token() {
    let edge = Edge::new();
    for path in [EVENTS, BEACON] {
        let request = Request::options(path)
            .header("origin", "https://anything.example")
            .header("access-control-request-method", "POST")
            .body(axum::body::Body::empty());
        let answer = edge.send(request.expect("a request")).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert_eq!(answer.header("access-control-allow-headers"), "Content-Type, Authorization");
        assert!(!answer.header("access-control-max-age").is_empty());
    }
}

#[tokio::test]
async fn another_method_is_refused_with_the_same_headers() {
    let edge = Edge::new();
    let request = Request::get(EVENTS).body(axum::body::Body::empty()).expect("a request");
    assert_eq!(edge.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn whatever_is_sent_gets_an_answer_and_never_a_5xx() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let edge = Edge::new();
    let event = "\\{\"type\":\"(pageview|event|engagement)\",\"url\":\"https://example.com/\\PC{0,9}\",\"(name|props|\
        revenue|timestamp|referrer)\":(\"\\PC{0,9}\"|[0-9]{1,20}|\\{\"[a-z]{0,3}\":\"?[0-9]{1,3}\"?\\}|null)\\}";
    let body = format!("\\PC{{0,40}}|\\{{\"events\":\\[({event},){{0,3}}{event}\\]\\}}");
    let mut runner = TestRunner::default();
    let check = |(body, beacon): (String, bool)| {
        let answer = runtime.block_on(edge.post(if beacon { BEACON } else { EVENTS }, &[], body));
        prop_assert!(answer.status.as_u16() < 500, "{:?}", answer);
        Ok(())
    };
    runner.run(&(body.as_str(), any::<bool>()), check).expect("holds");
}
