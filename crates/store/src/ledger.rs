use weir_event::{LocalDay, Millis, QueueId, Reason, Seq, SiteId};

/// Where an acknowledged event went. Every event that has left the queue is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BookEntry {
    Stored,
    Duplicate,
    Erased,
    Expired,
    Dead,
    SetAside(Reason),
}

/// How far the store has read in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub queue: QueueId,
    pub seq: Seq,
    /// The highest receipt time read: the processor's only clock.
    pub received: Millis,
}

/// The store's half of the ledger, as of one checkpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreBooks {
    pub checkpoint: Option<Checkpoint>,
    /// Per site, local day of receipt and entry.
    pub entries: Vec<(SiteId, LocalDay, BookEntry, u64)>,
}

impl BookEntry {
    /// Whether the store has a row of each of these events.
    pub(crate) fn is_held(self) -> bool {
        match self {
            Self::Stored | Self::Dead => true,
            Self::SetAside(reason) => reason != Reason::SiteRemoved,
            Self::Duplicate | Self::Erased | Self::Expired => false,
        }
    }

    /// Reasons have codes of 64 and more, so the two ranges never meet.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Stored => 0,
            Self::Duplicate => 1,
            Self::Erased => 2,
            Self::Expired => 3,
            Self::Dead => 4,
            Self::SetAside(reason) => reason.code(),
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Stored),
            1 => Some(Self::Duplicate),
            2 => Some(Self::Erased),
            3 => Some(Self::Expired),
            4 => Some(Self::Dead),
            _ => Reason::from_code(code).map(Self::SetAside),
        }
    }
}
