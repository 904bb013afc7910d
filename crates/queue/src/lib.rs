//! The durable queue: append, pending, settle.

use std::path::Path;
use std::time::Duration;

use weir_event::{Control, Event, LocalDay, QueueId, Seq, SiteId, limits};

/// Bounds of the queue.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    pub waiting_events_max: usize,
    pub waiting_bytes_max: usize,
    pub backlog_events_max: u64,
    pub site_share_max: f64,
    pub disk_reserve_bytes: u64,
    pub deadline_ms: u64,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            waiting_events_max: limits::WAITING_EVENTS_MAX,
            waiting_bytes_max: 64 * 1024 * 1024,
            backlog_events_max: limits::BACKLOG_EVENTS_MAX,
            site_share_max: 0.5,
            disk_reserve_bytes: limits::DISK_RESERVE_BYTES,
            deadline_ms: limits::WRITE_DEADLINE_MS,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Event(Box<Event>),
    Control(Control),
}

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error(transparent)]
    Sqlite(#[from] weir_sqlite::Error),
    #[error("the queue's writer thread can't be started: {0}")]
    Thread(std::io::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("the queue is full: try again in {retry_after_secs} s")]
    Full { retry_after_secs: u32 },
    #[error("the queue can't be written to; nothing was")]
    Failed,
    #[error("the queue is closed")]
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the row has format {0}, which only a newer program knows")]
    Newer(u8),
    #[error("the row is damaged: {0}")]
    Damaged(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauges {
    pub waiting_events: usize,
    pub backlog_events: u64,
    pub commits: u64,
    pub retries: u64,
    pub last_seq: Seq,
    pub full: bool,
    pub refused_full: u64,
}

#[derive(Clone)]
pub struct Queue;

impl Queue {
    pub fn open(_path: &Path, _options: QueueOptions) -> Result<Queue, QueueError> {
        unimplemented!()
    }
    pub async fn append(&self, _events: Vec<Event>) -> Result<Seq, AppendError> {
        unimplemented!()
    }
    pub fn append_blocking(&self, _entries: Vec<Entry>) -> Result<Seq, AppendError> {
        unimplemented!()
    }
    pub fn settle(&self, _up_to: Seq) {
        unimplemented!()
    }
    pub fn id(&self) -> QueueId {
        unimplemented!()
    }
    pub fn gauges(&self) -> Gauges {
        unimplemented!()
    }
    pub fn retry_after_secs(&self) -> u32 {
        unimplemented!()
    }
    pub fn wait_appended(&self, _after: Seq, _timeout: Duration) -> bool {
        unimplemented!()
    }
    pub fn wake(&self) {
        unimplemented!()
    }
    pub fn reader(&self) -> Result<QueueReader, QueueError> {
        unimplemented!()
    }
    pub fn close(&self) {
        unimplemented!()
    }
}

pub struct QueueReader;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub id: QueueId,
    pub last_seq: Seq,
    pub received: Vec<(SiteId, LocalDay, u64)>,
    pub pending: Vec<(SiteId, LocalDay, u64)>,
}

impl QueueReader {
    pub fn open(_path: &Path) -> Result<QueueReader, QueueError> {
        unimplemented!()
    }
    pub fn id(&self) -> Result<QueueId, QueueError> {
        unimplemented!()
    }
    pub fn pending(&mut self, _after: Seq, _max: usize) -> Result<Vec<Row>, QueueError> {
        unimplemented!()
    }
    pub fn books(&mut self, _after: Seq) -> Result<Books, QueueError> {
        unimplemented!()
    }
    pub fn oldest(&self) -> Result<Option<Seq>, QueueError> {
        unimplemented!()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub seq: Seq,
    pub site: SiteId,
    pub received_day: LocalDay,
    pub body: Vec<u8>,
    kind: i64,
}

impl Row {
    pub fn decode(&self) -> Result<Entry, DecodeError> {
        let _ = self.kind;
        unimplemented!()
    }
}

pub fn append_control_beside(_path: &Path, _control: Control) -> Result<(), QueueError> {
    unimplemented!()
}
