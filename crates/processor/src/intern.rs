//! Texts to numbers.

use weir_event::{Event, Kind};
use weir_registry::Site;
use weir_rollups::{Client, Source, UnitEvent, ValueId};
use weir_store::{Batch, Dimension, StoreError};

use crate::Enriched;

/// The event as the fold sees it.
pub(crate) fn event(
    batch: &mut Batch<'_>,
    event: &Event,
    site: &Site,
    enriched: &Enriched,
) -> Result<UnitEvent, StoreError> {
    let mut number = |dimension, text: &str| batch.text(event.site, dimension, text, event.received_day);
    let client = Client {
        browser: number(Dimension::Browser, &enriched.browser)?,
        os: number(Dimension::Os, &enriched.os)?,
        device: number(Dimension::Device, &enriched.device)?,
        country: number(Dimension::Country, &enriched.country)?,
    };
    let source = source(&mut number, event.kind, enriched)?;
    let name = number(Dimension::Event, &event.name)?;
    let amount = match &event.amount {
        Some(amount) => Some((number(Dimension::Currency, amount.currency())?, amount.minor)),
        None => None,
    };
    let host = number(Dimension::Host, &event.host)?;
    let (page, host) = batch.page(event.site, &event.page(&site.domain), host, event.received_day)?;
    Ok(UnitEvent {
        time: event.time,
        tie: event.id.tie(),
        kind: event.kind,
        page,
        host,
        client,
        source,
        name,
        amount,
        engaged_ms: event.engaged_ms,
    })
}

/// Engaged time comes from nowhere: its pings get the empty source, one row for all of them.
fn source(
    number: &mut impl FnMut(Dimension, &str) -> Result<ValueId, StoreError>,
    kind: Kind,
    enriched: &Enriched,
) -> Result<Source, StoreError> {
    if kind == Kind::Engagement {
        return Ok(Source::default());
    }
    Ok(Source {
        source: number(Dimension::Source, &enriched.source)?,
        referrer: number(Dimension::Referrer, &enriched.referrer)?,
        channel: number(Dimension::Channel, &enriched.channel)?,
        utm_source: number(Dimension::UtmSource, &enriched.utm_source)?,
        utm_medium: number(Dimension::UtmMedium, &enriched.utm_medium)?,
        utm_campaign: number(Dimension::UtmCampaign, &enriched.utm_campaign)?,
        utm_content: number(Dimension::UtmContent, &enriched.utm_content)?,
        utm_term: number(Dimension::UtmTerm, &enriched.utm_term)?,
        own: enriched.own_referrer,
    })
}
