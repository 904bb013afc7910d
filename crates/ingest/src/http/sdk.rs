use std::io::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Where the tracker is.
pub const SCRIPT_PATH: &str = "/y/api/v1/weir.js";

/// The tracker as built from `sdk/`. It finds its server by its own address, so that one text serves
/// every host and no proxy can poison another's copy.
const WHOLE: &str = include_str!("../../../../sdk/dist/weir.js");

/// The same with what pages call that were written for Fusionaly.
const OLDER: &str = include_str!("../../../../sdk/dist/fusionaly.js");

/// The same without automatic captures, for pages that count every byte.
const CORE: &str = include_str!("../../../../sdk/dist/core.js");

/// A script, as it is and compressed.
struct Script {
    plain: Form,
    gzipped: Form,
}

/// One form of a script.
struct Form {
    body: Vec<u8>,
    /// Names these bytes and no others.
    etag: HeaderValue,
    encoding: Option<HeaderValue>,
}

static WHOLE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::of(WHOLE));
static OLDER_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::of(OLDER));
static CORE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::of(CORE));

impl Script {
    fn of(text: &str) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        let gzipped = written.expect("memory takes what is written to it");
        Self {
            plain: Form::of(text.as_bytes().to_vec(), None),
            gzipped: Form::of(gzipped, Some(HeaderValue::from_static("gzip"))),
        }
    }
}

impl Form {
    fn of(body: Vec<u8>, encoding: Option<HeaderValue>) -> Self {
        let etag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..32]);
        Self { etag: HeaderValue::try_from(etag).expect("hexadecimal digits"), body, encoding }
    }

    /// Whether a list of entity tags names it; a proxy that compresses may have made the tag weak.
    fn is_named_by(&self, list: &HeaderValue) -> bool {
        let tags = list.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)).any(|tag| self.etag == tag || tag == "*")
    }
}

pub(super) async fn whole(headers: HeaderMap) -> Response {
    answer(&WHOLE_SCRIPT, &headers)
}

/// The name that Fusionaly's script has: older tags change the host alone.
pub(super) async fn older(headers: HeaderMap) -> Response {
    answer(&OLDER_SCRIPT, &headers)
}

/// The names that Plausible's script has: its tags keep their path, and change the host alone. Newer ones
/// name a site's own script, `pa-` and some characters.
pub(super) async fn plausible(Path(script): Path<String>, headers: HeaderMap) -> Response {
    let of_name = |name: &str| script.strip_prefix(name).is_some_and(is_script_name_end);
    if of_name("script") || of_name("plausible") || (script.starts_with("pa-") && script.ends_with(".js")) {
        answer(&WHOLE_SCRIPT, &headers)
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// `.js`, or with extensions before it: `.hash.outbound-links.js`.
fn is_script_name_end(rest: &str) -> bool {
    rest.starts_with('.') && rest.ends_with(".js")
}

pub(super) async fn core(headers: HeaderMap) -> Response {
    answer(&CORE_SCRIPT, &headers)
}

fn answer(script: &'static Script, headers: &HeaderMap) -> Response {
    let form = if takes_gzip(headers) { &script.gzipped } else { &script.plain };
    let kept = [
        (header::ETAG, form.etag.clone()),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    if headers.get_all(header::IF_NONE_MATCH).iter().any(|list| form.is_named_by(list)) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"))];
    let mut response = (kept, kind, form.body.as_slice()).into_response();
    if let Some(encoding) = &form.encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, encoding.clone());
    }
    response
}

/// Whether gzip is among the encodings taken, and not by `q=0`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut encodings = lines.flat_map(|line| line.split(','));
    encodings.any(|encoding| {
        let mut parts = encoding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
        is_gzip && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (`Accept-Encoding`, whether the answer is gzipped)
    fn check_encoding(accepted: &str, gzipped: bool) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().expect("a value"))]);
        assert_eq!(takes_gzip(&headers), gzipped, "{accepted:?}");
    }

    #[test]
    fn the_script_is_gzipped_for_those_who_take_it() {
        check_encoding("gzip, deflate, br", true);
        check_encoding("br, GZIP;q=0.5", true);
        check_encoding("gzip;q=0, identity", false);
        check_encoding("identity", false);
        check_encoding("", false);
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    fn check_gzipped(script: &Script, expected: &str, bytes_max: usize) {
        let mut text = String::new();
        let mut decoder = flate2::read::GzDecoder::new(script.gzipped.body.as_slice());
        std::io::Read::read_to_string(&mut decoder, &mut text).expect("gzip");
        assert_eq!(text, expected);
        assert!(script.gzipped.body.len() <= bytes_max, "{} bytes", script.gzipped.body.len());
        assert_ne!(script.gzipped.etag, script.plain.etag);
    }

    #[test]
    fn a_gzipped_script_is_the_script_within_its_budget() {
        check_gzipped(&WHOLE_SCRIPT, WHOLE, 6 * 1024);
        check_gzipped(&OLDER_SCRIPT, OLDER, 7 * 1024 + 512);
        check_gzipped(&CORE_SCRIPT, CORE, 3 * 1024);
    }
}
