use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::harness::{Answer, Edge};

const WHOLE: &str = "/y/api/v1/weir.js";
const OLDER: &str = "/y/api/v1/sdk.js";
const CORE: &str = "/y/api/v1/sdk.core.js";

async fn get(edge: &Edge, path: &str, if_none_match: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(tags) = if_none_match {
        request = request.header("if-none-match", tags);
    }
    edge.send(request.body(Body::empty()).expect("a request")).await
}

fn check_cached(answer: &Answer, etag: &str) {
    assert_eq!(answer.header("etag"), etag);
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
}

async fn check_served(path: &str, built: &str) {
    let edge = Edge::new();
    let answer = get(&edge, path, None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text, built);
    assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    check_cached(&answer, answer.header("etag"));
    let head = Request::head(path).body(Body::empty()).expect("a request");
    let head = edge.send(head).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    check_cached(&head, answer.header("etag"));
}

#[tokio::test]
async fn the_trackers_are_served_as_they_were_built() {
    check_served(WHOLE, include_str!("../../../../sdk/dist/weir.js")).await;
    check_served(OLDER, include_str!("../../../../sdk/dist/fusionaly.js")).await;
    check_served(CORE, include_str!("../../../../sdk/dist/core.js")).await;
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let edge = Edge::new();
    let etag = get(&edge, WHOLE, None).await.header("etag").to_owned();
    assert!(etag.len() > 10 && etag.starts_with('"') && etag.ends_with('"'));
    for tags in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        format!("\"a\",W/{etag}"),
        "*".into(),
    ] {
        let answer = get(&edge, WHOLE, Some(&tags)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{tags}");
        check_cached(&answer, &etag);
    }
    for tags in ["\"other\"", "", etag.trim_matches('"')] {
        assert_eq!(get(&edge, WHOLE, Some(tags)).await.status, StatusCode::OK, "{tags}");
    }
}
