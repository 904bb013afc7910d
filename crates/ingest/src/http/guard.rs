use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use weir_event::{Reason, limits};

use super::answer::Answer;
use crate::Ingest;

/// Headers of every answer, refusals included: a page on another origin can't read an answer that
/// lacks the first of them, and would take a refusal for a network error and try again.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS")),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, Authorization")),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After")),
    (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Stands around all routes: bounds the request's headers and completes the answer's.
pub(super) async fn guard(State(ingest): State<Ingest>, request: Request, next: Next) -> Response {
    let mut response = if header_bytes(request.headers()) > limits::HEADER_BYTES_MAX {
        ingest.shared().count_refusals(None, Reason::TooLarge, 1);
        Answer::HeadersTooLarge.into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
