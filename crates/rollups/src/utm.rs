//! `utm_stats`: what a visit's link was tagged with.

use crate::{Seen, ValueId};

/// Role 0.
pub(crate) fn source(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.utm_source.some()
}

/// Role 1.
pub(crate) fn medium(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.utm_medium.some()
}

/// Role 2.
pub(crate) fn campaign(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.utm_campaign.some()
}

/// Role 3.
pub(crate) fn content(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.utm_content.some()
}

/// Role 4.
pub(crate) fn term(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.utm_term.some()
}
