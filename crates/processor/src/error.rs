use weir_queue::QueueError;
use weir_sqlite::Trouble;
use weir_store::StoreError;

/// The loop has to stop and try again later. No row is to blame, and none was lost.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl ProcessorError {
    /// What kind of trouble, where the statistics database is in it.
    pub fn store_trouble(&self) -> Option<Trouble> {
        match self {
            Self::Store(error) => Some(error.trouble()),
            Self::Queue(_) => None,
        }
    }
}
