use std::sync::Arc;

use quick_cache::unsync::Cache;
use quick_cache::{Equivalent, Weighter};
use weir_event::limits::{ENRICH_CACHE_BYTES_MAX, LABEL_BYTES_MAX, REFERRER_BYTES_MAX};
use weir_event::{ClickId, Referrer, Utm};

use super::channel::{Trail, channel};
use super::hosts::registrable;
use super::sources::{Brand, Category, Place, Sources, host_in};
use super::texts::{Texts, bounded};

/// The source of visits that say nothing of where they come from.
const DIRECT: &str = "Direct / None";

/// How a visitor came to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) source: Arc<str>,
    pub(super) referrer: Arc<str>,
    pub(super) channel: Arc<str>,
    pub(super) utm_source: Arc<str>,
    pub(super) utm_medium: Arc<str>,
    pub(super) utm_campaign: Arc<str>,
    pub(super) utm_content: Arc<str>,
    pub(super) utm_term: Arc<str>,
    pub(super) spam: bool,
}

/// All that an [`Arrival`] depends on.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct ArrivalKey<'a> {
    /// The referrer is a host of the site.
    pub(super) own: bool,
    pub(super) referrer: Option<&'a Referrer>,
    pub(super) utm: &'a Utm,
    pub(super) click_id: Option<ClickId>,
}

/// The same, kept. Fields in the order of [`ArrivalKey`], so that both hash alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeptKey {
    own: bool,
    referrer: Option<Referrer>,
    utm: Utm,
    click_id: Option<ClickId>,
}

/// Arrivals that were decided before, and the lists that decide.
pub(super) struct Arrivals {
    known: Cache<KeptKey, Arrival, Weight>,
    sources: Option<Sources>,
}

/// Where a visit comes from.
struct Origin {
    name: Arc<str>,
    /// As the address or the referrer wrote it, in lower case; empty for direct.
    written: String,
    category: Option<Category>,
    from_site: bool,
}

/// A typical entry, for the cache to size its table by.
const ENTRY_BYTES: usize = 512;

#[derive(Clone)]
struct Weight;

impl Weighter<KeptKey, Arrival> for Weight {
    fn weight(&self, key: &KeptKey, arrival: &Arrival) -> u64 {
        let utm = [&key.utm.source, &key.utm.medium, &key.utm.campaign, &key.utm.content, &key.utm.term];
        let plain = [&key.utm.plain_source, &key.utm.plain_ref];
        let texts: usize = utm.into_iter().chain(plain).map(|text| 2 * text.len()).sum();
        let referrer = key.referrer.as_ref().map_or(0, |referrer| referrer.host.len() + referrer.path.len());
        (size_of::<KeptKey>() + size_of::<Arrival>() + texts + referrer + arrival.referrer.len()) as u64
    }
}

impl Equivalent<KeptKey> for ArrivalKey<'_> {
    fn equivalent(&self, kept: &KeptKey) -> bool {
        self.own == kept.own
            && self.referrer == kept.referrer.as_ref()
            && same_utm(self.utm, &kept.utm)
            && self.click_id == kept.click_id
    }
}

fn texts(utm: &Utm) -> [&str; 7] {
    let Utm { source, medium, campaign, content, term, plain_source, plain_ref } = utm;
    [source, medium, campaign, content, term, plain_source, plain_ref].map(String::as_str)
}

/// Most links carry none of these. Comparing two empty texts reads memory that an empty text does not
/// have, which some processors take a hundred times longer over than over one look at the lengths.
fn same_utm(a: &Utm, b: &Utm) -> bool {
    texts(a).iter().zip(texts(b)).all(|(a, b)| a.len() == b.len() && (a.is_empty() || *a == b))
}

impl Default for Arrivals {
    fn default() -> Self {
        let entries = ENRICH_CACHE_BYTES_MAX / ENTRY_BYTES;
        Self { known: Cache::with_weighter(entries, ENRICH_CACHE_BYTES_MAX as u64, Weight), sources: None }
    }
}

impl Arrivals {
    pub(super) fn rest(&mut self) {
        self.sources = None;
    }

    pub(super) fn arrival(&mut self, key: ArrivalKey<'_>, texts: &mut Texts) -> Arrival {
        if let Some(arrival) = self.known.get(&key) {
            return arrival.clone();
        }
        let sources = self.sources.get_or_insert_with(Sources::load);
        let arrival = decide(&key, sources, texts);
        self.known.insert(key.kept(), arrival.clone());
        arrival
    }
}

impl ArrivalKey<'_> {
    fn kept(&self) -> KeptKey {
        KeptKey {
            own: self.own,
            referrer: self.referrer.cloned(),
            utm: self.utm.clone(),
            click_id: self.click_id,
        }
    }
}

