//! `channel_stats`: the kind of source a visit came from.

use crate::{Seen, ValueId};

pub(crate) fn channel(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.source?.channel.some()
}
