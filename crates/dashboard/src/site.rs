//! Sites: which there are, adding and removing them, and the tag that connects one.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_event::{Control, Zone};
use weir_queue::Entry;
use weir_registry::{Access, Counting, RegistryError, Site, UnknownHost};
use weir_store::RuleDays;

use crate::answer::{ApiError, Body, ErrorBody};
use crate::caller::{Owner, Reader, arrival};
use crate::origin::{came_by_https, this_host};
use crate::{Dashboard, OwnPaths};

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
    visit_timeout_minutes: i64,
    bots: Bots,
}

/// What becomes of events that look like a bot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bots {
    /// They are kept for 30 days and not counted.
    SetAside,
    /// They count as anyone's.
    Count,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteChangeBody {
    /// The gap that ends a visit: 5 to 240.
    visit_timeout_minutes: Option<u16>,
    bots: Option<Bots>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedSiteAnswer {
    #[serde(flatten)]
    site: SiteAnswer,
    /// Days that are being counted anew by these rules.
    days_waiting: u64,
    /// Days that stay as they were counted, by other rules: their events have expired.
    days_frozen: u64,
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

/// Changes how a site counts. Its days are counted anew, one by one; what comes in meanwhile is
/// counted, too.
#[utoipa::path(patch, path = "/api/sites/{domain}", tag = "sites", params(("domain" = String, Path)),
    request_body = SiteChangeBody, responses(
    (status = 200, body = ChangedSiteAnswer),
    (status = 400, body = ErrorBody, description = "Nothing to change, or nothing that can be"),
    (status = 404, body = ErrorBody)))]
pub(crate) async fn change_site(
    State(dashboard): State<Dashboard>,
    _owner: Owner,
    domain: Result<Path<String>, PathRejection>,
    Body(body): Body<SiteChangeBody>,
) -> Result<Json<ChangedSiteAnswer>, ApiError> {
    let Path(domain) = domain?;
    if body.visit_timeout_minutes.is_none() && body.bots.is_none() {
        return Err(ApiError::bad_request("Say visit_timeout_minutes, bots or both"));
    }
    let changed = dashboard.off_thread(move |dashboard| {
        let before = dashboard.registry.site(&domain);
        let before = before.ok_or_else(|| ApiError::from(RegistryError::NoSuchSite(domain.clone())))?;
        let site = dashboard.registry.set_counting(&domain, body.onto(before.counting))?;
        let days = rule_days(dashboard, &site)?;
        // Also where nothing changes but days are left over: of a change that broke off here.
        if site.counting != before.counting || days.waiting > 0 {
            refold(dashboard, &site)?;
        }
        let site = SiteAnswer::of(&site, days.all > 0);
        Ok(ChangedSiteAnswer { site, days_waiting: days.waiting, days_frozen: days.frozen })
    });
    changed.await.map(Json)
}

fn refold(dashboard: &Dashboard, site: &Site) -> Result<(), ApiError> {
    let wish = Entry::Control(Control::Refold(site.id));
    dashboard.queue.append_blocking(vec![wish]).map(|_| ()).map_err(|error| {
        tracing::error!(%error, site = %site.id, "a site has new rules, its days keep the old ones");
        ApiError::busy("New days have the new rules, but the server could not begin to count the others anew: say it again", 60)
    })
}

fn rule_days(dashboard: &Dashboard, site: &Site) -> Result<RuleDays, ApiError> {
    let Counting { visit_timeout_secs, counts_bots } = site.counting;
    Ok(dashboard.store.read(|reading| reading.rule_days(site.id, visit_timeout_secs, counts_bots))?)
}

impl SiteChangeBody {
    fn onto(&self, before: Counting) -> Counting {
        Counting {
            visit_timeout_secs: self
                .visit_timeout_minutes
                .map_or(before.visit_timeout_secs, |minutes| i64::from(minutes) * 60),
            counts_bots: self.bots.map_or(before.counts_bots, |bots| bots == Bots::Count),
        }
    }
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
    let snippet = snippet(&address_of_this_server(&dashboard, &headers, &extensions)?, &dashboard.own_paths);
    let has_events = dashboard.off_thread(move |dashboard| has_events(dashboard, &site));
    Ok(Json(InstallAnswer { snippet, has_events: has_events.await? }))
}

/// The operator's word, else the address that this request came to.
pub(crate) fn address_of_this_server(
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

fn snippet(address: &str, own: &OwnPaths) -> String {
    let of = |path: &str| {
        format!("{address}{path}").replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
    };
    let script = of(own.script.as_deref().unwrap_or("/y/api/v1/weir.js"));
    match &own.events {
        // By itself the tracker sends to the usual path of the host that it came from.
        Some(events) => format!(r#"<script defer src="{script}" data-endpoint="{}"></script>"#, of(events)),
        None => format!(r#"<script defer src="{script}"></script>"#),
    }
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
            visit_timeout_minutes: site.counting.visit_timeout_secs / 60,
            bots: if site.counting.counts_bots { Bots::Count } else { Bots::SetAside },
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
        let usual = OwnPaths::default();
        assert_eq!(
            snippet("https://a.test", &usual),
            r#"<script defer src="https://a.test/y/api/v1/weir.js"></script>"#
        );
        assert!(!snippet(r#"https://a"><script>"#, &usual)[1..].contains(r#""><script>"#));
    }

    #[test]
    fn the_tag_names_the_operator_s_own_paths() {
        let own = OwnPaths { script: Some("/s/a.js".to_owned()), events: Some("/s/e".to_owned()) };
        assert_eq!(
            snippet("https://a.test", &own),
            r#"<script defer src="https://a.test/s/a.js" data-endpoint="https://a.test/s/e"></script>"#
        );
    }
}
