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
    let mut response = match refusal(&ingest, request.headers()) {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
    complete(response.headers_mut());
    response
}

pub(super) fn refusal(ingest: &Ingest, headers: &HeaderMap) -> Option<Answer> {
    if header_bytes(headers) <= limits::HEADER_BYTES_MAX {
        return None;
    }
    ingest.shared().count_refusals(None, Reason::TooLarge, 1);
    Some(Answer::HeadersTooLarge)
}

pub(super) fn complete(headers: &mut HeaderMap) {
    // At once: a map that grows step by step is built anew at each.
    headers.reserve(HEADERS.len());
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
