use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;
use weir_event::{Control, Seq};
use weir_queue::Entry;

use crate::house::{House, Plan, json_request, request};

#[tokio::test]
async fn a_site_is_added_listed_and_removed() {
    let (house, cookie) = House::with_owner();
    let body = json!({"domain": "https://www.Example.com/path", "timezone": "Europe/Berlin"});
    let added = house.post("/api/sites", &cookie, body.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED);
    let site = json!({"domain": "example.com", "timezone": "Europe/Berlin", "has_events": false,
        "created_at": "2026-06-01T12:00:00.000Z", "visit_timeout_minutes": 30, "bots": "set-aside"});
    assert_eq!(added.json(), site);
    house.post("/api/sites", &cookie, body).await.refused(409);
    assert_eq!(house.get("/api/sites", &cookie).await.ok()["sites"], json!([site]));

    let id = house.registry.site("example.com").unwrap().id;
    assert_eq!(house.delete("/api/sites/example.com", &cookie).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get("/api/sites", &cookie).await.ok()["sites"], json!([]));
    house.delete("/api/sites/example.com", &cookie).await.refused(404);

    // Its figures are the processor's to delete, once.
    let rows = house.queue.reader().unwrap().pending(Seq(0), 10).unwrap();
    let wishes: Vec<_> = rows.iter().map(|row| row.decode().unwrap()).collect();
    assert_eq!(wishes, [Entry::Control(Control::RemoveSite(id))]);
}

#[tokio::test]
async fn a_site_that_can_not_be_is_refused_with_the_reason() {
    let (house, cookie) = House::with_owner();
    let add = |domain: &str, zone: &str| {
        let body = json!({"domain": domain, "timezone": zone});
        let (house, cookie) = (&house, &cookie);
        async move { house.post("/api/sites", cookie, body).await.refused(400) }
    };
    assert!(add("example.com", "Mars/Olympus").await.contains("Mars/Olympus"));
    for domain in ["", "no spaces.test", "a..b", &"a".repeat(300)] {
        add(domain, "UTC").await;
    }
    assert!(house.registry.sites().is_empty());
}

#[tokio::test]
async fn hosts_without_a_site_are_offered() {
    let (house, cookie) = House::with_owner();
    house.registry.unknown_host("new.test");
    house.registry.unknown_host("new.test");
    house.registry.flush_counts().unwrap();
    let sites = house.get("/api/sites", &cookie).await.ok();
    let unknown = json!([{"host": "new.test", "count": 2, "last_seen": "2026-06-01T12:00:00.000Z"}]);
    assert_eq!(sites["unknown_hosts"], unknown);
}

#[tokio::test]
async fn the_tag_names_the_address_that_the_page_was_read_from() {
    let (house, cookie) = House::with_owner();
    house.add_site("example.com");
    let snippet = async |headers: &[(&str, &str)]| {
        let mut request = request(Method::GET, "/api/sites/example.com/install", &cookie);
        request.headers_mut().unwrap().remove(header::HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request.body(Body::empty()).unwrap()).await
    };
    let tag = |address: &str| {
        let snippet = format!("<script defer src=\"{address}/y/api/v1/weir.js\"></script>");
        json!({"snippet": snippet, "has_events": false})
    };
    assert_eq!(snippet(&[("host", "127.0.0.1:3000")]).await.ok(), tag("http://127.0.0.1:3000"));
    let https = [("host", "stats.test"), ("referer", "https://stats.test/example.com/install")];
    assert_eq!(snippet(&https).await.ok(), tag("https://stats.test"));
    let elsewhere = [("host", "stats.test"), ("referer", "https://evil.test/")];
    assert_eq!(snippet(&elsewhere).await.ok(), tag("http://stats.test"));
    snippet(&[("host", "a\"><script>alert(1)</script>")]).await.refused(400);
    snippet(&[]).await.refused(400);
    house.get("/api/sites/nothing.test/install", &cookie).await.refused(404);
}

#[tokio::test]
async fn the_operator_s_public_address_outweighs_the_request_s() {
    let house = House::planned(Plan {
        demo: true,
        public_url: Some("https://stats.example.com/"),
        ..Plan::default()
    });
    house.add_site("example.com");
    let snippet = house.get("/api/sites/example.com/install", "").await.ok()["snippet"].clone();
    assert_eq!(snippet, "<script defer src=\"https://stats.example.com/y/api/v1/weir.js\"></script>");
}

#[tokio::test]
async fn how_a_site_counts_is_changed_and_its_days_are_to_be_counted_anew() {
    let (house, cookie) = House::with_owner();
    let id = house.add_site("example.com");
    let change = async |body: serde_json::Value| {
        let request = json_request(Method::PATCH, "/api/sites/example.com", &cookie, &body);
        house.send(request).await
    };
    let wishes = || house.queue.reader().unwrap().pending(Seq(0), 10).unwrap().len();
    let changed = change(json!({"visit_timeout_minutes": 60})).await.ok();
    assert_eq!((&changed["visit_timeout_minutes"], &changed["bots"]), (&json!(60), &json!("set-aside")));
    assert_eq!((&changed["days_waiting"], &changed["days_frozen"]), (&json!(0), &json!(0)));
    let changed = change(json!({"bots": "count"})).await.ok();
    assert_eq!((&changed["visit_timeout_minutes"], &changed["bots"]), (&json!(60), &json!("count")));
    let row = house.queue.reader().unwrap().pending(Seq(0), 1).unwrap().remove(0);
    assert_eq!(row.decode().unwrap(), Entry::Control(Control::Refold(id)));
    assert_eq!(wishes(), 2);
    change(json!({"bots": "count"})).await.ok();
    assert_eq!(wishes(), 2, "nothing has changed");

    for nonsense in [
        json!({}),
        json!({"bots": "maybe"}),
        json!({"visit_timeout_minutes": 4}),
        json!({"visit_timeout_minutes": 241}),
        json!({"domain": "b.test"}),
    ] {
        let refused = change(nonsense.clone()).await;
        assert!([400, 422].contains(&refused.status.as_u16()), "{nonsense}: {}", refused.text());
    }
    let missing = json_request(Method::PATCH, "/api/sites/b.test", &cookie, &json!({"bots": "count"}));
    house.send(missing).await.refused(404);
    let site = house.registry.site("example.com").unwrap();
    assert_eq!((site.counting.visit_timeout_secs, site.counting.counts_bots), (3_600, true));
}
