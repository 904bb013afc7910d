use axum::http::StatusCode;
use serde_json::{Value, json};
use weir_event::{Amount, ClickId, Kind, Referrer, Utm};
use weir_registry::SiteRules;

use crate::harness::{EVENTS, Edge, FIREFOX, NOW, custom, page_view};

#[tokio::test]
async fn an_acknowledged_batch_is_on_disk() {
    let edge = Edge::new();
    let events: Vec<Value> = (0..100).map(|n| page_view(&format!("https://example.com/{n}"))).collect();
    let body = json!({"sentAt": NOW.0, "events": events}).to_string();
    let answer = edge.post(EVENTS, &[("content-type", "text/plain")], body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json(), json!({"accepted": 100, "dropped": []}));
    let stored = edge.stored();
    let paths: Vec<&str> = stored.iter().map(|event| event.path.as_str()).collect();
    assert_eq!((paths.len(), paths[0], paths[99]), (100, "/0", "/99"));
    assert_eq!(edge.ingest.gauges().accepted_events, 100);
}

#[tokio::test]
async fn everything_an_event_says_is_kept_and_nothing_else() {
    let edge = Edge::new();
    let url = "https://Shop.Example.com:443/caf%C3%A9/?utm_source=news&utm_medium=mail&utm_campaign=may\
        &utm_content=a&utm_term=b&source=c&ref=d&gclid=SECRET&session=SECRET#top";
    let event = json!({
        "id": "0193f5d2-7c1a-7abc-8def-0123456789ab", "type": "event", "timestamp": NOW.0 - 250, "url": url,
        "referrer": "https://www.news.example:8443/story/1?who=SECRET", "name": " sign up ",
        "props": {"plan": "pro", "seats": 3}, "revenue": {"amount": "12.34", "currency": "EUR"},
        "engaged": 1_500, "webdriver": true,
    });
    let client = [("x-forwarded-for", "193.0.6.139"), ("origin", "https://shop.example.com")];
    let answer = edge.post_event(&client, event).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let stored = edge.only_stored();
    assert!(stored.visitor.is_some());
    let expected = weir_event::Event {
        id: "0193f5d2-7c1a-7abc-8def-0123456789ab".parse().expect("an id"),
        site: edge.registry.site("example.com").expect("a site").id,
        received: NOW,
        time: NOW - 250,
        kind: Kind::Custom,
        host: "shop.example.com".into(),
        path: "/café/".into(),
        referrer: Some(Referrer { host: "news.example".into(), path: "/story/1".into() }),
        utm: Utm {
            source: "news".into(),
            medium: "mail".into(),
            campaign: "may".into(),
            content: "a".into(),
            term: "b".into(),
            plain_source: "c".into(),
            plain_ref: "d".into(),
        },
        click_id: Some(ClickId::Google),
        user_agent: FIREFOX.into(),
        webdriver: true,
        country: Some(weir_event::Country(*b"NL")),
        name: "sign up".into(),
        props: r#"{"plan":"pro","seats":3}"#.into(),
        amount: Some(Amount { currency: *b"EUR", minor: 1_234 }),
        engaged_ms: 1_500,
        ..stored.clone()
    };
    assert_eq!(stored, expected);
    assert!(!format!("{stored:?}").contains("SECRET"));
    assert!(!format!("{stored:?}").contains("193.0.6.139"));
}

#[tokio::test]
async fn each_kind_of_event_is_told_from_the_others() {
    let edge = Edge::new();
    let mut passive = custom("scroll");
    passive["interactive"] = json!(false);
    let engagement = json!({"type": "engagement", "url": "https://example.com/?utm_source=x", "engaged": 4_000,
        "referrer": "https://news.example/", "name": "\u{0}", "props": 5, "revenue": 5});
    let events = [page_view("https://example.com/"), custom("click"), passive, engagement];
    let answer = edge.post(EVENTS, &[], json!({"events": events}).to_string()).await;
    assert_eq!(answer.json()["accepted"], 4, "{answer:?}");
    let stored = edge.stored();
    let kinds: Vec<Kind> = stored.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::PageView, Kind::Custom, Kind::Passive, Kind::Engagement]);
    let engagement = &stored[3];
    assert_eq!((engagement.engaged_ms, engagement.name.as_str(), engagement.props.as_str()), (4_000, "", ""));
    assert_eq!((&engagement.referrer, &engagement.utm, engagement.amount), (&None, &Utm::default(), None));
}

