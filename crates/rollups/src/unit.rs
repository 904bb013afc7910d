use weir_event::{Kind, Millis};

/// A text's number in the store's dictionary, per site and dimension. Zero: absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ValueId(pub u32);

impl ValueId {
    pub const NONE: Self = Self(0);

    /// `None` for the absent value.
    pub fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// What the visitor's browser and address said; one dictionary row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Client {
    pub browser: ValueId,
    pub os: ValueId,
    pub device: ValueId,
    pub country: ValueId,
}

/// Where a page view came from; one dictionary row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Source {
    pub source: ValueId,
    pub referrer: ValueId,
    pub channel: ValueId,
    pub utm_source: ValueId,
    pub utm_medium: ValueId,
    pub utm_campaign: ValueId,
    pub utm_content: ValueId,
    pub utm_term: ValueId,
    /// The referrer is one of the site's own hosts.
    pub own: bool,
}

/// An event as the fold sees it: numbers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitEvent {
    pub time: Millis,
    /// Orders events of equal time; no two events of a site share time and tie.
    pub tie: u32,
    pub kind: Kind,
    pub page: ValueId,
    pub host: ValueId,
    pub client: Client,
    pub source: Source,
    /// Name of a custom event, else absent.
    pub name: ValueId,
    /// Currency and minor units.
    pub amount: Option<(ValueId, i64)>,
    pub engaged_ms: u32,
}

impl UnitEvent {
    pub fn order(&self) -> (Millis, u32) {
        (self.time, self.tie)
    }

    /// Page views and events count; pings of engaged time only prolong a visit.
    pub fn is_counted(&self) -> bool {
        self.kind != Kind::Engagement
    }

    /// When what this event tells of began: engaged time reaches back from the moment it was sent.
    pub(crate) fn since_secs(&self) -> i64 {
        match self.kind {
            Kind::Engagement => self.time.secs() - i64::from(self.engaged_ms / 1_000),
            Kind::PageView | Kind::Custom | Kind::Passive => self.time.secs(),
        }
    }
}
