//! The loop: wait, take a batch, apply it, settle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use weir_event::{Control, Millis, QueueId, Seq, SiteId, Verdict, limits};
use weir_fault::{Mistake, Point};
use weir_queue::{Entry, Queue, QueueError, QueueReader, Row};
use weir_registry::Registry;
use weir_rollups::FOLD_VERSION;
use weir_store::{BookEntry, Checkpoint, Store};
use weir_verdicts::{Fate, Verdicts};

use crate::apply::{Applied, Work, apply, replay};
use crate::dead::{dead, drop_dead};
use crate::receipt::Receipt;
use crate::reconcile::reconcile;
use crate::retire::{Retention, Retire};
use crate::{Enricher, ProcessorError, refold};

#[derive(Debug, Clone)]
pub struct ProcessorOptions {
    /// Rows taken at a time.
    pub drain_events: usize,
    /// Commits are at least this far apart while little is coming in: a batch costs one disk
    /// flush however small it is.
    pub linger: Duration,
    /// The longest sleep, for rows that another process appended.
    pub interval: Duration,
    pub retention: Retention,
}

impl Default for ProcessorOptions {
    fn default() -> Self {
        Self {
            drain_events: limits::DRAIN_EVENTS,
            linger: Duration::from_millis(limits::LINGER_MS_MAX),
            interval: Duration::from_millis(limits::DRAIN_INTERVAL_MS),
            retention: Retention::default(),
        }
    }
}

/// What a commit changed; live views wait for these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub checkpoint: Checkpoint,
    /// Sites whose statistics may have moved.
    pub sites: Vec<SiteId>,
    /// Events put aside because they could not be folded.
    pub dead: u64,
}

/// How much a call of [`Processor::drain`] took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    pub rows: u64,
    pub batches: u64,
    pub dead: u64,
}

/// A batch of fewer rows is not worth a second thread.
const READ_AHEAD_MIN: usize = 1_000;

/// Rows that were read and decoded, and where the reading began.
struct Read {
    after: Seq,
    work: Vec<Work>,
    /// As many as were asked for: more are waiting.
    is_full: bool,
}

impl Read {
    fn on(reader: &mut QueueReader, after: Seq, size: usize) -> Result<Self, QueueError> {
        let rows = reader.pending(after, size)?;
        let is_full = rows.len() == size;
        Ok(Self { after, work: rows.into_iter().map(Work::of).collect(), is_full })
    }

    /// `None` where nothing is waiting.
    fn last(&self) -> Option<Seq> {
        self.work.last().map(|work| work.row.seq)
    }
}

/// The one that moves events from the queue to the store. Owns the store's only writer.
pub struct Processor {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    reader: QueueReader,
    /// The second thread's, once there was need of one.
    ahead_reader: Option<QueueReader>,
    registry: Registry,
    pub(crate) enricher: Enricher,
    pub(crate) options: ProcessorOptions,
    retire: Retire,
    /// Whether days may be due to be counted anew.
    refolding: bool,
    /// The receipt time up to which days wait to be retired, since the last try failed.
    retire_due: Option<Millis>,
    on_commit: Box<dyn Fn(&Committed) + Send>,
    /// Who asks about single events.
    verdicts: Option<Verdicts>,
    /// The last row taken; `None` before that was looked up, and after trouble.
    pub(crate) place: Option<Seq>,
}

impl Processor {
    /// # Errors
    /// The queue can't be read, or the store can't be written.
    pub fn new(
        mut store: Store,
        queue: Queue,
        registry: Registry,
        options: ProcessorOptions,
        on_commit: Box<dyn Fn(&Committed) + Send>,
    ) -> Result<Self, ProcessorError> {
        let reader = queue.reader()?;
        let retire = Retire::new(options.retention);
        let mut batch = store.begin()?;
        batch.mark_outdated(FOLD_VERSION)?;
        batch.commit()?;
        Ok(Self {
            store,
            queue,
            reader,
            ahead_reader: None,
            registry,
            enricher: Enricher::new(),
            options,
            retire,
            refolding: true,
            retire_due: None,
            on_commit,
            verdicts: None,
            place: None,
        })
    }

    /// Goes on with lists that another processor has read: reading them takes tens of milliseconds.
    #[must_use]
    pub fn with_enricher(self, enricher: Enricher) -> Self {
        Self { enricher, ..self }
    }

