use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use weir_event::{Event, Opening, QueueId, Seq, SiteId};
use weir_fault::Mistake;

use crate::delivery::NewRows;
use crate::disk::DiskReserve;
use crate::file::{Durable, QueueFile};
use crate::intake::Intake;
use crate::load::Load;
use crate::progress::{Progress, Waited};
use crate::sync::{Mutex, thread};
use crate::writer::Writer;
use crate::{AppendError, Entry, Limit, QueueError, QueueOptions, QueueReader, Refused};

/// A disk in trouble is seldom well again in a second.
const TROUBLE_RETRY_AFTER_SECS: u32 = 5;

/// The queue as the server uses it. Clones are the same queue; when the last one is dropped the
/// queue closes as by [`Queue::close`].
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    path: PathBuf,
    options: QueueOptions,
    /// Those before this one: they end where they ended.
    past: Vec<Opening>,
    /// Begun since the file was opened, here or by a command beside the server.
    begun: Mutex<HashSet<QueueId>>,
    intake: Arc<Intake>,
    progress: Arc<Progress>,
    writer: Mutex<Option<thread::JoinHandle<()>>>,
}

/// What the file holds when it is opened.
pub(crate) struct Found {
    pub past: Vec<Opening>,
    pub last: Seq,
    /// No row up to here is left.
    pub settled: Seq,
    pub by_site: HashMap<SiteId, u64>,
}

/// Figures of this moment, read from memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauges {
    /// Events admitted and not answered yet.
    pub waiting_events: usize,
    /// Their encoded rows.
    pub waiting_bytes: usize,
    /// Events committed and not settled yet.
    pub backlog_events: u64,
    /// What the site that holds most of the room holds.
    pub largest_site_events: u64,
    /// Events settled since the start.
    pub settled_events: u64,
    /// How fast they are settled; 0 while that is not known or nothing is.
    pub settled_per_sec: f64,
    /// Transactions committed since the start.
    pub commits: u64,
    /// Tries to write that failed and were repeated, since the start.
    pub retries: u64,
    /// The highest number given by this process or found at its start.
    pub last_seq: Seq,
    /// The limit by which even a site without a backlog would be refused.
    pub full_by: Option<Limit>,
    /// Appends refused as full since the start.
    pub refused: Refused,
}

impl Queue {
    /// Opens the file, makes it where missing, and starts the writer.
    ///
    /// # Errors
    /// What SQLite reports, with the path.
    pub fn open(path: &Path, options: QueueOptions) -> Result<Self, QueueError> {
        let mut file = QueueFile::open(path)?;
        file.set_lock_wait(options.lock_wait())?;
        let last = file.last_seq()?;
        let settled = file.oldest()?.map_or(last, |oldest| Seq(oldest.0 - 1));
        let found = Found { past: file.openings()?, last, settled, by_site: file.events_by_site()? };
        Self::start(path, file, found, options)
    }

    pub(crate) fn start(
        path: &Path,
        file: impl Durable + Send + 'static,
        found: Found,
        options: QueueOptions,
    ) -> Result<Self, QueueError> {
        let Found { past, last, settled, by_site } = found;
        let reserve = DiskReserve::new(folder_of(path), options.disk_reserve_bytes);
        let deadline = options.deadline();
        let intake = Arc::new(Intake::new(Load::new(options.clone(), by_site), reserve));
        let progress = Arc::new(Progress::new(last, settled));
        let writer = Writer {
            file,
            intake: Arc::clone(&intake),
            progress: Arc::clone(&progress),
            deadline,
            settled,
            goal: settled,
            tidied: Instant::now(),
        };
        let thread = thread::Builder::new().name("queue-writer".to_owned()).spawn(|| writer.run())?;
        let writer = Mutex::new(Some(thread));
        let (path, begun) = (path.to_owned(), Mutex::new(HashSet::new()));
        Ok(Self(Arc::new(Shared { path, options, past, begun, intake, progress, writer })))
    }

