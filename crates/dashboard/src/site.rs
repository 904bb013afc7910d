//! Sites: which there are, adding and removing them, and the tag that connects one.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_event::{Control, Zone};
use weir_queue::Entry;
use weir_registry::{Access, Site, UnknownHost};

use crate::Dashboard;
use crate::answer::{ApiError, Body, ErrorBody};
use crate::caller::{Owner, Reader, arrival};
use crate::origin::{came_by_https, this_host};

#[derive(Serialize, ToSchema)]
pub(crate) struct SitesAnswer {
    sites: Vec<SiteAnswer>,
    /// Hosts that sent events and that no site has.
    unknown_hosts: Vec<UnknownHostAnswer>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SiteAnswer {
    domain: String,
    /// IANA name.
    timezone: String,
    has_events: bool,
    /// RFC 3339.
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UnknownHostAnswer {
    host: String,
    count: u64,
    /// RFC 3339.
    last_seen: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSiteBody {
    /// An address pasted from a browser is fine: scheme, path and `www.` are taken off.
    domain: String,
    /// IANA name; the days of the site's figures are cut by it.
    timezone: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct InstallAnswer {
    /// The tag to put into the site's pages.
    snippet: String,
    has_events: bool,
}

/// The sites that the caller may read.
#[utoipa::path(get, path = "/api/sites", tag = "sites", responses((status = 200, body = SitesAnswer)))]
pub(crate) async fn sites(
    State(dashboard): State<Dashboard>,
    reader: Reader,
) -> Result<Json<SitesAnswer>, ApiError> {
    let answer = dashboard.off_thread(move |dashboard| {
        let sites = dashboard.registry.sites().into_iter().filter(|site| reader.may_read(site.id));
        let sites = dashboard.store.read(|reading| {
            sites.map(|site| Ok(SiteAnswer::of(&site, reading.has_events(site.id)?))).collect()
        })?;
        let unknown =
            if reader.access == Access::All { dashboard.registry.unknown_hosts()? } else { Vec::new() };
        Ok(SitesAnswer { sites, unknown_hosts: unknown.into_iter().map(UnknownHostAnswer::of).collect() })
    });
    answer.await.map(Json)
}

/// Adds a site.
#[utoipa::path(post, path = "/api/sites", tag = "sites", request_body = NewSiteBody, responses(
    (status = 201, body = SiteAnswer),
    (status = 400, body = ErrorBody, description = "The domain or the time zone is none"),
    (status = 409, body = ErrorBody, description = "The site exists already")))]
pub(crate) async fn add_site(
    State(dashboard): State<Dashboard>,
    _owner: Owner,
    Body(body): Body<NewSiteBody>,
) -> Result<(StatusCode, Json<SiteAnswer>), ApiError> {
    let zone: Zone = body
        .timezone
        .parse()
        .map_err(|error: weir_event::ZoneError| ApiError::bad_request(error.to_string()))?;
    let answer = dashboard.off_thread(move |dashboard| {
        let site = dashboard.registry.add_site(&body.domain, &zone)?;
        Ok(SiteAnswer::of(&site, has_events(dashboard, &site)?))
    });
    Ok((StatusCode::CREATED, Json(answer.await?)))
}

/// Removes a site and everything that was counted for it.
#[utoipa::path(delete, path = "/api/sites/{domain}", tag = "sites", params(("domain" = String, Path)), responses(
    (status = 204),
    (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_site(
    State(dashboard): State<Dashboard>,
    _owner: Owner,
    domain: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(domain) = domain?;
    let removed = dashboard.off_thread(move |dashboard| {
        // First the registry, which lets no more events in; then the wish to delete what is there,
        // which the processor refuses while the registry still lists the site.
        let site = dashboard.registry.remove_site(&domain)?;
        let wish = Entry::Control(Control::RemoveSite(site.id));
        dashboard.queue.append_blocking(vec![wish]).map(|_| ()).map_err(|error| {
            tracing::error!(%error, site = %site.id, "a site is off the list, its figures are not deleted yet");
            ApiError::busy("The site is off the list, but the server could not begin to delete its figures", 60)
        })
    });
    removed.await.map(|()| StatusCode::NO_CONTENT)
}

/// The tag that connects the site, and whether it has shown up.
#[utoipa::path(get, path = "/api/sites/{domain}/install", tag = "sites", params(("domain" = String, Path)),
    responses((status = 200, body = InstallAnswer), (status = 404, body = ErrorBody)))]
pub(crate) async fn install(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    reader: Reader,
    domain: Result<Path<String>, PathRejection>,
) -> Result<Json<InstallAnswer>, ApiError> {
    let Path(domain) = domain?;
    let site = reader.site(&dashboard, &domain)?;
    let snippet = snippet(&address_of_this_server(&dashboard, &headers, &extensions)?);
    let has_events = dashboard.off_thread(move |dashboard| has_events(dashboard, &site));
    Ok(Json(InstallAnswer { snippet, has_events: has_events.await? }))
}

/// The operator's word, else the address that this request came to.
fn address_of_this_server(
    dashboard: &Dashboard,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<String, ApiError> {
    if let Some(url) = &dashboard.public_url {
        return Ok(url.to_string());
    }
    let host =
        this_host(headers).ok_or_else(|| ApiError::bad_request("The Host header is missing or no host"))?;
    let scheme = if came_by_https(headers, arrival(extensions), None) { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}

fn snippet(address: &str) -> String {
    let address = address.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    format!(r#"<script defer src="{address}/y/api/v1/sdk.js"></script>"#)
}

fn has_events(dashboard: &Dashboard, site: &Site) -> Result<bool, ApiError> {
    Ok(dashboard.store.read(|reading| reading.has_events(site.id))?)
}

impl SiteAnswer {
    fn of(site: &Site, has_events: bool) -> Self {
        Self {
            domain: site.domain.clone(),
            timezone: site.zone.name().to_owned(),
            has_events,
            created_at: site.created.to_string(),
        }
    }
}

impl UnknownHostAnswer {
    fn of(unknown: UnknownHost) -> Self {
        Self { host: unknown.host, count: unknown.n, last_seen: unknown.last_seen.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_can_not_be_broken_out_of() {
        assert_eq!(
            snippet("https://a.test"),
            r#"<script defer src="https://a.test/y/api/v1/sdk.js"></script>"#
        );
        assert!(!snippet(r#"https://a"><script>"#)[1..].contains(r#""><script>"#));
    }
}
