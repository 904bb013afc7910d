use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The tracker as built from `sdk/`. It finds its server by its own address, so that one text serves
/// every host and no proxy can poison another's copy.
const SCRIPT: &str = include_str!("../../../../sdk/dist/weir.js");

static ETAG: LazyLock<String> =
    LazyLock::new(|| format!("\"{}\"", &blake3::hash(SCRIPT.as_bytes()).to_hex()[..32]));

pub(super) async fn script(headers: HeaderMap) -> Response {
    let etag = HeaderValue::from_static(ETAG.as_str());
    let kept = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    if headers.get_all(header::IF_NONE_MATCH).iter().any(|value| names(value, &ETAG)) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"))];
    (kept, kind, SCRIPT).into_response()
}

/// Whether a list of entity tags names this one; a proxy that compresses may have made it weak.
fn names(list: &HeaderValue, etag: &str) -> bool {
    let tags = list.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)).any(|tag| tag == etag || tag == "*")
}
