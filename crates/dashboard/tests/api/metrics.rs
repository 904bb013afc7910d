use axum::body::Body;
use axum::http::Method;
use weir_event::limits;

use crate::house::{House, request};

#[tokio::test]
async fn metrics_are_for_those_who_may_read_everything() {
    let (house, cookie) = House::with_owner();
    house.add_site("a.test");
    let (of_all, of_one) = (house.token("all", None), house.token("one", Some("a.test")));
    for credential in [&cookie, &of_all] {
        let answer = house.get("/metrics", credential).await;
        assert_eq!(answer.text(), format!("open 0 of {}\n", limits::STREAMS_MAX));
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    for credential in ["", &of_one, "Bearer weir_nonsense", "weir_session=nonsense"] {
        house.get("/metrics", credential).await.refused(401);
    }
}

#[tokio::test]
async fn metrics_count_the_open_live_views() {
    let (house, cookie) = House::with_owner();
    house.add_site("a.test");
    let request = request(Method::GET, "/api/live?site_id=a.test", &cookie).body(Body::empty()).unwrap();
    let stream = house.open(request).await;
    assert!(house.get("/metrics", &cookie).await.text().starts_with("open 1 of "));
    drop(stream);
    while !house.get("/metrics", &cookie).await.text().starts_with("open 0 of ") {
        tokio::task::yield_now().await;
    }
}
