use std::path::Path;

use weir_sqlite::Trouble;

/// Opening or reading the queue failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error(transparent)]
    Sqlite(#[from] weir_sqlite::Error),
    #[error("the queue's writer thread can not be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl QueueError {
    /// What a caller can do about it; `None` where no database is the cause.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Sqlite(error) => Some(error.trouble()),
            Self::Thread(_) => None,
        }
    }
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(weir_sqlite::Error::from(error).in_file(Path::new("queue.db")))
    }
}

/// Why an append was not acknowledged. Sending the same events again is always safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A limit is reached; nothing was written.
    #[error("the queue is full ({limit}); try again in {retry_after_secs} s")]
    Full { limit: crate::Limit, retry_after_secs: u32 },
    /// The transaction did not commit; nothing was written.
    #[error("the queue can not be written")]
    Failed,
    /// The queue has stopped.
    #[error("the queue is closed")]
    Closed,
}

/// A row that can not be read. Others can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not damaged: a newer program wrote it and can read it.
    #[error("the row has format {0}, which only a newer program knows")]
    Newer(u8),
    #[error("the row is damaged: {0}")]
    Damaged(String),
}
