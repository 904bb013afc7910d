//! Laying the books beside the queue file that is there: it may be another one than before.

use weir_event::Seq;
use weir_fault::Mistake;
use weir_queue::QueueReader;
use weir_store::Store;

use crate::ProcessorError;

/// Where to read on in the file: after the rows that are taken, whatever copy of whatever file this
/// is. What was acknowledged and is neither taken nor there is booked as lost, by the opening that
/// had it; if it comes back, it is lost no longer.
pub(crate) fn reconcile(store: &mut Store, queue: &mut QueueReader) -> Result<Seq, ProcessorError> {
    let mut batch = store.begin()?;
    if weir_fault::is_planted(Mistake::IgnoresQueueId) {
        return Ok(batch.checkpoint()?.map_or(Seq(0), |checkpoint| checkpoint.seq));
    }
    let books = batch.ledger()?;
    let (file, (after, is_doubtful)) = queue.books_with(|file| {
        let (after, is_doubtful) = (books.resume_after(file), books.is_doubtful(file));
        // Counting what is pending reads the whole file; mostly there is no need to.
        Ok::<_, ProcessorError>((is_doubtful.then_some(after), (after, is_doubtful)))
    })?;
    if !is_doubtful {
        return Ok(after);
    }
    let lost = books.lost(&file);
    for (of, received) in books.received(&file) {
        let (before, n) = (books.account(&of).lost, lost.get(&of).copied().unwrap_or_default());
        if n == before {
            continue;
        }
        let (site, day) = (of.site.0, of.day.to_string());
        if n > before {
            tracing::error!(
                site,
                day,
                events = n - before,
                "acknowledged events were in a queue file that is gone"
            );
        } else {
            tracing::info!(site, day, events = before - n, "events that were booked as lost are back");
        }
        batch.lose(of, received, n)?;
    }
    batch.commit()?;
    Ok(after)
}
