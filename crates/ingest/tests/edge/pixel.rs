use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response, StatusCode};
use std::net::SocketAddr;
use tower::ServiceExt;
use weir_event::{Kind, Reason};

use crate::harness::{Edge, FIREFOX};

const PIXEL: &str = "/y/api/v1/pixel.gif";

/// A picture is no text, so that the harness can't read it.
async fn ask(edge: &Edge, method: Method, query: &str, headers: &[(&str, &str)]) -> Response<Vec<u8>> {
    let mut request =
        Request::builder().method(method).uri(format!("{PIXEL}{query}")).header("user-agent", FIREFOX);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).expect("a request");
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
    let (head, body) = edge.router.clone().oneshot(request).await.expect("infallible").into_parts();
    Response::from_parts(head, to_bytes(body, usize::MAX).await.expect("a body").to_vec())
}

fn check_picture(answer: &Response<Vec<u8>>, status: StatusCode) {
    assert_eq!(answer.status(), status);
    assert_eq!(
        (answer.headers()["content-type"].as_bytes(), answer.headers()["cache-control"].as_bytes()),
        (&b"image/gif"[..], &b"no-store"[..])
    );
}

#[tokio::test]
async fn a_page_without_scripts_is_counted_by_the_address_in_its_picture() {
    let edge = Edge::new();
    let query =
        "?url=https%3A%2F%2Fexample.com%2Fpricing%3Futm_source%3Dnews&referrer=https://www.google.com/";
    let answer = ask(&edge, Method::GET, query, &[("referer", "https://example.com/")]).await;
    check_picture(&answer, StatusCode::OK);
    assert_eq!((&answer.body()[..6], answer.body().len()), (&b"GIF89a"[..], 43));
    let stored = edge.only_stored();
    assert_eq!(
        (stored.kind, stored.path.as_str(), stored.utm.source.as_str()),
        (Kind::PageView, "/pricing", "news")
    );
    assert_eq!(
        (stored.referrer.expect("a referrer").host.as_str(), stored.user_agent.as_str()),
        ("google.com", FIREFOX)
    );
}

#[tokio::test]
async fn without_an_address_it_is_the_page_that_the_browser_names() {
    let edge = Edge::new();
    let answer = ask(&edge, Method::GET, "", &[("referer", "https://example.com/a")]).await;
    check_picture(&answer, StatusCode::OK);
    assert_eq!(edge.only_stored().path, "/a");
}

#[tokio::test]
async fn a_view_that_is_not_taken_is_a_picture_all_the_same() {
    let edge = Edge::new();
    check_picture(&ask(&edge, Method::GET, "", &[]).await, StatusCode::BAD_REQUEST);
    let own = "?url=https://example.com/";
    let foreign = [("referer", "https://evil.example/")];
    check_picture(&ask(&edge, Method::GET, own, &foreign).await, StatusCode::FORBIDDEN);
    let counted = [Reason::InvalidUrl, Reason::ForeignOrigin].map(|reason| edge.counted(reason));
    assert_eq!((edge.stored().len(), counted), (0, [1, 1]));
}

#[tokio::test]
async fn to_look_whether_it_is_there_is_no_visit() {
    let edge = Edge::new();
    check_picture(&ask(&edge, Method::HEAD, "?url=https://example.com/", &[]).await, StatusCode::OK);
    assert_eq!(edge.stored(), []);
}
