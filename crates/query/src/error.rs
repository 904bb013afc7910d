use weir_store::StoreError;

/// A question that has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The asker's to mend; the sentence says how.
    #[error("{0}")]
    BadRequest(String),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl QueryError {
    pub(crate) fn bad(sentence: impl Into<String>) -> Self {
        Self::BadRequest(sentence.into())
    }
}
