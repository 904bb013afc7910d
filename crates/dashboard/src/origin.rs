//! Where a request was made: on a page of this server, or elsewhere.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::answer::ApiError;
use crate::{Arrival, Dashboard};

/// Refuses what changes something and was not sent by a page of this server: another site's page
/// can make a browser send the session cookie along, but can't lie about itself.
///
/// Requests with an `Authorization` header pass: no page of another origin can set it (that takes
/// a preflight, which nothing here answers), and cookies are not looked at then.
pub(crate) async fn same_origin(
    State(dashboard): State<Dashboard>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers();
    if safe
        || headers.contains_key(header::AUTHORIZATION)
        || is_from_here(headers, dashboard.public_url.as_deref())
    {
        return next.run(request).await;
    }
    ApiError::forbidden("This request must come from a page of this server, or carry a token").into_response()
}

fn is_from_here(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let origin = text(headers, header::ORIGIN);
    origin.is_some_and(|origin| public_url == Some(origin) || scheme_of_this_host(origin, headers).is_some())
}

/// Whether the browser reached this server by https. A page's own address decides where the
/// request carries it: a browser never lies about it, whatever stands between it and the server.
pub(crate) fn came_by_https(headers: &HeaderMap, arrival: Option<Arrival>, public_url: Option<&str>) -> bool {
    let page = [header::ORIGIN, header::REFERER]
        .into_iter()
        .find_map(|name| scheme_of_this_host(text(headers, name)?, headers));
    match (page, arrival) {
        (Some(scheme), _) => scheme == "https",
        (None, Some(arrival)) => arrival.https,
        (None, None) => public_url.is_some_and(|url| url.starts_with("https://")),
    }
}

/// The scheme of `url` where its host and port are those of the `Host` header.
fn scheme_of_this_host<'a>(url: &'a str, headers: &HeaderMap) -> Option<&'a str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    let same = host.eq_ignore_ascii_case(this_host(headers)?);
    (same && matches!(scheme, "http" | "https")).then_some(scheme)
}

/// The `Host` header, where it is one: it ends up in HTML that people copy.
pub(crate) fn this_host(headers: &HeaderMap) -> Option<&str> {
    let host = text(headers, header::HOST)?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let fits = !host.is_empty() && host.len() <= weir_event::limits::HOST_BYTES_MAX + ":65535".len();
    (fits && host.bytes().all(plain)).then_some(host)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_pages_of_this_server_are_from_here() {
        let check = |from_here: bool, pairs: &[(&'static str, &'static str)]| {
            assert_eq!(is_from_here(&headers(pairs), None), from_here, "{pairs:?}");
        };
        check(true, &[("sec-fetch-site", "same-origin")]);
        check(true, &[("sec-fetch-site", "none")]);
        check(false, &[("sec-fetch-site", "same-site")]);
        check(false, &[("sec-fetch-site", "cross-site")]);
        // What the browser says of itself outweighs an origin that looks right.
        check(false, &[("sec-fetch-site", "cross-site"), ("host", "a.test"), ("origin", "https://a.test")]);
        check(true, &[("host", "a.test"), ("origin", "https://a.test")]);
        check(true, &[("host", "a.test:3000"), ("origin", "http://A.test:3000")]);
        check(false, &[("host", "a.test"), ("origin", "https://a.test:8443")]);
        check(false, &[("host", "a.test"), ("origin", "https://a.test.evil.test")]);
        check(false, &[("host", "a.test"), ("origin", "https://evil.test/a.test")]);
        check(false, &[("host", "a.test"), ("origin", "null")]);
        check(false, &[("host", "a.test")]);
        check(false, &[("origin", "https://a.test")]);
        check(false, &[]);
    }

    #[test]
    fn the_public_address_is_from_here_whatever_a_proxy_makes_of_the_host() {
        let sent = headers(&[("host", "127.0.0.1:3000"), ("origin", "https://stats.test")]);
        assert!(is_from_here(&sent, Some("https://stats.test")));
        assert!(!is_from_here(&sent, Some("https://other.test")));
    }

    #[test]
    fn a_page_s_own_address_says_whether_it_came_by_https() {
        let check = |https: bool, arrival: Option<bool>, pairs: &[(&'static str, &'static str)]| {
            let arrival = arrival.map(|https| Arrival { client: [127, 0, 0, 1].into(), https });
            assert_eq!(came_by_https(&headers(pairs), arrival, None), https, "{pairs:?}");
        };
        check(true, Some(false), &[("host", "a.test"), ("origin", "https://a.test")]);
        check(false, Some(true), &[("host", "a.test"), ("origin", "http://a.test")]);
        check(true, None, &[("host", "a.test"), ("referer", "https://a.test/x/install")]);
        check(false, None, &[("host", "a.test"), ("origin", "https://evil.test")]);
        check(true, Some(true), &[("host", "a.test")]);
        check(false, None, &[("host", "a.test")]);
        assert!(came_by_https(&HeaderMap::new(), None, Some("https://a.test")));
    }

    #[test]
    fn a_host_that_is_none_is_not_believed() {
        for host in ["a.test", "a.test:3000", "[::1]:3000", "127.0.0.1"] {
            let sent: HeaderMap = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            assert_eq!(this_host(&sent), Some(host));
        }
        for host in ["", "a\"><script>", "a.test/x", "user@a.test", "a test"] {
            let sent: HeaderMap = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            assert_eq!(this_host(&sent), None, "{host:?}");
        }
    }
}
