use std::sync::PoisonError;
use std::time::Duration;

use weir_event::Seq;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// How a wait for rows ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// There is a row past the number.
    Appended,
    /// By [`Queue::wake`](crate::Queue::wake), which says nothing of how much comes.
    Woken,
    /// All the while there was no row.
    TimedOut,
}

/// How far the file has come, for those who wait for rows.
pub(crate) struct Progress {
    at: Mutex<At>,
    moved: Condvar,
    commits: AtomicU64,
    retries: AtomicU64,
    trouble: Mutex<Option<String>>,
}

#[derive(Debug)]
struct At {
    last: Seq,
    settled: Seq,
    woken: bool,
    /// Past which rows somebody waits for one. To wake whoever waits for something else takes longer than
    /// writing a row, and at the edge's expense.
    awaited: Vec<Seq>,
}

impl At {
    /// Numbers up to `settled` have no rows any more: who starts from an older one, because its
    /// checkpoint is of another file, must not spin on them.
    fn has_row_past(&self, after: Seq) -> bool {
        self.last > after.max(self.settled)
    }
}

impl Progress {
    pub fn new(last: Seq, settled: Seq) -> Self {
        Self {
            at: Mutex::new(At { last, settled, woken: false, awaited: Vec::new() }),
            moved: Condvar::new(),
            commits: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            trouble: Mutex::default(),
        }
    }

    pub fn committed(&self, last: Option<Seq>, settled: Seq) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let mut at = self.lock();
        at.last = at.last.max(last.unwrap_or_default());
        at.settled = settled;
        let is_awaited = at.awaited.iter().any(|after| at.has_row_past(*after));
        drop(at);
        if is_awaited {
            self.moved.notify_all();
        }
    }

    pub fn wait(&self, after: Seq, timeout: Duration) -> Waited {
        let mut at = self.lock();
        at.awaited.push(after);
        let nothing = |at: &mut At| !at.has_row_past(after) && !at.woken;
        let waited = self.moved.wait_timeout_while(at, timeout, nothing);
        let mut at = waited.unwrap_or_else(PoisonError::into_inner).0;
        if let Some(mine) = at.awaited.iter().position(|awaited| *awaited == after) {
            at.awaited.swap_remove(mine);
        }
        match (at.has_row_past(after), std::mem::take(&mut at.woken)) {
            (true, _) => Waited::Appended,
            (false, true) => Waited::Woken,
            (false, false) => Waited::TimedOut,
        }
    }

    pub fn wake(&self) {
        self.lock().woken = true;
        self.moved.notify_all();
    }

    pub fn last_seq(&self) -> Seq {
        self.lock().last
    }

    pub fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Why the file can't be written; returns what stood there before.
    pub fn set_trouble(&self, trouble: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner), trouble)
    }

    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, At> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
