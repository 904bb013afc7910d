use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::harness::{Answer, Edge};

const PATH: &str = "/y/api/v1/sdk.js";

async fn get(edge: &Edge, if_none_match: Option<&str>) -> Answer {
    let mut request = Request::get(PATH);
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

#[tokio::test]
async fn the_tracker_is_served_as_it_was_built() {
    let edge = Edge::new();
    let answer = get(&edge, None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text, include_str!("../../../../sdk/dist/weir.js"));
    assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    check_cached(&answer, answer.header("etag"));
    let head = Request::head(PATH).body(Body::empty()).expect("a request");
    let head = edge.send(head).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    check_cached(&head, answer.header("etag"));
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let edge = Edge::new();
    let etag = get(&edge, None).await.header("etag").to_owned();
    assert!(etag.len() > 10 && etag.starts_with('"') && etag.ends_with('"'));
    for tags in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        format!("\"a\",W/{etag}"),
        "*".into(),
    ] {
        let answer = get(&edge, Some(&tags)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{tags}");
        check_cached(&answer, &etag);
    }
    for tags in ["\"other\"", "", etag.trim_matches('"')] {
        assert_eq!(get(&edge, Some(tags)).await.status, StatusCode::OK, "{tags}");
    }
}
