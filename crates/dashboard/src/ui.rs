//! The user interface: the built files of `ui/dist`, inside the binary.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::answer::ApiError;

#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
struct Dist;

/// Paths that belong to programs: what is not there is an error as JSON, never the interface.
const PROGRAMS: [&str; 4] = ["/api/", "/x/", "/y/", "/_"];

/// The build names these files by their content.
const HASHED: &str = "assets/";

const INDEX: &str = "index.html";

/// A built file, as it is or compressed by the build.
struct File {
    bytes: Cow<'static, [u8]>,
    hash: [u8; 32],
    encoding: Option<&'static str>,
}

/// Answers whatever no route does.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    answer(&method, uri.path(), &headers, &embedded)
}

fn embedded(path: &str) -> Option<(Cow<'static, [u8]>, [u8; 32])> {
    Dist::get(path).map(|file| (file.data, file.metadata.sha256_hash()))
}

type Find = dyn Fn(&str) -> Option<(Cow<'static, [u8]>, [u8; 32])>;

fn answer(method: &Method, path: &str, headers: &HeaderMap, find: &Find) -> Response {
    let not_found = || ApiError::new(StatusCode::NOT_FOUND, "There is nothing here").into_response();
    if PROGRAMS.iter().any(|prefix| path.starts_with(prefix)) || path == "/api" {
        return not_found();
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET is possible here").into_response();
    }
    let name = path.trim_start_matches('/');
    let accepted = |name: &str| is_type(name).then(|| choose(name, headers, find)).flatten();
    if let Some(file) = accepted(name) {
        return send(name, file, headers);
    }
    // Any other address is one of the interface, which reads it; but not what a page embeds.
    if name.starts_with(HASHED) || !wants_a_page(headers) {
        return not_found();
    }
    accepted(INDEX).map_or_else(not_found, |file| send(INDEX, file, headers))
}

/// A navigation asks for HTML first; so does what doesn't say.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    accept.starts_with("text/html") || accept.starts_with("*/*")
}

/// The smallest form that the client can read.
fn choose(name: &str, headers: &HeaderMap, find: &Find) -> Option<File> {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    let accepts = |encoding: &str| accepted.is_some_and(|accepted| is_accepted(accepted, encoding));
    let compressed = [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(encoding, suffix)| {
        let (bytes, hash) = accepts(encoding).then(|| find(&format!("{name}{suffix}")))??;
        Some(File { bytes, hash, encoding: Some(encoding) })
    });
    compressed.or_else(|| find(name).map(|(bytes, hash)| File { bytes, hash, encoding: None }))
}

fn is_accepted(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|choice| {
        let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
        name.trim().eq_ignore_ascii_case(encoding) && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

fn send(name: &str, file: File, headers: &HeaderMap) -> Response {
    let etag = etag(&file);
    let caching = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|known| {
        known.to_str().is_ok_and(|known| known.split(',').any(|known| known.trim() == etag))
    });
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content_type = content_type(name).unwrap_or("application/octet-stream");
        ([(header::CONTENT_TYPE, content_type)], file.bytes).into_response()
    };
    let sent = response.headers_mut();
    sent.insert(header::ETAG, HeaderValue::try_from(etag).expect("hexadecimal digits are a header"));
    sent.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    sent.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = file.encoding.filter(|_| !fresh) {
        sent.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Of the form that is sent: two encodings are two things to a cache.
fn etag(file: &File) -> String {
    let digits: String = file.hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// Whether it is a file that the build makes for browsers, not the compressed form of one.
fn is_type(name: &str) -> bool {
    content_type(name).is_some()
}

fn content_type(name: &str) -> Option<&'static str> {
    let (_, suffix) = name.rsplit_once('.')?;
    Some(match suffix {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build with one hashed file, which is there in three forms.
    fn built(path: &str) -> Option<(Cow<'static, [u8]>, [u8; 32])> {
        let bytes: &'static [u8] = match path {
            "index.html" => b"<!doctype html>",
            "favicon.svg" => b"<svg/>",
            "assets/index-1a2b.js" => b"plain",
            "assets/index-1a2b.js.br" => b"brotli",
            "assets/index-1a2b.js.gz" => b"gzip",
            _ => return None,
        };
        let mut hash = [0; 32];
        hash[..bytes.len()].copy_from_slice(bytes);
        Some((bytes.into(), hash))
    }

    fn get(path: &str, sent: &[(header::HeaderName, &str)]) -> Response {
        let headers = sent.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        answer(&Method::GET, path, &headers, &built)
    }

    fn header_of(response: &Response, name: header::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_smallest_form_that_the_client_reads_is_sent() {
        let check = |accepted: &str, encoding: &str| {
            let response = get("/assets/index-1a2b.js", &[(header::ACCEPT_ENCODING, accepted)]);
            assert_eq!(header_of(&response, header::CONTENT_ENCODING), encoding, "{accepted}");
            assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
            assert_eq!(header_of(&response, header::VARY), "accept-encoding");
            header_of(&response, header::ETAG).to_owned()
        };
        let brotli = check("gzip, deflate, br, zstd", "br");
        let gzip = check("GZIP;q=1.0, br;q=0", "gzip");
        let plain = check("identity", "");
        assert!(brotli != gzip && gzip != plain && brotli != plain);
        check("", "");
        check("brotli", "");
    }

    #[test]
    fn a_form_is_no_file_of_its_own() {
        assert_eq!(get("/assets/index-1a2b.js.br", &[]).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn only_navigations_fall_back_to_the_interface() {
        let check = |path: &str, accept: &str, status: u16| {
            let response = get(path, &[(header::ACCEPT, accept)]);
            assert_eq!(response.status().as_u16(), status, "{path} {accept}");
        };
        check("/example.com", "text/html,application/xhtml+xml,*/*;q=0.8", 200);
        check("/example.com", "*/*", 200);
        check("/favicon.ico", "image/avif,image/webp,*/*;q=0.8", 404);
        check("/assets/index-old.js", "text/html", 404);
        check("/favicon.svg", "image/avif,image/webp,*/*;q=0.8", 200);
        check("/api/x", "text/html", 404);
        check("/../Cargo.toml", "image/png", 404);
    }

    #[test]
    fn a_known_form_is_not_sent_again() {
        let etag = header_of(&get("/", &[]), header::ETAG).to_owned();
        let again = |known: &str| get("/", &[(header::IF_NONE_MATCH, known)]).status().as_u16();
        assert_eq!(again(&etag), 304);
        assert_eq!(again(&format!("\"other\", {etag}")), 304);
        assert_eq!(again("\"other\""), 200);
    }
}
