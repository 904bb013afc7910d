use crate::{QueueId, Seq, SiteId};

/// A wish that only the processor may carry out, kept in the queue among the events so that it
/// happens exactly once and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Delete everything that the store holds of a site that the registry no longer lists.
    RemoveSite(SiteId),
    /// Count every day of a site anew from its events, by the rules that the site has by then.
    Refold(SiteId),
    /// Try again to fold a row that was put aside.
    ReplayDead { queue: QueueId, seq: Seq },
    /// Give up a row that was put aside.
    DropDead { queue: QueueId, seq: Seq },
}

impl Control {
    /// The site that it is about; none has number 0.
    pub fn site(self) -> SiteId {
        match self {
            Self::RemoveSite(site) | Self::Refold(site) => site,
            Self::ReplayDead { .. } | Self::DropDead { .. } => SiteId(0),
        }
    }
}
