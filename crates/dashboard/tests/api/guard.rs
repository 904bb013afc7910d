use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;

use crate::house::{House, json_request, login_body, request};

const ORIGIN: &str = "https://stats.test";

#[tokio::test]
async fn a_page_elsewhere_can_not_use_the_browser_s_session() {
    let (house, cookie) = House::with_owner();
    let body = json!({"domain": "example.com", "timezone": "UTC"}).to_string();
    let send = async |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/sites").header(header::COOKIE, &cookie);
        request = request.header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request.body(Body::from(body.clone())).unwrap()).await
    };
    send(&[("sec-fetch-site", "cross-site"), ("host", "stats.test")]).await.refused(403);
    send(&[("sec-fetch-site", "same-site"), ("host", "stats.test")]).await.refused(403);
    send(&[("origin", "https://evil.test"), ("host", "stats.test")]).await.refused(403);
    send(&[("origin", "null"), ("host", "stats.test")]).await.refused(403);
    send(&[("host", "stats.test")]).await.refused(403);
    assert!(house.registry.sites().is_empty());

    assert_eq!(send(&[("origin", ORIGIN), ("host", "stats.test")]).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn nothing_that_changes_anything_can_be_sent_from_elsewhere() {
    let (house, cookie) = House::with_owner();
    house.add_site("example.com");
    for (method, path) in [
        (Method::POST, "/api/setup"),
        (Method::POST, "/api/login"),
        (Method::POST, "/api/logout"),
        (Method::POST, "/api/password"),
        (Method::POST, "/api/sites"),
        (Method::DELETE, "/api/sites/example.com"),
        (Method::PATCH, "/api/sites/example.com"),
        (Method::POST, "/api/sites/example.com/check"),
        (Method::POST, "/api/dead/replay"),
        (Method::POST, "/api/dead/drop"),
        (Method::POST, "/api/v2/query"),
    ] {
        let request = Request::builder().method(method.clone()).uri(path).header(header::COOKIE, &cookie);
        let request = request.header("sec-fetch-site", "cross-site").body(Body::from("{}")).unwrap();
        let refused = house.send(request).await.refused(403);
        assert!(refused.contains("a page of this server"), "{method} {path}: {refused}");
    }
    assert_eq!(house.registry.sites().len(), 1);
}

/// A request that carries a token has passed the check of its origin: it must not act by a cookie.
#[tokio::test]
async fn a_token_beside_a_cookie_is_all_that_counts() {
    let (house, cookie) = House::with_owner();
    for authorization in ["Bearer nonsense", "Basic x", "nonsense"] {
        let request = Request::get("/api/sites").header(header::COOKIE, &cookie);
        let request = request.header(header::AUTHORIZATION, authorization).body(Body::empty()).unwrap();
        house.send(request).await.refused(401);
    }
}

#[tokio::test]
async fn a_token_reads_and_changes_nothing() {
    let (house, _) = House::with_owner();
    house.add_site("example.com");
    let token = house.token("all", None);
    for path in ["/api/sites", "/api/sites/example.com/install", "/api/ledger", "/api/health"] {
        house.get(path, &token).await.ok();
    }
    house.post("/api/sites", &token, json!({"domain": "b.test", "timezone": "UTC"})).await.refused(401);
    house.delete("/api/sites/example.com", &token).await.refused(401);
    house.post("/api/password", &token, json!({"current": "a", "new": "b"})).await.refused(401);
    house.post("/api/logout", &token, json!({})).await.refused(401);

    house.registry.revoke_token("all").unwrap();
    house.get("/api/sites", &token).await.refused(401);
}

#[tokio::test]
async fn a_token_that_sends_events_reads_nothing() {
    let house = House::new();
    house.add_site("example.com");
    let token = house.registry.create_sending_token("backend", None).unwrap().token;
    for path in ["/api/sites", "/api/ledger", "/metrics", "/api/live?site_id=example.com"] {
        house.get(path, &format!("Bearer {token}")).await.refused(401);
    }
}

#[tokio::test]
async fn a_site_s_token_reads_that_site_and_knows_of_no_other() {
    let (house, _) = House::with_owner();
    house.add_site("a.test");
    house.add_site("b.test");
    house.registry.unknown_host("c.test");
    house.registry.flush_counts().unwrap();
    let token = house.token("a", Some("a.test"));

    let sites = house.get("/api/sites", &token).await.ok();
    assert_eq!(sites["sites"].as_array().unwrap().len(), 1, "{sites}");
    assert_eq!((&sites["sites"][0]["domain"], &sites["unknown_hosts"]), (&json!("a.test"), &json!([])));

    let ledger = house.get("/api/ledger", &token).await.ok();
    assert_eq!(ledger["sites"].as_array().unwrap().len(), 1, "{ledger}");

    house.get("/api/sites/a.test/install", &token).await.ok();
    let question = |site: &str| json!({"site_id": site, "metrics": ["visitors"], "date_range": "day"});
    house.post("/api/v2/query", &token, question("a.test")).await.ok();
    // Not one word of difference between a site of others and none.
    for (theirs, none) in [
        (
            house.get("/api/sites/b.test/install", &token).await,
            house.get("/api/sites/x.test/install", &token).await,
        ),
        (
            house.get("/api/live?site_id=b.test", &token).await,
            house.get("/api/live?site_id=x.test", &token).await,
        ),
        (
            house.post("/api/v2/query", &token, question("b.test")).await,
            house.post("/api/v2/query", &token, question("x.test")).await,
        ),
    ] {
        assert_eq!(theirs.refused(404).replace("b.test", ""), none.refused(404).replace("x.test", ""));
    }
}

#[tokio::test]
async fn everything_but_the_public_needs_a_login() {
    let (house, _) = House::with_owner();
    house.add_site("example.com");
    let api = weir_dashboard::openapi();
    let mut asked = 0;
    for path in api.paths.paths.keys() {
        let answer = house.get(&path.replace("{domain}", "example.com"), "").await;
        let public = matches!(path.as_str(), "/api/session" | "/_health");
        let post_only = answer.status == StatusCode::METHOD_NOT_ALLOWED;
        assert!(public || post_only || answer.status == StatusCode::UNAUTHORIZED, "{path}");
        if answer.status == StatusCode::UNAUTHORIZED {
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            asked += 1;
        }
    }
    assert!(asked >= 5, "{asked}");
    house.post("/api/v2/query", "", json!({})).await.refused(401);
    house.post("/api/sites", "", json!({})).await.refused(401);
    house.post("/api/logout", "", json!({})).await.refused(401);
    house.delete("/api/sites/example.com", "").await.refused(401);
}

#[tokio::test]
async fn the_demo_shows_everything_and_changes_nothing() {
    let house = House::demo();
    house.add_site("demo.test");
    let session = house.get("/api/session", "").await.ok();
    let expected = json!({"user": null, "setup_required": false, "demo": true,
        "version": env!("CARGO_PKG_VERSION")});
    assert_eq!(session, expected);
    assert_eq!(house.get("/api/sites", "").await.ok()["sites"][0]["domain"], "demo.test");
    let question = json!({"site_id": "demo.test", "metrics": ["visitors"], "date_range": "day"});
    house.post("/api/v2/query", "", question).await.ok();
    for refused in [
        house.post("/api/sites", "", json!({"domain": "b.test", "timezone": "UTC"})).await,
        house.delete("/api/sites/demo.test", "").await,
        house.send(json_request(Method::PATCH, "/api/sites/demo.test", "", &json!({"bots": "count"}))).await,
        house.post("/api/login", "", login_body()).await,
        house.post("/api/logout", "", json!({})).await,
        house.post("/api/password", "", json!({"current": "a", "new": "b"})).await,
        house.post("/api/setup", "", json!({"code": "a", "email": "b", "password": "c"})).await,
    ] {
        assert_eq!(refused.refused(403), "The demo can't be changed");
    }
    assert_eq!(house.registry.sites().len(), 1);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (house, cookie) = House::with_owner();
    let cross_site = request(Method::POST, "/api/login", "").header("sec-fetch-site", "cross-site");
    for answer in [
        house.get("/", "").await,
        house.get("/api/session", "").await,
        house.get("/api/sites", &cookie).await,
        house.get("/api/sites", "").await,
        house.get("/api/nothing", "").await,
        house.get("/assets/nothing.js", "").await,
        house.get("/api/openapi.json", "").await,
        house.get("/_health", "").await,
        house.post("/api/session", &cookie, json!({})).await,
        house.post("/api/login", "", json!({"email": "x".repeat(10_000)})).await,
        house.send(cross_site.body(Body::empty()).unwrap()).await,
    ] {
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(!answer.header("cache-control").is_empty());
        assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}

#[tokio::test]
async fn what_is_one_person_s_stays_out_of_caches() {
    let (house, cookie) = House::with_owner();
    for path in ["/api/session", "/api/sites", "/api/ledger", "/api/nothing"] {
        assert_eq!(house.get(path, &cookie).await.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn unknown_addresses_of_the_api_are_errors_as_json() {
    let (house, cookie) = House::with_owner();
    for path in ["/api", "/api/", "/api/nothing", "/api/v2/nothing", "/x/api/v1/nothing", "/y/nothing", "/_x"]
    {
        house.get(path, &cookie).await.refused(404);
    }
    house.post("/api/nothing", &cookie, json!({})).await.refused(404);
    house.delete("/api/sites", &cookie).await.refused(405);
    house.post("/example.com", &cookie, json!({})).await.refused(405);
    house.get("/api/sites/%ff/install", &cookie).await.refused(400);
}
