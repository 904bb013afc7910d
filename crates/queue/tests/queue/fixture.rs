use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;
use weir_event::{Event, Millis, Seq, SiteId};
use weir_queue::{AppendError, Entry, Queue, QueueOptions};
use weir_testkit::page_view;

/// A folder with a queue in it, gone with the test.
pub struct Folder {
    dir: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("queue.db")
    }

    pub fn open(&self) -> Queue {
        self.open_with(options())
    }

    pub fn open_with(&self, options: QueueOptions) -> Queue {
        Queue::open(&self.path(), options).expect("opens")
    }

    /// A copy of what is in the files while the queue is open, as another process would find them if
    /// this one died now.
    pub fn as_a_crash_leaves_it(&self) -> Self {
        let copy = Self::new();
        // Nobody commits meanwhile. The log goes first: what it has, the file may have or not.
        let lock = self.lock();
        for file in ["queue.db-wal", "queue.db"] {
            std::fs::copy(self.dir.path().join(file), copy.dir.path().join(file)).expect("copies");
        }
        lock.let_go();
        copy
    }

    /// A connection that knows nothing of the queue's rules: for damage, and to stand in the way.
    pub fn meddler(&self) -> Connection {
        Connection::open(self.path()).expect("opens")
    }

    /// Another writer of the file. Nobody else can write before it lets go.
    pub fn lock(&self) -> Lock {
        let conn = self.meddler();
        conn.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
        Lock(conn)
    }
}

pub struct Lock(Connection);

impl Lock {
    pub fn let_go(self) {
        self.0.execute_batch("COMMIT").expect("lets go");
    }
}

/// A test must not depend on how full the disk is, nor on how busy the machine.
pub fn options() -> QueueOptions {
    QueueOptions { disk_reserve_bytes: 0, deadline_ms: 60_000, ..QueueOptions::default() }
}

pub fn event(n: u64, site: u32) -> Event {
    page_view(n, SiteId(site), n, Millis(1_780_000_000_000))
}

pub fn events(from: u64, n: u64) -> Vec<Event> {
    (from..from + n).map(|n| event(n, 1)).collect()
}

pub fn entries(from: u64, n: u64) -> Vec<Entry> {
    events(from, n).into_iter().map(|event| Entry::Event(Box::new(event))).collect()
}

pub fn append(queue: &Queue, from: u64, n: u64) -> Result<Seq, AppendError> {
    queue.append_blocking(entries(from, n))
}

pub fn pending(queue: &Queue, after: Seq) -> Vec<Entry> {
    let rows = queue.reader().expect("opens").pending(after, usize::MAX).expect("reads");
    rows.iter().map(|row| row.decode().expect("decodes")).collect()
}

/// Appends that have been admitted and are not answered yet.
pub struct Waiting(Vec<thread::JoinHandle<Result<Seq, AppendError>>>);

impl Waiting {
    /// `n` appends of one event each, from as many threads.
    pub fn start(queue: &Queue, n: u64) -> Self {
        let before = queue.gauges().waiting_events;
        let start = |i| {
            let queue = queue.clone();
            thread::spawn(move || append(&queue, 1_000 + i, 1))
        };
        let threads = (0..n).map(start).collect();
        until(|| queue.gauges().waiting_events == before + n as usize);
        Self(threads)
    }

    pub fn answers(self) -> Vec<Result<Seq, AppendError>> {
        self.0.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    }
}

/// Waits for something that must come. The long limit only turns a hang into a failure.
pub fn until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        thread::park_timeout(Duration::from_millis(1));
    }
}
