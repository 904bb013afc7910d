/// A place between two steps, where the process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// The queue's rows are in the transaction, which is not committed.
    QueueInserted,
    /// They are committed, and nobody has been told.
    QueueCommitted,
    /// The senders have been told.
    QueueAnswered,
    /// Rows that the store holds are deleted in a transaction that is not committed.
    QueueSettling,
    /// The processor has read rows and done nothing with them.
    RowsRead,
    /// The ids of a batch are remembered, its events are neither logged nor folded.
    IdsRemembered,
    /// Events are logged and visitors' days folded, the statistics are not written.
    Folded,
    /// The statistics are written, books and checkpoint are not.
    StatisticsWritten,
    /// All of a batch is written and nothing is committed.
    BatchWritten,
    /// The store has committed a batch, the queue has not been told.
    BatchCommitted,
    /// The queue has been told.
    SettleAsked,
    /// A day's retirement (close, seal, expire) is written and not committed.
    RetireWritten,
    /// It is committed.
    RetireCommitted,
}

impl Point {
    pub const ALL: [Self; 13] = [
        Self::QueueInserted,
        Self::QueueCommitted,
        Self::QueueAnswered,
        Self::QueueSettling,
        Self::RowsRead,
        Self::IdsRemembered,
        Self::Folded,
        Self::StatisticsWritten,
        Self::BatchWritten,
        Self::BatchCommitted,
        Self::SettleAsked,
        Self::RetireWritten,
        Self::RetireCommitted,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueInserted => "queue-inserted",
            Self::QueueCommitted => "queue-committed",
            Self::QueueAnswered => "queue-answered",
            Self::QueueSettling => "queue-settling",
            Self::RowsRead => "rows-read",
            Self::IdsRemembered => "ids-remembered",
            Self::Folded => "folded",
            Self::StatisticsWritten => "statistics-written",
            Self::BatchWritten => "batch-written",
            Self::BatchCommitted => "batch-committed",
            Self::SettleAsked => "settle-asked",
            Self::RetireWritten => "retire-written",
            Self::RetireCommitted => "retire-committed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.name() == name)
    }
}
