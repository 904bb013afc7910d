//! Up to when the figures are complete.

use weir_event::Millis;
use weir_store::Checkpoint;

use crate::Dashboard;
use crate::answer::ApiError;

/// What is in the statistics, and how much is not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// Everything acknowledged before is in the statistics.
    pub complete_until: Millis,
    /// Acknowledged events, of all sites, that are not in the statistics yet.
    pub pending: u64,
}

impl Freshness {
    /// Of figures that are read after this.
    pub fn of(dashboard: &Dashboard) -> Result<Self, ApiError> {
        let now = dashboard.clock.now();
        // Before the store is read: it may have read more by then, never less.
        let gauges = dashboard.queue.gauges();
        let checkpoint = dashboard.store.read(|reading| reading.checkpoint())?;
        let here = match checkpoint {
            Some(at) => dashboard.queue.place_of(at.queue, at.seq)?.map(|seq| Checkpoint { seq, ..at }),
            None => None,
        };
        // Not the backlog: what the store has and the queue has not settled yet is not pending.
        let pending = match here {
            Some(here) => u64::try_from(gauges.last_seq.0 - here.seq.0).unwrap_or_default(),
            None => gauges.backlog_events,
        };
        Ok(Self { complete_until: complete_until(now, here, pending), pending })
    }
}

/// Events are folded in the order in which they were acknowledged, each after its receipt: whatever
/// is not folded was acknowledged after the latest receipt that is.
fn complete_until(now: Millis, here: Option<Checkpoint>, pending: u64) -> Millis {
    match here {
        _ if pending == 0 => now,
        // A clock that was ahead for a moment must not promise what is to come.
        Some(here) => here.received.min(now),
        None => Millis(0),
    }
}

#[cfg(test)]
mod tests {
    use weir_event::{QueueId, Seq};

    use super::*;

    #[test]
    fn what_is_pending_bounds_what_is_complete() {
        let (now, earlier) = (Millis(1_000), Millis(400));
        let at = |received| Some(Checkpoint { queue: QueueId([1; 16]), seq: Seq(7), received });
        assert_eq!(complete_until(now, at(earlier), 0), now);
        assert_eq!(complete_until(now, None, 0), now);
        assert_eq!(complete_until(now, at(earlier), 3), earlier);
        assert_eq!(complete_until(now, at(Millis(9_000)), 3), now);
        assert_eq!(complete_until(now, None, 3), Millis(0), "nothing is known of this queue yet");
    }
}
