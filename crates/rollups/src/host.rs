//! `host_stats`: the host that an event happened on.

use crate::{Seen, ValueId};

pub(crate) fn host(seen: Seen<'_>) -> Option<ValueId> {
    seen.event.host.some()
}
