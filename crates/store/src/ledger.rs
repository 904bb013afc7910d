use std::collections::BTreeMap;

use weir_event::{LocalDay, Millis, Opening, QueueBooks, QueueDay, QueueId, Reason, Seq, SiteId};

/// Where an acknowledged event went. Every event that has left the queue is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BookEntry {
    Stored,
    Duplicate,
    Erased,
    Expired,
    Dead,
    /// Dead, and given up by the operator.
    Dropped,
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

/// What the store knows of what one opening of a queue file received of a site's local day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueAccount {
    /// As the file said when it was last looked at: it may have received more since.
    pub received: u64,
    /// Of these, in the books under what became of them.
    pub taken: u64,
    /// Of these, in no file any more.
    pub lost: u64,
}

/// The ids that a second delivery is known by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeenIds {
    pub ids: u64,
    /// Where more are held than may be: ids received before are being forgotten ahead of time.
    pub since: Option<Millis>,
}

/// The store's half of the ledger, as of one checkpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreBooks {
    pub checkpoint: Option<Checkpoint>,
    /// Per site, local day of receipt and entry.
    pub entries: Vec<(SiteId, LocalDay, BookEntry, u64)>,
    /// How far the rows of each opening were taken.
    pub taken: BTreeMap<QueueId, Seq>,
    pub accounts: BTreeMap<QueueDay, QueueAccount>,
}

impl StoreBooks {
    /// The number in this file after which nothing is taken.
    pub fn resume_after(&self, file: &QueueBooks) -> Seq {
        file.resume_after(|queue| self.taken.get(&queue).copied())
    }

    /// What each opening's day has received, as far as either side knows. Where both know of an
    /// opening, the larger number is right: the smaller is of an earlier moment or of an older copy.
    pub fn received(&self, file: &QueueBooks) -> BTreeMap<QueueDay, u64> {
        let mut received = file.received.clone();
        for (of, account) in &self.accounts {
            let n = received.entry(*of).or_default();
            *n = account.received.max(*n);
        }
        received
    }

    /// Whether events may be gone, or back, since this was last looked at: what is pending in the
    /// file has to be counted to tell.
    pub fn is_doubtful(&self, file: &QueueBooks) -> bool {
        let doubt = Doubt::new(self, file);
        self.received(file)
            .iter()
            .any(|(of, received)| doubt.is_on(of) && self.account(of).taken != *received)
    }

    /// What was acknowledged and is in no file any more, by the opening that had it. Of openings that
    /// have lost nothing this stays as it was booked, so that books which don't balance show.
    pub fn lost(&self, file: &QueueBooks) -> BTreeMap<QueueDay, u64> {
        let doubt = Doubt::new(self, file);
        let lost = |(of, received): (QueueDay, u64)| {
            let account = self.account(&of);
            let pending = file.pending.get(&of).copied().unwrap_or_default();
            let gone = received.saturating_sub(account.taken).saturating_sub(pending);
            (of, if doubt.is_on(&of) { gone } else { account.lost })
        };
        self.received(file).into_iter().map(lost).filter(|(_, n)| *n > 0).collect()
    }

    pub fn account(&self, of: &QueueDay) -> QueueAccount {
        self.accounts.get(of).copied().unwrap_or_default()
    }
}

/// Which openings may have lost rows.
struct Doubt<'a> {
    store: &'a StoreBooks,
    file: &'a QueueBooks,
    openings: BTreeMap<QueueId, Opening>,
    resume_after: Seq,
}

impl<'a> Doubt<'a> {
    fn new(store: &'a StoreBooks, file: &'a QueueBooks) -> Self {
        let openings = file.openings.iter().map(|opening| (opening.queue, *opening)).collect();
        Self { store, file, openings, resume_after: store.resume_after(file) }
    }

    fn is_on(&self, of: &QueueDay) -> bool {
        // The file that had it was replaced by another.
        let Some(opening) = self.openings.get(&of.queue) else { return true };
        let account = self.store.account(of);
        // The file was replaced by an older copy of itself.
        let is_shorter = self.file.received.get(of).copied().unwrap_or_default() < account.received;
        // Rows were settled that this store has not taken: it is an older copy, or a new one.
        let settled = self.file.settled;
        let has_gap =
            settled > self.resume_after && opening.last > self.resume_after && opening.after < settled;
        is_shorter || has_gap || account.lost > 0
    }
}

impl BookEntry {
    /// Whether the store has a row of each of these events.
    pub(crate) fn is_held(self) -> bool {
        match self {
            Self::Stored | Self::Dead => true,
            Self::SetAside(reason) => reason != Reason::SiteRemoved,
            Self::Duplicate | Self::Erased | Self::Expired | Self::Dropped => false,
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
            Self::Dropped => 5,
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
            5 => Some(Self::Dropped),
            _ => Reason::from_code(code).map(Self::SetAside),
        }
    }
}
