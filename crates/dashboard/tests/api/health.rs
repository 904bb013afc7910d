use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use crate::house::{House, check, request};

#[tokio::test]
async fn a_monitor_is_told_in_one_word_and_without_details() {
    let (house, cookie) = House::with_owner();
    let ok = json!({"status": "ok", "timestamp": "2026-06-01T12:00:00.000Z", "db_status": "ok"});
    assert_eq!(house.get("/_health", "").await.ok(), ok);

    house.health.lock().unwrap().checks.push(check("proxy", false));
    house.clock.advance_ms(1_000);
    let degraded = json!({"status": "degraded", "timestamp": "2026-06-01T12:00:01.000Z", "db_status": "ok"});
    assert_eq!(house.get("/_health", "").await.ok(), degraded);

    house.health.lock().unwrap().database_ok = false;
    house.clock.advance_ms(1_000);
    assert_eq!(house.get("/_health", "").await.ok()["db_status"], "error");

    let answer = house.get("/api/health", &cookie).await.ok();
    assert_eq!(answer["status"], "degraded");
    let proxy = json!({"name": "proxy", "ok": false, "detail": "proxy was looked at."});
    assert_eq!(answer["checks"][1], proxy);
}

#[tokio::test]
async fn a_monitor_may_ask_by_head() {
    let house = House::new();
    let answer = house.send(request(Method::HEAD, "/_health", "").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
}

#[tokio::test]
async fn a_crowd_of_monitors_causes_one_look() {
    let house = House::new();
    for _ in 0..20 {
        house.get("/_health", "").await.ok();
    }
    assert_eq!(house.health_looks.load(Ordering::SeqCst), 1);
    house.clock.advance_ms(999);
    house.get("/_health", "").await.ok();
    assert_eq!(house.health_looks.load(Ordering::SeqCst), 1);
    house.clock.advance_ms(1);
    house.get("/_health", "").await.ok();
    assert_eq!(house.health_looks.load(Ordering::SeqCst), 2);
}
