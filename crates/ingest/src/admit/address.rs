//! Which page, and whose.

use weir_event::Reason;
use weir_registry::Access;

use super::delivery::{Delivery, Origin};
use super::draft::Draft;
use crate::decode::Action;
use crate::page_url::{PageUrl, PathRules, campaign, referrer};

pub(super) fn drop_invalid_url(_: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    draft.set_page(PageUrl::parse(&draft.sent.url).ok_or(Reason::InvalidUrl)?);
    Ok(())
}

/// A page that reports itself is no stranger to be turned away but a site that is not set up yet:
/// the next step says so.
pub(super) fn drop_foreign_origin(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    match &delivery.origin {
        Origin::Stranger(host) if host != draft.page().host() => Err(Reason::ForeignOrigin),
        _ => Ok(()),
    }
}

pub(super) fn drop_unknown_host<'d>(
    delivery: &mut Delivery<'d>,
    draft: &mut Draft<'d>,
) -> Result<(), Reason> {
    let site = delivery.site_for_host(draft.page().host()).ok_or(Reason::UnknownHost)?;
    draft.set_site(site);
    Ok(())
}

/// Else any site's page could write into any other site's figures.
pub(super) fn drop_site_mismatch(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    let is_own = |domain| delivery.sites.site_for_host(domain).is_some_and(|site| site.id == draft.site().id);
    let domains = draft.sent.domains.trim();
    if !domains.is_empty() && !domains.split(',').any(|domain| is_own(domain.trim())) {
        return Err(Reason::SiteMismatch);
    }
    match &delivery.origin {
        Origin::Site(site) if site.id != draft.site().id => Err(Reason::SiteMismatch),
        _ => Ok(()),
    }
}

/// A token for one site writes into no other's figures.
pub(super) fn drop_token_mismatch(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    match delivery.sender.as_ref().map(|sender| sender.access) {
        Some(Access::Site(site)) if site != draft.site().id => Err(Reason::TokenMismatch),
        _ => Ok(()),
    }
}

pub(super) fn put_page(_: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    let rules = PathRules { by_hash: draft.sent.by_hash, kept_params: &draft.site().kept_params };
    draft.event.path = draft.page().path(rules);
    draft.event.host = draft.page().host().to_owned();
}

pub(super) fn put_referrer(_: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    if draft.sent.action != Action::Engagement {
        draft.event.referrer = referrer(&draft.sent.referrer);
    }
}

pub(super) fn put_campaign(_: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    if draft.sent.action != Action::Engagement {
        (draft.event.utm, draft.event.click_id) = campaign(draft.page());
    }
}
