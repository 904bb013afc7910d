use weir_event::{EventId, Kind, Millis, Reason, SiteId, Verdict};

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    pub verdict: Verdict,
    /// Of a bot: how it was recognised.
    pub rule: Option<BotRule>,
}

/// What made a bot of a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BotRule {
    /// The browser says that a program drives it.
    Driven,
    NoUserAgent,
    /// The pattern of the list that the user agent matches.
    Pattern(String),
}

/// An event as its sender knows it: what is needed to recognise it, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// `None` of what could not be read.
    pub id: Option<EventId>,
    pub site: Option<SiteId>,
    pub kind: Kind,
    /// Scheme, host and path of the page as sent; never its query or fragment.
    pub url: String,
    pub name: String,
}

/// What a watch is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An event came; later fates carry the same number.
    Event { n: u64, at: Millis, sighting: Sighting, fate: Fate },
    /// What has become of it since.
    Fate { n: u64, fate: Fate },
    /// A whole delivery was refused, and nothing is known of its events.
    Delivery { n: u64, at: Millis, reason: Reason },
}

/// The answer to a question by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub id: EventId,
    pub fate: Fate,
}

impl Fate {
    pub fn of(verdict: Verdict) -> Self {
        Self { verdict, rule: None }
    }

    pub fn bot(rule: BotRule) -> Self {
        Self { verdict: Verdict::Not(Reason::Bot), rule: Some(rule) }
    }

    /// Whether the queue has it, and the processor has not.
    pub fn is_waiting(&self) -> bool {
        self.verdict == Verdict::Waiting
    }
}
