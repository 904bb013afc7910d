//! `ref_stats`: where visits came from.

use crate::{Seen, ValueId};

/// Role 0: the source, by name; direct visits have one too.
pub(crate) fn source(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.source.some()
}

/// Role 1: the referring page.
pub(crate) fn referrer(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.referrer.some()
}
