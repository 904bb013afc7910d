use weir_event::{DayFrame, Reason};

/// How far a site's day has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayState {
    /// Its visitors may still add events.
    Open = 0,
    /// Its key is gone: what comes now counts without a visitor.
    Closed = 1,
    /// Nothing comes any more; visitors are mere ordinals and times whole seconds.
    Sealed = 2,
    /// Its events have expired: the statistics stand, under a checksum.
    Frozen = 3,
}

/// A day of a site and what it was folded with. Fixed when the day's first event is folded, and
/// changed only by counting the whole day anew.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteDay {
    pub frame: DayFrame,
    pub zone: String,
    pub fold_version: u32,
    pub visit_timeout_secs: i64,
    /// Whether events that were set aside as a bot's count all the same.
    pub counts_bots: bool,
    /// It is to be counted anew: its rows are right by what stands here, but not what they are to be.
    pub stale: bool,
    /// Grows with every change of the day's log or statistics.
    pub changes: i64,
    pub state: DayState,
    /// Of the day's statistics, once [`DayState::Frozen`].
    pub checksum: Option<Vec<u8>>,
}

/// A site's days, seen from the rules that they should be counted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleDays {
    pub all: u64,
    /// Counted by other rules, or due for another reason; their events are there.
    pub waiting: u64,
    /// Counted by other rules, for good: their events have expired.
    pub frozen: u64,
}

impl SiteDay {
    /// A day that nothing has come for yet.
    pub fn opened(frame: DayFrame, zone: &str, fold_version: u32, visit_timeout_secs: i64) -> Self {
        Self {
            frame,
            zone: zone.to_owned(),
            fold_version,
            visit_timeout_secs,
            counts_bots: false,
            stale: false,
            changes: 0,
            state: DayState::Open,
            checksum: None,
        }
    }

    /// Whether a row with this reason counts on this day.
    pub fn counts(&self, set_aside: Option<Reason>) -> bool {
        match set_aside {
            None => true,
            Some(Reason::Bot) => self.counts_bots,
            Some(_) => false,
        }
    }

    /// The same by the reason's code, 0 being none.
    pub(crate) fn counts_code(&self, set_aside: u8) -> bool {
        set_aside == 0 || self.counts_bots && set_aside == Reason::Bot.code()
    }
}

impl DayState {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Open, Self::Closed, Self::Sealed, Self::Frozen].into_iter().find(|state| *state as u8 == code)
    }
}
