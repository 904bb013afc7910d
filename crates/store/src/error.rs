use std::path::Path;

use weir_sqlite::Trouble;

/// The store could not do it. A batch that was not committed has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database or the disk; [`StoreError::trouble`] says what kind.
    #[error("the statistics database: {0}")]
    Database(#[from] weir_sqlite::Error),
    /// Something in the file is not what this program writes.
    #[error("the statistics database holds something unreadable: {0}")]
    Unreadable(String),
}

impl StoreError {
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Database(error) => error.trouble(),
            Self::Unreadable(_) => Trouble::Corrupt,
        }
    }
}

// The one place where the driver's errors become the store's.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(weir_sqlite::Error::from(error).in_file(Path::new("weir.db")))
    }
}