#[tokio::test]
async fn any_script_and_emoji_are_text_like_any_other() {
    let edge = Edge::new();
    let text = "注文 🛒👩‍👩‍👧 café عربى 𝒳";
    let mut event = custom(text);
    event["url"] = json!("https://example.com/😀");
    event["props"] = json!({"😀": text, "lines": "a\n\tb"});
    assert_eq!(edge.post_event(&[], event.clone()).await.status, StatusCode::ACCEPTED);
    let stored = edge.only_stored();
    assert_eq!((stored.name.as_str(), stored.path.as_str()), (text, "/😀"));
    assert_eq!(serde_json::from_str::<Value>(&stored.props).expect("JSON"), event["props"]);
}

#[tokio::test]
async fn half_an_emoji_does_not_cost_the_delivery() {
    let edge = Edge::new();
    let cut = r#"{"events":[{"type":"event","url":"https://example.com/","name":"hi \ud83d"}]}"#;
    assert_eq!(edge.post(EVENTS, &[], cut).await.status, StatusCode::ACCEPTED);
    assert_eq!(edge.only_stored().name, "hi \u{fffd}");
}

#[tokio::test]
async fn of_a_mixed_delivery_the_good_events_are_taken_and_the_others_named() {
    let edge = Edge::new();
    let events = [
        custom(""),
        page_view("https://example.com/a"),
        page_view("nonsense"),
        page_view("https://x.example/"),
    ];
    let answer = edge.post(EVENTS, &[], json!({"events": events}).to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let dropped = json!([{"index": 0, "reason": "invalid_name"}, {"index": 2, "reason": "invalid_url"},
        {"index": 3, "reason": "unknown_host"}]);
    assert_eq!(answer.json(), json!({"accepted": 1, "dropped": dropped}));
    assert_eq!(edge.only_stored().path, "/a");
    assert_eq!(edge.ingest.gauges().dropped_events, 3);
}

#[tokio::test]
async fn a_delivery_without_events_only_reports_what_was_lost() {
    let edge = Edge::new();
    let answer = edge.post(EVENTS, &[], r#"{"events":[],"lost":7}"#).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::ACCEPTED, json!({"accepted": 0, "dropped": []})));
    assert_eq!(edge.ingest.gauges().tracker_lost, 7);
}

#[tokio::test]
async fn what_a_tracker_gave_up_is_counted_for_its_site_once_the_delivery_is_taken() {
    let edge = Edge::new();
    let site = edge.registry.site("example.com").expect("a site").id;
    let body = |url| json!({"events": [page_view(url)], "lost": 7}).to_string();
    edge.post(EVENTS, &[], body("https://example.com/a")).await;
    edge.post(EVENTS, &[], body("https://x.example/")).await;
    let given_up = edge.registry.given_up().expect("reads");
    let found: Vec<_> = given_up.iter().map(|of| (of.site, of.n)).collect();
    assert_eq!(found, [(None, 7), (Some(site), 7)]);
}

#[tokio::test]
async fn a_site_decides_what_belongs_to_its_pages() {
    let edge = Edge::new();
    let site = edge.registry.site("example.com").expect("a site");
    let rules = SiteRules { kept_params: vec!["id".into()], subdomains: false, ..site.rules() };
    edge.registry.set_site_rules("example.com", &rules).expect("sets");
    let mut event = page_view("https://www.example.com/a?x=1&id=7#/inbox");
    event["hash"] = json!(true);
    let events = [event, page_view("https://blog.example.com/")];
    let answer = edge.post(EVENTS, &[], json!({"events": events}).to_string()).await;
    assert_eq!(answer.json()["dropped"], json!([{"index": 1, "reason": "unknown_host"}]));
    let stored = edge.only_stored();
    assert_eq!((stored.host.as_str(), stored.path.as_str()), ("example.com", "/a?id=7#/inbox"));
}

#[tokio::test]
async fn an_origin_that_says_nothing_keeps_nobody_out() {
    let edge = Edge::new();
    for headers in
        [&[][..], &[("origin", "null")], &[("origin", "null"), ("referer", "https://evil.example/")]]
    {
        let answer = edge.post_event(headers, page_view("https://example.com/")).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{headers:?}");
    }
    for origin in ["https://example.com", "https://www.example.com", "http://blog.example.com:8080"] {
        let answer = edge.post_event(&[("origin", origin)], page_view("https://example.com/")).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{origin}");
    }
    let referer = [("referer", "https://example.com/page?x=1")];
    assert_eq!(
        edge.post_event(&referer, page_view("https://example.com/")).await.status,
        StatusCode::ACCEPTED
    );
}
