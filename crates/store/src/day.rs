use weir_event::DayFrame;

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

/// A day of a site and what it was folded with. Fixed when the day's first event is folded; later
/// settings touch later days only.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteDay {
    pub frame: DayFrame,
    pub zone: String,
    pub fold_version: u32,
    pub visit_timeout_secs: i64,
    pub state: DayState,
    /// Of the day's statistics, once [`DayState::Frozen`].
    pub checksum: Option<Vec<u8>>,
}

impl DayState {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Open, Self::Closed, Self::Sealed, Self::Frozen].into_iter().find(|state| *state as u8 == code)
    }
}
