use std::time::Duration;

use weir_event::{Clock, SystemClock};
use weir_queue::{AppendError, Queue};

use crate::traffic::Live;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Lets visitors come until the queue closes or the task is dropped.
pub(super) async fn run(mut live: Live, queue: Queue) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let events = live.until(SystemClock.now());
        if events.is_empty() {
            continue;
        }
        match queue.append(events).await {
            Ok(_) => {}
            Err(AppendError::Closed) => return,
            Err(error) => tracing::warn!(%error, "some of the demo's visitors went unseen"),
        }
    }
}