    /// Resolves once the events are on disk, with the last one's number. Dropping the future does not
    /// take them back.
    ///
    /// # Errors
    /// See [`AppendError`]; none of the events was acknowledged.
    pub async fn append(&self, events: Vec<Event>) -> Result<Seq, AppendError> {
        let rows = NewRows::of_events(&events);
        drop(events);
        if rows.is_empty() {
            return Ok(self.0.progress.last_seq());
        }
        let answer = self.0.intake.admit(rows)?;
        if weir_fault::is_planted(Mistake::AnswersBeforeCommit) {
            return Ok(self.0.progress.last_seq());
        }
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Refuses as [`Queue::append`] would where not even one event of anybody would fit: whoever asks
    /// first spares the work that comes before an append.
    ///
    /// # Errors
    /// [`AppendError::Full`].
    pub fn turn_away_if_full(&self) -> Result<(), AppendError> {
        self.0.intake.turn_away_if_full()
    }

    /// As [`Queue::append`], for threads that are no async runtime's; there it panics.
    ///
    /// # Errors
    /// See [`AppendError`]; none of the entries was acknowledged.
    pub fn append_blocking(&self, entries: Vec<Entry>) -> Result<Seq, AppendError> {
        let rows = NewRows::of_entries(&entries);
        drop(entries);
        if rows.is_empty() {
            return Ok(self.0.progress.last_seq());
        }
        self.0.intake.admit(rows)?.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Deletes the rows up to this number, which must all be held by the store. Does not wait: it
    /// rides on the next commit, or gets one of its own soon.
    pub fn settle(&self, up_to: Seq) {
        self.0.intake.settle(up_to);
    }

    /// The number in this file that a number of an opening stands for: rows up to it are those that
    /// whoever took the opening's rows up to `seq` has taken. `None` where the file knows no such
    /// opening. Reads the file only where an opening is new.
    ///
    /// # Errors
    /// What SQLite reports, with the path.
    pub fn place_of(&self, queue: QueueId, seq: Seq) -> Result<Option<Seq>, QueueError> {
        if let Some(past) = self.0.past.iter().rev().find(|opening| opening.queue == queue) {
            return Ok(Some(seq.min(past.last)));
        }
        let mut begun = self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !begun.contains(&queue) {
            begun.extend(self.reader()?.openings()?.iter().map(|opening| opening.queue));
        }
        Ok(begun.contains(&queue).then_some(seq))
    }

    /// What the gauges are held against.
    pub fn options(&self) -> &QueueOptions {
        &self.0.options
    }

    /// Free space of the queue's disk; `None` where it can not be told.
    pub fn disk_free_bytes(&self) -> Option<u64> {
        self.0.intake.free_bytes()
    }

    pub fn gauges(&self) -> Gauges {
        let progress = &self.0.progress;
        self.0.intake.load(|load, disk_is_low| Gauges {
            waiting_events: load.waiting_events(),
            waiting_bytes: load.waiting_bytes(),
            backlog_events: load.backlog_events(),
            largest_site_events: load.largest_site_events(),
            settled_events: load.settled_events(),
            settled_per_sec: load.settled_per_sec(),
            commits: progress.commits(),
            retries: progress.retries(),
            last_seq: progress.last_seq(),
            full_by: load.full_by(disk_is_low),
            refused: load.refused(),
        })
    }

    /// Tells how many sites there are to share the room. Until then, and with one, a site may use all
    /// of it: nobody else could.
    pub fn share_among(&self, sites: usize) {
        self.0.intake.share_among(sites);
    }

    /// Size of the write-ahead log's file; 0 where there is none.
    pub fn wal_bytes(&self) -> u64 {
        weir_sqlite::wal_bytes(&self.0.path)
    }

    /// Why the file can't be written, while it can't: appends fail and are not acknowledged. It is
    /// looked at every second whether that is over.
    pub fn trouble(&self) -> Option<String> {
        self.0.progress.trouble()
    }

    /// When somebody who is sent away should come back, from the backlog and the speed at which it is
    /// settled; 1 to 30. Jitter is the caller's.
    pub fn retry_after_secs(&self) -> u32 {
        let secs = self.0.intake.load(|load, disk_is_low| load.retry_after_secs(disk_is_low));
        match self.trouble() {
            Some(_) => secs.max(TROUBLE_RETRY_AFTER_SECS),
            None => secs,
        }
    }

    /// Blocks until a row past `after` is committed, the wait is ended by [`Queue::wake`], or the
    /// time is up. Meant for one waiter: a wake-up goes to whoever waits
    /// next, if nobody does.
    pub fn wait_appended(&self, after: Seq, timeout: Duration) -> Waited {
        self.0.progress.wait(after, timeout)
    }

    /// Ends the present wait, else the next: to stop, or to look for rows of another process.
    pub fn wake(&self) {
        self.0.progress.wake();
    }

    /// # Errors
    /// What SQLite reports, with the path.
    pub fn reader(&self) -> Result<QueueReader, QueueError> {
        QueueReader::open(&self.0.path)
    }

    /// Refuses new appends, commits and answers what waits, and ends the writer. Blocks meanwhile.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Shared {
    fn close(&self) {
        self.intake.close();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the queue's writer thread has panicked");
        }
        self.progress.wake();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
