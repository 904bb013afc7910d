//! What a run of rows takes from the queue, for the left side of the books.

use std::collections::BTreeMap;

use weir_event::{Millis, QueueDay, QueueId, Seq};
use weir_queue::{QueueError, QueueReader, Row};
use weir_store::{Batch, Checkpoint, StoreError};

/// Entered in the transaction that takes the rows, so that both sides of the books move together.
pub(crate) struct Receipt {
    /// The last row of each opening, in order.
    lasts: Vec<(QueueId, Seq)>,
    days: Vec<Taken>,
}

struct Taken {
    of: QueueDay,
    rows: u64,
    /// What the queue has received of that day by now, these rows among it.
    received: u64,
}

impl Receipt {
    pub fn of<'a>(
        reader: &mut QueueReader,
        rows: impl IntoIterator<Item = &'a Row>,
    ) -> Result<Self, QueueError> {
        let mut lasts: Vec<(QueueId, Seq)> = Vec::new();
        let mut counts: BTreeMap<QueueDay, u64> = BTreeMap::new();
        for row in rows {
            match lasts.last_mut() {
                Some((queue, last)) if *queue == row.queue => *last = row.seq,
                _ => lasts.push((row.queue, row.seq)),
            }
            // Control rows are not received: nobody sent them.
            if row.is_event() {
                let of = QueueDay { queue: row.queue, site: row.site, day: row.received_day };
                *counts.entry(of).or_default() += 1;
            }
        }
        let days: Vec<QueueDay> = counts.keys().copied().collect();
        let received = reader.received(&days)?;
        let taken = |((of, rows), received)| Taken { of, rows, received };
        Ok(Self { lasts, days: counts.into_iter().zip(received).map(taken).collect() })
    }

    /// Events among the rows.
    pub fn events(&self) -> usize {
        self.days.iter().map(|day| usize::try_from(day.rows).unwrap_or(usize::MAX)).sum()
    }

    /// Books the rows as taken and moves the checkpoint past them.
    pub fn enter(&self, batch: &mut Batch<'_>, received: Millis) -> Result<Checkpoint, StoreError> {
        for taken in &self.days {
            batch.take(taken.of, taken.received, taken.rows)?;
        }
        let to = |(queue, seq): &(QueueId, Seq)| Checkpoint { queue: *queue, seq: *seq, received };
        for last in &self.lasts {
            batch.advance(to(last))?;
        }
        Ok(self.lasts.last().map(to).expect("a run has a row"))
    }
}
