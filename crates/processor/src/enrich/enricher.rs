use std::sync::Arc;

use rustc_hash::FxHashMap;
use weir_event::{Country, Event, Reason};

use super::agents::{Agent, Agents};
use super::arrivals::{Arrival, ArrivalKey, Arrivals};
use super::texts::Texts;

/// What enriching needs to know of the event's site.
pub struct SiteView<'a> {
    pub domain: &'a str,
    pub is_own_host: &'a dyn Fn(&str) -> bool,
}

/// What the lists made of an event. An unknown value is the empty text. Equal texts mostly share
/// one allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enriched {
    pub browser: Arc<str>,
    pub os: Arc<str>,
    /// `Desktop`, `Mobile`, `Tablet`, `TV` or `Console`.
    pub device: Arc<str>,
    pub country: Arc<str>,
    /// A brand's name, a registrable host, or what the address's parameters said.
    pub source: Arc<str>,
    /// Host and path of an external referrer.
    pub referrer: Arc<str>,
    pub channel: Arc<str>,
    pub utm_source: Arc<str>,
    pub utm_medium: Arc<str>,
    pub utm_campaign: Arc<str>,
    pub utm_content: Arc<str>,
    pub utm_term: Arc<str>,
    /// The referrer is a host of the site itself.
    pub own_referrer: bool,
    /// Why the fold must skip the event.
    pub set_aside: Option<Reason>,
}

/// Knows the lists, and remembers what it made of the user agents and referrers that it saw last.
#[derive(Default)]
pub struct Enricher {
    texts: Texts,
    agents: Agents,
    arrivals: Arrivals,
    countries: FxHashMap<Country, Arc<str>>,
}

impl Enricher {
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the lists, which are read again at the next unknown user agent or referrer. What was
    /// made of those known stays.
    pub fn rest(&mut self) {
        self.agents.rest();
        self.arrivals.rest();
    }

    pub fn enrich(&mut self, event: &Event, site: &SiteView<'_>) -> Enriched {
        let agent = self.agents.agent(&event.user_agent, &mut self.texts);
        let key = ArrivalKey {
            own: is_own_referrer(event, site),
            // A host without a name names no source. The edge sends none; a row may hold anything.
            referrer: event.referrer.as_ref().filter(|referrer| !referrer.host.is_empty()),
            utm: &event.utm,
            click_id: event.click_id,
        };
        let arrival = self.arrivals.arrival(key, &mut self.texts);
        Enriched {
            set_aside: set_aside(event, &agent, &arrival),
            country: self.country(event.country),
            browser: agent.browser,
            os: agent.os,
            device: agent.device,
            source: arrival.source,
            referrer: arrival.referrer,
            channel: arrival.channel,
            utm_source: arrival.utm_source,
            utm_medium: arrival.utm_medium,
            utm_campaign: arrival.utm_campaign,
            utm_content: arrival.utm_content,
            utm_term: arrival.utm_term,
            own_referrer: key.own,
        }
    }

    /// The pattern that makes a bot of this user agent; `None` of one that matches none.
    pub(crate) fn bot_pattern(&mut self, user_agent: &str) -> Option<&'static str> {
        self.agents.bot_pattern(user_agent)
    }

    fn country(&mut self, country: Option<Country>) -> Arc<str> {
        match country {
            Some(country) => {
                self.countries.entry(country).or_insert_with(|| Arc::from(country.as_str())).clone()
            }
            None => self.texts.empty(),
        }
    }
}

fn is_own_referrer(event: &Event, site: &SiteView<'_>) -> bool {
    event.referrer.as_ref().is_some_and(|referrer| {
        // A page's own host is the site's by admission, whatever the site's settings say since.
        referrer.host == event.host || referrer.host == site.domain || (site.is_own_host)(&referrer.host)
    })
}

fn set_aside(event: &Event, agent: &Agent, arrival: &Arrival) -> Option<Reason> {
    if event.webdriver || agent.bot {
        Some(Reason::Bot)
    } else if arrival.spam {
        Some(Reason::SpamReferrer)
    } else {
        None
    }
}
