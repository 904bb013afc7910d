//! One page, fetched within bounds.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, Error, Timeout};
use url::Url;
use weir_event::limits;

use crate::Reach;
use crate::finding::cut;
use crate::server::is_host_of;

/// How long a name or a connection may take. Shorter than all of it, so that it is known what was slow.
const CONNECT_WAIT: Duration = Duration::from_secs(4);

const CODINGS: [&str; 6] = ["br", "compress", "deflate", "gzip", "x-gzip", "zstd"];

const NAME: &str = concat!("Weir/", env!("CARGO_PKG_VERSION"), " (install check)");

pub(crate) struct Page {
    pub(crate) url: Url,
    /// What `Content-Security-Policy` headers say.
    pub(crate) policies: Vec<String>,
    pub(crate) body: Vec<u8>,
    /// More would have come.
    pub(crate) is_cut: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfetched {
    /// Also where the address may not be connected to: the two must not be told apart.
    Unreachable,
    Tls,
    Slow,
    Broken,
    Status(u16),
    NotHtml(String),
    Redirects,
    /// A redirect to a host that is none of the site's.
    Elsewhere(String),
}

/// A host of the site, by http or https, and nobody's name and password in it.
pub(crate) fn may_ask_for(url: &Url, domain: &str) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.host_str().is_some_and(|host| is_host_of(host, domain))
}

/// `domain` may have been asked for already; each redirect has to pass the same gates.
pub(crate) fn fetch(reach: &Reach, start: Url, domain: &str, until: Instant) -> Result<Page, Unfetched> {
    let agent = agent(reach);
    let mut url = start;
    for _ in 0..=limits::CHECKED_PAGE_REDIRECTS_MAX {
        url.set_fragment(None);
        let response = ask(&agent, &url, until)?;
        match redirect(&url, &response) {
            None => return page(url, response),
            Some(next) if may_ask_for(&next, domain) => url = next,
            Some(next) => return Err(Unfetched::Elsewhere(cut(next.host_str().unwrap_or_default()))),
        }
    }
    Err(Unfetched::Redirects)
}

/// By no proxy, whatever the environment says: a proxy would look names up by itself.
fn agent(reach: &Reach) -> Agent {
    let config = Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .max_response_header_size(limits::CHECKED_PAGE_HEADER_BYTES_MAX)
        .timeout_resolve(Some(CONNECT_WAIT))
        .timeout_connect(Some(CONNECT_WAIT))
        .user_agent(NAME)
        .accept("text/html,application/xhtml+xml")
        .accept_encoding("identity")
        .build();
    Agent::with_parts(config, DefaultConnector::default(), reach.clone())
}

fn ask(agent: &Agent, url: &Url, until: Instant) -> Result<Response<Body>, Unfetched> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Unfetched::Slow);
    }
    let request = agent.get(url.as_str()).config().timeout_global(Some(left)).build();
    request.call().map_err(|error| unfetched(&error, url))
}

fn unfetched(error: &Error, url: &Url) -> Unfetched {
    match error {
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => Unfetched::Unreachable,
        Error::Timeout(_) => Unfetched::Slow,
        Error::Tls(_) | Error::Rustls(_) => Unfetched::Tls,
        // A handshake fails within reading and writing, with this kind.
        Error::Io(error) if url.scheme() == "https" && error.kind() == std::io::ErrorKind::InvalidData => {
            Unfetched::Tls
        }
        Error::HostNotFound | Error::ConnectionFailed | Error::Io(_) | Error::BadUri(_) => {
            Unfetched::Unreachable
        }
        _ => Unfetched::Broken,
    }
}

fn redirect(url: &Url, response: &Response<Body>) -> Option<Url> {
    let is_one = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get("location").filter(|_| is_one)?.to_str().ok()?;
    url.join(location).ok()
}

fn page(url: Url, response: Response<Body>) -> Result<Page, Unfetched> {
    let (head, body) = response.into_parts();
    // Other successes have no page: nothing in it, or, with 202, a firewall's question to the browser.
    if !matches!(head.status.as_u16(), 200 | 203) {
        return Err(Unfetched::Status(head.status.as_u16()));
    }
    let kind = essence(&head.headers);
    if !["", "text/html", "application/xhtml+xml"].contains(&kind.as_str()) {
        return Err(Unfetched::NotHtml(kind));
    }
    if is_coded(&head.headers) {
        return Err(Unfetched::Broken);
    }
    let policies = head.headers.get_all("content-security-policy").iter();
    let policies = policies.map(|policy| String::from_utf8_lossy(policy.as_bytes()).into_owned()).collect();
    let max = limits::CHECKED_PAGE_BYTES_MAX;
    let mut bytes = Vec::new();
    // Around all decoding, so that it bounds what a small body unfolds to.
    let read = body.into_reader().take(max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| match Error::from(error) {
        Error::Timeout(_) => Unfetched::Slow,
        _ => Unfetched::Broken,
    })?;
    let is_cut = bytes.len() > max;
    bytes.truncate(max);
    Ok(Page { url, policies, body: bytes, is_cut })
}

/// Whether there is a coding that browsers know: the client takes off those that it has undone. Undone by nobody, a page
/// would be judged to have no tag.
fn is_coded(headers: &HeaderMap) -> bool {
    let sent = headers.get_all("content-encoding").iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(','))
        .any(|coding| CODINGS.iter().any(|known| known.eq_ignore_ascii_case(coding.trim())))
}

/// The content type without parameters, of plain characters only: it is shown.
fn essence(headers: &HeaderMap) -> String {
    let sent = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.chars().filter(|c| c.is_ascii_alphanumeric() || "/+-.".contains(*c)).take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ureq::http::Uri;

    use super::*;

    proptest! {
        /// One reader of addresses decides what may be asked for, and another where the client connects to.
        #[test]
        fn both_readers_of_an_address_see_one_host(
            text in r"(https?:)?[/\\]{0,3}([a-z.:@#?%\\/\[\] \t]|shop\.test|evil\.test|127\.1|%2e|%40){0,12}",
        ) {
            let base = Url::parse("http://shop.test/").unwrap();
            for url in [Url::parse(&text), base.join(&text)].into_iter().flatten() {
                if !may_ask_for(&url, "shop.test") {
                    continue;
                }
                let Ok(uri) = url.as_str().parse::<Uri>() else { continue };
                prop_assert_eq!(uri.host(), url.host_str(), "{}", url);
                prop_assert_eq!(uri.port_u16(), url.port(), "{}", url);
                prop_assert_eq!(uri.scheme_str(), Some(url.scheme()), "{}", url);
            }
        }
    }
}