    /// Tells what becomes of single events to those who ask.
    #[must_use]
    pub fn with_verdicts(self, verdicts: Verdicts) -> Self {
        Self { verdicts: Some(verdicts), ..self }
    }

    /// Runs until `stop`, which whoever sets it follows with [`Queue::wake`]. Trouble of the disk or
    /// a database is handed to `report`, `None` once it is over; the loop backs off and goes on.
    pub fn run(&mut self, stop: &AtomicBool, report: &dyn Fn(Option<&ProcessorError>)) {
        let mut failures = 0u32;
        while !stop.load(Ordering::Acquire) {
            let begun = Instant::now();
            match self.drain_until(stop) {
                Ok(_) => {
                    if failures > 0 {
                        report(None);
                    }
                    failures = 0;
                    self.wait();
                    self.linger(begun, stop);
                }
                Err(error) => {
                    self.place = None;
                    report(Some(&error));
                    failures += 1;
                    let wait_ms = 100u64.saturating_mul(1 << failures.min(6)).min(5_000);
                    self.queue.wait_appended(Seq(i64::MAX), Duration::from_millis(wait_ms));
                }
            }
        }
    }

    /// Lets more rows gather when the last commit was a moment ago.
    fn linger(&self, since: Instant, stop: &AtomicBool) {
        let rest = self.options.linger.saturating_sub(since.elapsed());
        let waiting = usize::try_from(self.queue.gauges().backlog_events).unwrap_or(usize::MAX);
        if !rest.is_zero() && waiting < self.options.drain_events && !stop.load(Ordering::Acquire) {
            self.queue.wait_appended(Seq(i64::MAX), rest);
        }
    }

    /// Takes batches until the queue is empty and no day is due to be counted anew.
    ///
    /// # Errors
    /// Trouble of the disk or a database; what was committed before it stays.
    pub fn drain(&mut self) -> Result<Drained, ProcessorError> {
        let drained = self.drain_until(&AtomicBool::new(false));
        if drained.is_err() {
            self.place = None;
        }
        drained
    }

    /// As [`Self::drain`], but ends after the batch in work once `stop` is set: what is left is on
    /// disk, and whoever stops a server should not have to wait for a backlog.
    fn drain_until(&mut self, stop: &AtomicBool) -> Result<Drained, ProcessorError> {
        let mut drained = Drained::default();
        let size = self.options.drain_events;
        let mut ahead = None;
        loop {
            if stop.load(Ordering::Acquire) {
                return Ok(drained);
            }
            let place = self.place()?;
            let read = match ahead.take().filter(|ahead: &Read| ahead.after == place) {
                Some(ahead) => ahead,
                None => Read::on(&mut self.reader, place, size)?,
            };
            let Some(last) = read.last() else {
                if self.refold_one()? {
                    continue;
                }
                return self.retire_what_is_due().map(|()| drained);
            };
            weir_fault::pass(Point::RowsRead);
            drained.rows += read.work.len() as u64;
            // A full batch means that more is waiting.
            ahead = match read.is_full && READ_AHEAD_MIN <= size {
                true => self.take_and_read_on(&read.work, (last, size), &mut drained)?,
                false => self.take(&read.work, &mut drained).map(|()| None)?,
            };
            self.refold_one()?;
        }
    }

