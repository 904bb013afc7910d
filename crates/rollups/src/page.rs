//! `page_stats`: pages, and the pages that visits began and ended on.

use weir_event::Kind;

use crate::{Seen, ValueId};

/// Role 0: the page that an event happened on.
pub(crate) fn page(seen: Seen<'_>) -> Option<ValueId> {
    seen.event.page.some()
}

/// Role 1: the page that the event's visit began on.
pub(crate) fn entry(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.entry
}

/// Role 2: the page that the event's visit ended on.
pub(crate) fn exit(seen: Seen<'_>) -> Option<ValueId> {
    seen.visit?.exit
}

/// The pages of a visit in the order they were viewed, a page viewed again at once told once.
pub(crate) fn walk<'a>(events: &'a [crate::UnitEvent]) -> impl Iterator<Item = ValueId> + 'a {
    let mut before = None;
    events.iter().filter(|event| event.kind == Kind::PageView).map(|event| event.page).filter(move |page| {
        let moved = before != Some(*page);
        before = Some(*page);
        moved
    })
}
