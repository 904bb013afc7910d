use weir_queue::QueueError;
use weir_registry::RegistryError;
use weir_sqlite::Trouble;
use weir_store::StoreError;

/// The loop has to stop and try again later. No row is to blame, and none was lost.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl ProcessorError {
    /// What a caller can do about it; `None` where no database is the cause.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Store(error) => Some(error.trouble()),
            Self::Queue(error) => error.trouble(),
            Self::Registry(error) => error.trouble(),
        }
    }
}
