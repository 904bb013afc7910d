use crate::{EventId, LocalDay, Millis, SiteId, VisitorId};

/// An admitted event: what the edge made of a delivery, and all that the queue keeps of it. The
/// IP address is gone by now; what was worth knowing of it is `country` and `visitor`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: EventId,
    pub site: SiteId,
    /// When the server had read it; also decides the ledger's day.
    pub received: Millis,
    /// The site's local day of `received`.
    pub received_day: LocalDay,
    /// When it happened, corrected for the sender's clock.
    pub time: Millis,
    /// The site's local day of `time`: the day whose key made `visitor`.
    pub day: LocalDay,
    /// `None` where the event came after its day's key was destroyed: it counts as view or event
    /// without a visitor.
    pub visitor: Option<VisitorId>,
    pub kind: Kind,
    /// Lower-case host of the page, without `www.`, without port.
    pub host: String,
    /// Path of the page, normalised; begins with `/`. A site that routes by hash keeps `#...` here.
    pub path: String,
    pub referrer: Option<Referrer>,
    pub utm: Utm,
    /// Which advertising network's click id the URL carried; never its value.
    pub click_id: Option<ClickId>,
    pub user_agent: String,
    /// The tracker saw `navigator.webdriver`: a driven browser.
    pub webdriver: bool,
    pub country: Option<Country>,
    /// Name of a custom event; empty for the other kinds.
    pub name: String,
    /// Custom properties: a JSON object of scalars in compact form, or empty for none.
    pub props: String,
    pub amount: Option<Amount>,
    /// Time the page was visible and active since the last event, in milliseconds.
    pub engaged_ms: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    PageView,
    /// A custom event that shows a person acting: a visit that has one is no bounce.
    Custom,
    /// A custom event marked `interactive: false`, scroll depth, a section seen, vitals.
    Passive,
    /// Carries engaged time and nothing else; counts neither as view nor as event.
    Engagement,
}

/// Where the visitor came from, as the browser said: scheme, port, user, query and fragment are off.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Referrer {
    /// Lower-case host without `www.`.
    pub host: String,
    pub path: String,
}

/// What the page's query said of its origin. Empty texts mean absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Utm {
    pub source: String,
    pub medium: String,
    pub campaign: String,
    pub content: String,
    pub term: String,
    /// The plain `source` parameter.
    pub plain_source: String,
    /// The plain `ref` parameter.
    pub plain_ref: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClickId {
    /// `gclid`, `gbraid`, `wbraid`
    Google,
    /// `msclkid`
    Microsoft,
    /// `fbclid`
    Meta,
    /// `ttclid`
    TikTok,
    /// `twclid`
    X,
    /// `li_fat_id`
    LinkedIn,
}

/// ISO 3166-1 alpha-2, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(pub [u8; 2]);

/// Money in the currency's minor unit (cents), ISO 4217 upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    pub currency: [u8; 3],
    pub minor: i64,
}

impl Country {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl Amount {
    pub fn currency(&self) -> &str {
        std::str::from_utf8(&self.currency).unwrap_or("???")
    }
}

impl Event {
    /// The page as statistics name it: the path alone on the site's own host, else host and path.
    /// Paths begin with `/` and hosts never do, so the two can't be confused.
    pub fn page(&self, site_domain: &str) -> String {
        if self.host == site_domain { self.path.clone() } else { format!("{}{}", self.host, self.path) }
    }
}
