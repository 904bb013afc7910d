/// A place between two steps, where the process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// A step of a schema has run and is not committed.
    SchemaWritten,
    /// Whoever has opened the queue's file has begun a stretch of it, and not committed.
    OpeningWritten,
    /// A delivery's rows are in the queue's transaction, which is not committed.
    QueueInserted,
    /// Rows that the store holds are deleted in a transaction that is not committed.
    QueueSettling,
    /// The queue has committed, and no sender has been told.
    QueueCommitted,
    /// The senders have been told.
    QueueAnswered,
    /// The processor has read rows and done nothing with them.
    RowsRead,
    /// An event's id is remembered, the event is neither logged nor folded.
    IdRemembered,
    /// A row that can't be read is put aside, nothing of its batch is committed.
    RowBuried,
    /// Events are logged and visitors' days folded, the statistics are not written.
    Folded,
    /// The statistics are written, books and checkpoint are not.
    StatisticsWritten,
    /// All of a batch is written and nothing is committed.
    BatchWritten,
    /// What a control row asks for is committed, the checkpoint is before it.
    ControlDone,
    /// The store has committed a batch, the queue has not been told.
    BatchCommitted,
    /// The queue has been told.
    SettleAsked,
    /// A day's close is written and not committed.
    CloseWritten,
    /// A day's rows are sealed and not committed.
    SealWritten,
    /// A day's rows have expired and nothing is committed.
    FreezeWritten,
    /// Old ids are forgotten and nothing is committed.
    IdsForgotten,
    /// Rows set aside have expired and nothing is committed.
    AsideExpired,
    /// One of these steps of retirement is committed, the next ones are not.
    RetireCommitted,
    /// Some rows of a removed site are deleted, others are still there.
    SiteErasing,
    /// A month whose days have all expired is summed up anew and not committed.
    MonthWritten,
    /// A day is counted anew, its month moved, and nothing is committed.
    RebuildWritten,
    /// It is committed, the next days are as they were.
    RebuildCommitted,
}

impl Point {
    /// In the order in which an event, and then a day, meets them.
    pub const ALL: [Self; 25] = [
        Self::SchemaWritten,
        Self::OpeningWritten,
        Self::QueueInserted,
        Self::QueueSettling,
        Self::QueueCommitted,
        Self::QueueAnswered,
        Self::RowsRead,
        Self::IdRemembered,
        Self::RowBuried,
        Self::Folded,
        Self::StatisticsWritten,
        Self::BatchWritten,
        Self::ControlDone,
        Self::BatchCommitted,
        Self::SettleAsked,
        Self::CloseWritten,
        Self::SealWritten,
        Self::FreezeWritten,
        Self::IdsForgotten,
        Self::AsideExpired,
        Self::RetireCommitted,
        Self::SiteErasing,
        Self::MonthWritten,
        Self::RebuildWritten,
        Self::RebuildCommitted,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SchemaWritten => "schema-written",
            Self::OpeningWritten => "opening-written",
            Self::QueueInserted => "queue-inserted",
            Self::QueueSettling => "queue-settling",
            Self::QueueCommitted => "queue-committed",
            Self::QueueAnswered => "queue-answered",
            Self::RowsRead => "rows-read",
            Self::IdRemembered => "id-remembered",
            Self::RowBuried => "row-buried",
            Self::Folded => "folded",
            Self::StatisticsWritten => "statistics-written",
            Self::BatchWritten => "batch-written",
            Self::ControlDone => "control-done",
            Self::BatchCommitted => "batch-committed",
            Self::SettleAsked => "settle-asked",
            Self::CloseWritten => "close-written",
            Self::SealWritten => "seal-written",
            Self::FreezeWritten => "freeze-written",
            Self::IdsForgotten => "ids-forgotten",
            Self::AsideExpired => "aside-expired",
            Self::RetireCommitted => "retire-committed",
            Self::SiteErasing => "site-erasing",
            Self::RebuildWritten => "rebuild-written",
            Self::RebuildCommitted => "rebuild-committed",
            Self::MonthWritten => "month-written",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.name() == name)
    }
}
