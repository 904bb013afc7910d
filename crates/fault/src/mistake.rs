/// A mistake that would break a promise. A torture run that does not find a planted one proves
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// The queue commits with `synchronous=NORMAL`: a commit is not on disk.
    QueueSyncsNormal,
    /// The store commits with `synchronous=NORMAL`.
    StoreSyncsNormal,
    /// Senders are told before the commit.
    AnswersBeforeCommit,
    /// The queue forgets a batch before the store has committed it.
    SettlesBeforeCommit,
    /// Ids are remembered in a transaction of their own, before the batch's.
    RemembersApart,
    /// A checkpoint of another queue file is taken for one of this file.
    IgnoresQueueId,
    /// Caches keep what a transaction added although it was rolled back.
    KeepsStagedOnRollback,
}

impl Mistake {
    pub const ALL: [Self; 7] = [
        Self::QueueSyncsNormal,
        Self::StoreSyncsNormal,
        Self::AnswersBeforeCommit,
        Self::SettlesBeforeCommit,
        Self::RemembersApart,
        Self::IgnoresQueueId,
        Self::KeepsStagedOnRollback,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueSyncsNormal => "queue-syncs-normal",
            Self::StoreSyncsNormal => "store-syncs-normal",
            Self::AnswersBeforeCommit => "answers-before-commit",
            Self::SettlesBeforeCommit => "settles-before-commit",
            Self::RemembersApart => "remembers-apart",
            Self::IgnoresQueueId => "ignores-queue-id",
            Self::KeepsStagedOnRollback => "keeps-staged-on-rollback",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mistake| mistake.name() == name)
    }
}
