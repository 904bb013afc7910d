//! What a visitor can ask about themselves, in the form that older pages know.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use weir_event::{Country, VisitorId};
use weir_registry::{Site, Snapshot};

use super::alias::alias;
use super::answer::{Answer, json_text};
use super::{deliver, retry};
use crate::Ingest;
use crate::admit::{Client, Origin};
use crate::ingest::{Counts, Shared};
use crate::page_url::origin_host;

const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");

/// Why it isn't known which site is asked about.
#[derive(Debug, PartialEq, Eq)]
enum NoSite {
    /// An address that can't be read.
    Invalid,
    Missing,
}

/// The visitor as the site would count them now. Never what they did: whoever shares their address
/// and browser would be shown it as well.
pub(super) async fn me(
    State(ingest): State<Ingest>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let ingest = ingest.shared();
    let ip = ingest.config.trusted_proxies.client_ip(peer, &head.headers);
    if let Err(secs) = deliver::check_rate(ingest, ip, &head.headers, 1) {
        Counts::add(&ingest.counts.rate_limited, 1);
        return Answer::RateLimited { retry_after_secs: retry::spread(secs) }.into_response();
    }
    if head.headers.get(EARLY_DATA).is_some_and(|value| value == "1") {
        return failure(StatusCode::TOO_EARLY, "Replay required", "TOO_EARLY");
    }
    let host = match host_asked_about(&head) {
        Ok(host) => host,
        Err(NoSite::Invalid) => {
            return failure(StatusCode::BAD_REQUEST, "Invalid context", "INVALID_CONTEXT");
        }
        Err(NoSite::Missing) => {
            return failure(StatusCode::BAD_REQUEST, "Missing context", "MISSING_CONTEXT");
        }
    };
    let agent = head.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let client = Client::new(&ingest.config.geo, ip, agent.unwrap_or_default());
    let sites = ingest.registry.snapshot();
    let site = site_to_tell(&sites, &host, &head.headers);
    let visitor = site.and_then(|site| visitor_id(ingest, site, &client));
    answer(ingest, visitor, client.country)
}

/// A page may ask about its own site and no other.
fn site_to_tell<'s>(sites: &'s Snapshot, host: &str, headers: &HeaderMap) -> Option<&'s Arc<Site>> {
    let site = sites.site_for_host(host)?;
    match Origin::of(headers, sites) {
        Origin::Absent => Some(site),
        Origin::Site(of_page) => (of_page.id == site.id).then_some(site),
        Origin::Stranger(_) => None,
    }
}

fn visitor_id(ingest: &Shared, site: &Site, client: &Client<'_>) -> Option<VisitorId> {
    let now = ingest.clock.now();
    ingest.registry.visitor_id(site, site.day_of(now), now, client.ip, &client.user_agent)
}

/// What is not known is `null`, but for the country, which has a word for it.
fn answer(ingest: &Shared, visitor: Option<VisitorId>, country: Option<Country>) -> Response {
    // The form has 64 digits where the id has 16. Nobody can tell the id from these.
    let hash = visitor.map(|VisitorId(id)| blake3::hash(&id.to_le_bytes()));
    let country = country.map_or_else(
        || "__unknown_country__".to_owned(),
        |Country(code)| String::from_utf8_lossy(&code).to_ascii_lowercase(),
    );
    let body = json!({
        "visitorId": hash.map(|hash| hash.to_hex().to_string()),
        "visitorAlias": hash.map(|hash| alias(hash.as_bytes())),
        "country": country,
        "events": [],
        "generatedAt": ingest.clock.now().to_string(),
    });
    json_text(StatusCode::OK, body.to_string())
}

fn host_asked_about(head: &Parts) -> Result<String, NoSite> {
    let in_query = |name: &str| {
        let query = head.uri.query().unwrap_or_default();
        let mut members = url::form_urlencoded::parse(query.as_bytes());
        let found = members.find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        found.filter(|value| !value.is_empty())
    };
    let in_header = |name: HeaderName| {
        let text = head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        text.filter(|text| !text.is_empty() && text != "null")
    };
    if let Some(host) = in_query("w") {
        return origin_host(&format!("https://{host}")).ok_or(NoSite::Invalid);
    }
    let page = in_header(header::ORIGIN).or_else(|| in_query("url")).or_else(|| in_header(header::REFERER));
    if let Some(page) = page {
        return origin_host(&page).ok_or(NoSite::Invalid);
    }
    let host = in_header(header::HOST).ok_or(NoSite::Missing)?;
    origin_host(&format!("https://{host}")).ok_or(NoSite::Missing)
}

fn failure(status: StatusCode, error: &str, code: &str) -> Response {
    json_text(status, json!({"error": error, "code": code}).to_string())
}
