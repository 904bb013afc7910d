//! Texts to numbers.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use weir_event::{Event, Kind, LocalDay, SiteId};
use weir_registry::Site;
use weir_rollups::{Client, Source, UnitEvent};
use weir_store::{Batch, Dimension, StoreError};

use crate::Enriched;

/// What a batch has numbered already. Enriching shares texts between events, so they are told apart by
/// where they are: a dozen texts need not be hashed for every event.
#[derive(Default)]
pub(crate) struct Numbered {
    clients: FxHashMap<Place<4>, (Client, [Arc<str>; 4])>,
    sources: FxHashMap<Place<8>, (Source, [Arc<str>; 8])>,
}

/// Whose texts, which day's share of new texts they may use up, and where the texts are. What is kept
/// beside the number keeps them there.
type Place<const N: usize> = (SiteId, LocalDay, bool, [usize; N]);

fn place<const N: usize>(event: &Event, own: bool, texts: [&Arc<str>; N]) -> Place<N> {
    (event.site, event.received_day, own, std::array::from_fn(|i| texts[i].as_ptr().addr()))
}

impl Numbered {
    /// The event as the fold sees it.
    pub fn event(
        &mut self,
        batch: &mut Batch<'_>,
        event: &Event,
        site: &Site,
        enriched: &Enriched,
    ) -> Result<UnitEvent, StoreError> {
        let (client, source) = (self.client(batch, event, enriched)?, self.source(batch, event, enriched)?);
        let mut number = |dimension, text: &str| batch.text(event.site, dimension, text, event.received_day);
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

    fn client(
        &mut self,
        batch: &mut Batch<'_>,
        event: &Event,
        enriched: &Enriched,
    ) -> Result<Client, StoreError> {
        let Enriched { browser, os, device, country, .. } = enriched;
        let texts = [browser, os, device, country];
        let place = place(event, false, texts);
        if let Some((client, _)) = self.clients.get(&place) {
            return Ok(*client);
        }
        let mut number = |dimension, text: &str| batch.text(event.site, dimension, text, event.received_day);
        let client = Client {
            browser: number(Dimension::Browser, browser)?,
            os: number(Dimension::Os, os)?,
            device: number(Dimension::Device, device)?,
            country: number(Dimension::Country, country)?,
        };
        self.clients.insert(place, (client, texts.map(Arc::clone)));
        Ok(client)
    }

    /// Engaged time comes from nowhere: its pings get the empty source, one row for all of them.
    fn source(
        &mut self,
        batch: &mut Batch<'_>,
        event: &Event,
        enriched: &Enriched,
    ) -> Result<Source, StoreError> {
        if event.kind == Kind::Engagement {
            return Ok(Source::default());
        }
        let Enriched { source, referrer, channel, own_referrer, .. } = enriched;
        let Enriched { utm_source, utm_medium, utm_campaign, utm_content, utm_term, .. } = enriched;
        let texts = [source, referrer, channel, utm_source, utm_medium, utm_campaign, utm_content, utm_term];
        let place = place(event, *own_referrer, texts);
        if let Some((source, _)) = self.sources.get(&place) {
            return Ok(*source);
        }
        let mut number = |dimension, text: &str| batch.text(event.site, dimension, text, event.received_day);
        let numbered = Source {
            source: number(Dimension::Source, source)?,
            referrer: number(Dimension::Referrer, referrer)?,
            channel: number(Dimension::Channel, channel)?,
            utm_source: number(Dimension::UtmSource, utm_source)?,
            utm_medium: number(Dimension::UtmMedium, utm_medium)?,
            utm_campaign: number(Dimension::UtmCampaign, utm_campaign)?,
            utm_content: number(Dimension::UtmContent, utm_content)?,
            utm_term: number(Dimension::UtmTerm, utm_term)?,
            own: *own_referrer,
        };
        self.sources.insert(place, (numbered, texts.map(Arc::clone)));
        Ok(numbered)
    }
}
