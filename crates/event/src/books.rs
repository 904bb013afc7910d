use std::collections::BTreeMap;

use crate::{LocalDay, QueueId, Seq, SiteId};

/// A stretch of a queue file: what was appended by one who had it open. Openings are never shared
/// between two files, and of two copies of a file that both hold one, the shorter is the beginning
/// of the longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub queue: QueueId,
    /// The number before its first row.
    pub after: Seq,
    /// Its last row so far.
    pub last: Seq,
}

/// What one opening received of a site on one of its local days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueDay {
    pub queue: QueueId,
    pub site: SiteId,
    pub day: LocalDay,
}

/// The queue's side of the ledger, all of one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueBooks {
    /// Oldest first.
    pub openings: Vec<Opening>,
    /// No row up to here is left.
    pub settled: Seq,
    /// Events ever appended.
    pub received: BTreeMap<QueueDay, u64>,
    /// Events past the number asked for; empty where none was.
    pub pending: BTreeMap<QueueDay, u64>,
}

impl QueueBooks {
    pub fn opening(&self, queue: QueueId) -> Option<&Opening> {
        self.openings.iter().rev().find(|opening| opening.queue == queue)
    }

    /// The row after which to read on for one who has taken rows as `taken` says. Rows are taken in
    /// their order, so the newest opening of which any is taken decides: what came before it is taken
    /// or gone. Where no opening is known, the oldest row is the next.
    pub fn resume_after(&self, taken: impl Fn(QueueId) -> Option<Seq>) -> Seq {
        let newest_first = self.openings.iter().rev();
        // A copy may end where the file that it is of went on: it has given those numbers anew.
        newest_first
            .filter_map(|opening| Some(taken(opening.queue)?.min(opening.last)))
            .next()
            .unwrap_or_default()
    }
}
