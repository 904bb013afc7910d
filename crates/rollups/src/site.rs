//! `site_stats`: everything, told apart by nothing.

use crate::{Seen, ValueId};

pub(crate) fn site(_: Seen<'_>) -> Option<ValueId> {
    Some(ValueId::NONE)
}
