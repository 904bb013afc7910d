use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::deliver::deliver_read;
use crate::Ingest;
use crate::decode::from_query;

/// One transparent point.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// A page view of a browser that runs no script. The status says whether it was taken; the picture
/// comes in any case, for a page must not show that it is counted.
pub(super) async fn pixel(
    State(ingest): State<Ingest>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let page = head.headers.get(header::REFERER).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let body = from_query(head.uri.query().unwrap_or_default(), &page.unwrap_or_default());
    let mut answer = deliver_read(ingest.shared(), peer, &head.headers, body).await.into_response();
    let status = if answer.status().is_success() { StatusCode::OK } else { answer.status() };
    let mut response = picture(status);
    if let Some(wait) = answer.headers_mut().remove(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// Who asks for the head alone looks whether the address is good, and is nobody's visit.
pub(super) async fn head() -> Response {
    picture(StatusCode::OK)
}

fn picture(status: StatusCode) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/gif")),
        // A copy would hide the next visit.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    (status, headers, GIF).into_response()
}