fn decide(key: &ArrivalKey<'_>, sources: &Sources, texts: &mut Texts) -> Arrival {
    let place = key.referrer.map_or(Place::Unknown, |referrer| sources.place(&referrer.host));
    let origin = origin(key, &place, sources);
    let trail = Trail {
        source: &origin.written,
        category: origin.category,
        from_site: origin.from_site,
        medium: &key.utm.medium.trim().to_lowercase(),
        campaign: &key.utm.campaign.to_lowercase(),
        click_id: key.click_id,
    };
    let mut label = |text: &str| texts.share(bounded(text, LABEL_BYTES_MAX));
    Arrival {
        channel: label(channel(&trail)),
        utm_source: label(&key.utm.source),
        utm_medium: label(&key.utm.medium),
        utm_campaign: label(&key.utm.campaign),
        utm_content: label(&key.utm.content),
        utm_term: label(&key.utm.term),
        source: label(&origin.name),
        referrer: texts.share(&referrer_text(key, &place)),
        spam: !key.own && place == Place::Spam,
    }
}

/// The definition of a source: `utm_source`, then `source`, then `ref`, then the referrer. A click id
/// names its network where all of these are silent.
fn origin(key: &ArrivalKey<'_>, place: &Place<'_>, sources: &Sources) -> Origin {
    let Utm { source, plain_source, plain_ref, .. } = key.utm;
    let tags = [(source, false), (plain_source, true), (plain_ref, true)];
    if let Some((tag, from_site)) = tags.into_iter().find(|(tag, _)| !tag.trim().is_empty()) {
        return Origin::of_tag(tag.trim(), from_site, sources);
    }
    match (key.referrer, place) {
        (Some(referrer), Place::Brand(brand)) if !key.own => Origin::of_brand(brand, &referrer.host, true),
        (Some(referrer), Place::Unknown | Place::Spam) if !key.own => Origin::of_host(&referrer.host),
        _ => match key.click_id {
            Some(click_id) => Origin::of_brand(sources.network(click_id), "", true),
            None => Origin::direct(),
        },
    }
}

impl Origin {
    fn direct() -> Self {
        Self { name: Arc::from(DIRECT), written: String::new(), category: None, from_site: false }
    }

    fn of_brand(brand: &Brand, written: &str, from_site: bool) -> Self {
        let written = if written.is_empty() { brand.name.to_lowercase() } else { written.to_owned() };
        Self { name: Arc::clone(&brand.name), written, category: Some(brand.category), from_site }
    }

    fn of_host(host: &str) -> Self {
        let name = Arc::from(registrable(host));
        Self { name, written: host.to_owned(), category: None, from_site: true }
    }

    fn of_tag(tag: &str, from_site: bool, sources: &Sources) -> Self {
        let written = tag.to_lowercase();
        let host = written.strip_prefix("www.").unwrap_or(&written);
        if ["direct", "(direct)", "(none)", "(not set)"].contains(&host) {
            Self::direct()
        } else if let Some(brand) = sources.tagged(host) {
            Self::of_brand(brand, &written, from_site)
        } else if let Some(domain) = host_in(host) {
            Self { name: Arc::from(domain), from_site: true, category: None, written }
        } else {
            Self { name: Arc::from(tag), from_site, category: None, written }
        }
    }
}

/// Host and path of an external referrer. Of mail, login and payment hosts no path: it holds tokens.
fn referrer_text(key: &ArrivalKey<'_>, place: &Place<'_>) -> String {
    match key.referrer {
        Some(referrer) if !key.own => {
            let path = if *place == Place::Passage || referrer.path == "/" { "" } else { &referrer.path };
            bounded(&format!("{}{path}", referrer.host), REFERRER_BYTES_MAX).to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_is_found_again_by_an_equal_key_only() {
        let (mut arrivals, mut texts) = (Arrivals::default(), Texts::default());
        let referrer = Referrer { host: "example.org".into(), path: "/a".into() };
        let utm = Utm { source: "a".into(), medium: "b".into(), ..Utm::default() };
        let key = ArrivalKey { own: false, referrer: Some(&referrer), utm: &utm, click_id: Some(ClickId::X) };
        let arrival = arrivals.arrival(key, &mut texts);
        assert_eq!(arrivals.known.get(&key), Some(&arrival));
        let shifted = Utm { source: "ab".into(), ..Utm::default() };
        for other in [
            ArrivalKey { own: true, ..key },
            ArrivalKey { referrer: None, ..key },
            ArrivalKey { utm: &shifted, ..key },
            ArrivalKey { click_id: None, ..key },
        ] {
            assert_eq!(arrivals.known.get(&other), None, "{other:?}");
        }
    }

    #[test]
    fn the_cache_of_arrivals_stays_within_its_limit() {
        let (mut arrivals, mut texts) = (Arrivals::default(), Texts::default());
        for n in 0..10_000 {
            let referrer = Referrer { host: format!("h{n}.example"), path: "/x".repeat(500) };
            let key =
                ArrivalKey { own: false, referrer: Some(&referrer), utm: &Utm::default(), click_id: None };
            arrivals.arrival(key, &mut texts);
        }
        assert!(arrivals.known.weight() <= ENRICH_CACHE_BYTES_MAX as u64);
        assert!(arrivals.known.len() > 1_000, "and uses it");
    }
}