    /// Takes rows while a second thread reads and decodes those that come next. Whatever keeps it from
    /// that is met again by whoever reads them in their turn.
    fn take_and_read_on(
        &mut self,
        work: &[Work],
        (after, size): (Seq, usize),
        drained: &mut Drained,
    ) -> Result<Option<Read>, ProcessorError> {
        let mut reader = self.ahead_reader.take().map_or_else(|| self.queue.reader(), Ok)?;
        thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let read = Read::on(&mut reader, after, size);
                (reader, read)
            });
            self.take(work, drained)?;
            let Ok((reader, read)) = reading.join() else { return Ok(None) };
            self.ahead_reader = Some(reader);
            Ok(read.ok())
        })
    }

    /// Counts one day anew if one is due: between two batches, so that neither waits for all of the
    /// other.
    fn refold_one(&mut self) -> Result<bool, ProcessorError> {
        if !self.refolding {
            return Ok(false);
        }
        let tried = catch_unwind(AssertUnwindSafe(|| refold::next(&mut self.store, &self.registry)));
        let Ok(next) = tried else {
            // It would panic again, and what comes in must not wait for it.
            refold::leave_next(&mut self.store)?;
            return Ok(true);
        };
        let Some(site) = next? else {
            self.refolding = false;
            return Ok(false);
        };
        if let Some(checkpoint) = self.store.begin()?.checkpoint()? {
            (self.on_commit)(&Committed { checkpoint, sites: vec![site], dead: 0 });
        }
        Ok(true)
    }

    /// Events go in batches; a control row goes alone, in its place.
    fn take(&mut self, work: &[Work], drained: &mut Drained) -> Result<(), ProcessorError> {
        for run in work.chunk_by(|a, b| a.is_event() && b.is_event()) {
            match run {
                [Work { row, entry: Ok(Entry::Control(control)) }] => self.control(row, *control)?,
                events => self.events(events, drained)?,
            }
        }
        Ok(())
    }

    /// Applies a run of events. A panic in a pure step condemns nobody yet: the run is halved until
    /// the row that does it is alone.
    fn events(&mut self, work: &[Work], drained: &mut Drained) -> Result<(), ProcessorError> {
        if let Some(last) = work.last()
            && weir_fault::is_planted(Mistake::SettlesBeforeCommit)
        {
            self.queue.settle(last.row.seq);
        }
        match self.attempt(work)? {
            Ok(applied) => self.applied(applied, drained),
            Err(_) if work.len() > 1 => {
                let (first, second) = work.split_at(work.len() / 2);
                self.events(first, drained)?;
                self.events(second, drained)
            }
            Err(panic) => self.try_alone(&work[0], &describe(panic.as_ref()), drained),
        }
    }

    /// A disk in trouble may have made it panic, and then the row is not to blame: it is condemned
    /// only if it does so again after the store has been found in order.
    fn try_alone(&mut self, work: &Work, error: &str, drained: &mut Drained) -> Result<(), ProcessorError> {
        self.store.prove_writable()?;
        match self.attempt(std::slice::from_ref(work))? {
            Ok(applied) => self.applied(applied, drained),
            Err(_) => {
                drained.dead += 1;
                self.condemn(work, error)
            }
        }
    }

    /// One try: what was applied, or the panic of a pure step. Trouble of a file is an error and
    /// condemns nobody.
    fn attempt(&mut self, work: &[Work]) -> Result<thread::Result<Applied>, ProcessorError> {
        let receipt = Receipt::of(&mut self.reader, work.iter().map(|work| &work.row))?;
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let verdicts = self.verdicts.as_ref();
            apply(&mut self.store, &self.registry, &mut self.enricher, work, &receipt, verdicts)
        }));
        Ok(match tried {
            Ok(applied) => Ok(applied?),
            Err(panic) => Err(panic),
        })
    }

    fn applied(&mut self, applied: Applied, drained: &mut Drained) -> Result<(), ProcessorError> {
        drained.batches += 1;
        drained.dead += applied.dead;
        self.committed(applied)
    }

    fn condemn(&mut self, work: &Work, error: &str) -> Result<(), ProcessorError> {
        let row = &work.row;
        let receipt = Receipt::of(&mut self.reader, [row])?;
        tracing::error!(
            seq = row.seq.0,
            site = row.site.0,
            error,
            "an event can't be folded; it is kept aside"
        );
        let mut batch = self.store.begin()?;
        let received = batch.checkpoint()?.map_or(Millis(0), |checkpoint| checkpoint.received);
        batch.bury(&dead(row, work.id(), error.to_owned()))?;
        batch.book(row.site, row.received_day, BookEntry::Dead, 1)?;
        let checkpoint = receipt.enter(&mut batch, received)?;
        batch.commit()?;
        let fates = work.id().map(|id| (id, Fate::of(Verdict::Dead))).into_iter().collect();
        self.committed(Applied { checkpoint, sites: vec![row.site], dead: 1, fates })
    }

    fn control(&mut self, row: &Row, control: Control) -> Result<(), ProcessorError> {
        match control {
            Control::RemoveSite(site) => self.store.remove_site(site)?,
            Control::Refold(site) => {
                // The change that asks for it may be another process's, and a moment old.
                self.registry.catch_up()?;
                refold::begin(&mut self.store, site)?;
            }
            Control::ReplayDead { queue, seq } => return self.replay(row, (queue, seq)),
            Control::DropDead { .. } => {}
        }
        weir_fault::pass(Point::ControlDone);
        let receipt = Receipt::of(&mut self.reader, [row])?;
        let mut batch = self.store.begin()?;
        let received = batch.checkpoint()?.map_or(Millis(0), |checkpoint| checkpoint.received);
        match control {
            Control::Refold(site) => {
                batch.mark_stale(site)?;
                self.refolding = true;
            }
            Control::DropDead { queue, seq } => drop_dead(&mut batch, (queue, seq), received)?,
            Control::RemoveSite(_) | Control::ReplayDead { .. } => {}
        }
        let checkpoint = receipt.enter(&mut batch, received)?;
        batch.commit()?;
        self.committed(Applied { checkpoint, sites: vec![row.site], dead: 0, fates: Vec::new() })
    }

    /// Tries a row again that was put aside. One that nobody kept was replayed or dropped before.
    fn replay(&mut self, wish: &Row, (queue, seq): (QueueId, Seq)) -> Result<(), ProcessorError> {
        let receipt = Receipt::of(&mut self.reader, [wish])?;
        let kept = self.store.begin()?.dead(queue, seq)?;
        let row = kept.as_ref().map(|kept| {
            Row::kept((queue, seq), kept.site, kept.received_day, kept.is_event, kept.body.clone())
        });
        let work = row.map(Work::of);
        let mut tried = None;
        match (&kept, &work) {
            (Some(kept), Some(Work { entry: Ok(Entry::Control(control)), .. })) => {
                // First what it asks for, which can be done twice: a crash in between does it again.
                self.control(wish, *control)?;
                let mut batch = self.store.begin()?;
                batch.unbury(kept, Millis(0))?;
                return Ok(batch.commit()?);
            }
            (Some(kept), Some(work)) => {
                let applied = catch_unwind(AssertUnwindSafe(|| {
                    replay(&mut self.store, &self.registry, &mut self.enricher, (kept, work), &receipt)
                }));
                match applied {
                    Ok(applied) => return self.committed(applied?),
                    Err(panic) => tried = Some(dead(&work.row, work.id(), describe(panic.as_ref()))),
                }
            }
            _ => {}
        }
        let mut batch = self.store.begin()?;
        if let Some(dead) = &tried {
            batch.bury(dead)?;
        }
        let received = batch.checkpoint()?.map_or(Millis(0), |checkpoint| checkpoint.received);
        let checkpoint = receipt.enter(&mut batch, received)?;
        batch.commit()?;
        self.committed(Applied { checkpoint, sites: Vec::new(), dead: 0, fates: Vec::new() })
    }

    fn committed(&mut self, applied: Applied) -> Result<(), ProcessorError> {
        // Only now: the queue may forget what the store holds, never before it does.
        weir_fault::pass(Point::BatchCommitted);
        self.place = Some(applied.checkpoint.seq);
        self.queue.settle(applied.checkpoint.seq);
        weir_fault::pass(Point::SettleAsked);
        let Applied { checkpoint, sites, dead, fates } = applied;
        if let Some(verdicts) = self.verdicts.as_ref().filter(|_| !fates.is_empty()) {
            verdicts.settle(&fates);
        }
        (self.on_commit)(&Committed { checkpoint, sites, dead });
        // A day that can't be retired must not stop those that can be counted: it is tried again, and
        // told, once the queue is empty.
        match self.retire_due.is_some() {
            true => self.retire_due = Some(checkpoint.received),
            false => self.retire_due = self.retire(checkpoint.received).err().map(|_| checkpoint.received),
        }
        Ok(())
    }

    /// Where to read on.
    fn place(&mut self) -> Result<Seq, ProcessorError> {
        if let Some(place) = self.place {
            return Ok(place);
        }
        let place = reconcile(&mut self.store, &mut self.reader)?;
        // A crash may have come before this was asked, and a copy may hold rows taken long ago.
        self.queue.settle(place);
        self.place = Some(place);
        Ok(place)
    }

    fn retire_what_is_due(&mut self) -> Result<(), ProcessorError> {
        let Some(received) = self.retire_due else { return Ok(()) };
        self.retire(received)?;
        self.retire_due = None;
        Ok(())
    }

    fn retire(&mut self, received: Millis) -> Result<(), ProcessorError> {
        Ok(self.retire.follow(&mut self.store, received)?)
    }

    /// What it knows of the lists, for the next processor.
    pub fn into_enricher(self) -> Enricher {
        self.enricher
    }

    /// The store, once the loop is over.
    pub fn into_store(self) -> Store {
        self.store
    }
}

fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("a step panicked: {text}")
}
