use std::time::Duration;

use weir_event::limits;

const LOCK_WAIT_MAX: Duration = Duration::from_millis(250);

/// How much the queue may hold, and how long it tries.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// Events taken from their senders but not committed yet. A larger append never fits.
    pub waiting_events_max: usize,
    /// The encoded rows of these events.
    pub waiting_bytes_max: usize,
    /// Events that are not settled.
    pub backlog_events_max: u64,
    /// The part that one site may fill of the room that the other sites leave, in the backlog and
    /// before the writer. Where there is only one site it may fill everything: see
    /// [`crate::Queue::share_among`].
    pub site_share_max: f64,
    /// Free space that the disk keeps.
    pub disk_reserve_bytes: u64,
    /// An append is answered, if with a failure, about this long after it came.
    pub deadline_ms: u64,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            waiting_events_max: limits::WAITING_EVENTS_MAX,
            waiting_bytes_max: limits::WAITING_BYTES_MAX,
            backlog_events_max: limits::BACKLOG_EVENTS_MAX,
            site_share_max: limits::SITE_SHARE_MAX,
            disk_reserve_bytes: limits::DISK_RESERVE_BYTES,
            deadline_ms: limits::WRITE_DEADLINE_MS,
        }
    }
}

impl QueueOptions {
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// How long one try waits for another process's lock: far short of the deadline, so that the wait
    /// is made of several tries and the deadline is kept.
    pub(crate) fn lock_wait(&self) -> Duration {
        LOCK_WAIT_MAX.min(self.deadline() / limits::WRITE_RETRIES_MAX)
    }
}
