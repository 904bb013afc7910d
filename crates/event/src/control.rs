use crate::SiteId;

/// A wish that only the processor may carry out, kept in the queue among the events so that it
/// happens exactly once and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Delete everything that the store holds of a site that the registry no longer lists.
    RemoveSite(SiteId),
}
