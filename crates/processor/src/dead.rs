//! Rows that can't be folded.

use weir_event::{EventId, Millis, QueueId, Seq};
use weir_queue::Row;
use weir_store::{Batch, BookEntry, DeadEvent, StoreError};

/// A row as it is kept aside.
pub(crate) fn dead(row: &Row, id: Option<EventId>, error: String) -> DeadEvent {
    DeadEvent {
        queue: row.queue,
        seq: row.seq,
        site: row.site,
        received_day: row.received_day,
        is_event: row.is_event(),
        id,
        error,
        body: row.body.clone(),
    }
}

/// Gives a kept row up. An event stays in the books: as dropped.
pub(crate) fn drop_dead(
    batch: &mut Batch<'_>,
    (queue, seq): (QueueId, Seq),
    now: Millis,
) -> Result<(), StoreError> {
    let Some(dead) = batch.dead(queue, seq)? else { return Ok(()) };
    batch.unbury(&dead, now)?;
    if dead.is_event {
        batch.book(dead.site, dead.received_day, BookEntry::Dead, -1)?;
        batch.book(dead.site, dead.received_day, BookEntry::Dropped, 1)?;
    }
    Ok(())
}
