//! Plays a plan on the disk and records it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rusqlite::Connection;
use weir_event::Control;
use weir_processor::Enricher;
use weir_queue::{AppendError, Entry, Queue};
use weir_registry::Registry;

use super::known::{Known, Mark};
use super::look::{look, look_at_files, look_at_statistics};
use super::parts::Parts;
use super::plan::{Delivery, Plan, REMOVED, SITES, Step};
use super::wait::Begun;
use crate::disk::{Failure, FileMatch, Gate, History, Op, Recorder, SimDisk, Times};

/// Longer than any machine needs to get from one thread to the next.
const GATE_WAIT: Duration = Duration::from_secs(30);

pub(super) struct Round {
    pub deliveries: Vec<Arc<Delivery>>,
    pub history: History,
    /// Right before and right after each sync.
    pub sync_cuts: Vec<usize>,
}

struct Player<'a> {
    disk: &'static SimDisk,
    folder: &'a Path,
    registry: &'a Registry,
    recorder: Recorder<'static>,
    known: Known,
    parts: Parts,
}

/// Plays the plan in an empty folder, and looks at the end whether all is well without any cut.
pub(super) fn play(
    disk: &'static SimDisk,
    folder: &Path,
    registry: &Registry,
    plan: Plan,
    enricher: &mut Enricher,
) -> anyhow::Result<Round> {
    let deliveries: Vec<_> = plan.deliveries.into_iter().map(Arc::new).collect();
    let recorder = disk.record(folder);
    let parts = Parts::open(folder, registry, std::mem::take(enricher))?;
    let known = Known::new(deliveries.clone());
    let mut player = Player { disk, folder, registry, recorder, known, parts };
    for step in plan.steps {
        player = player.step(step).with_context(|| format!("{step:?}"))?;
    }
    player.parts.drain()?;
    let mut told = look(&mut player.parts, &player.known)?;
    told.extend(look_at_statistics(&player.parts, &player.known)?);
    told.extend(look_at_files(folder)?);
    *enricher = player.parts.close();
    anyhow::ensure!(told.is_empty(), "without a cut: {}", told.join("; "));
    let history = player.recorder.finish();
    let mut sync_cuts: Vec<usize> = history.sync_points().iter().flat_map(|at| [*at, at + 1]).collect();
    sync_cuts.dedup();
    Ok(Round { deliveries, history, sync_cuts })
}

impl Player<'_> {
    fn step(mut self, step: Step) -> anyhow::Result<Self> {
        match step {
            Step::Deliver(delivery) => self.deliver(delivery)?,
            Step::DeliverTogether(first, others) => self.deliver_together(first, others)?,
            Step::FailDelivery(delivery, op, failure) => {
                self.disk.fail(self.file("queue.db-wal"), op, failure, Times::UntilHealed);
                let answer = self.append(delivery);
                self.disk.heal();
                // It may not be told as kept, and it may be there all the same.
                if let Ok(()) = answer {
                    self.mark(Mark::Acknowledged(delivery));
                }
            }
            Step::Drain => self.parts.drain()?,
            Step::DrainMeanwhile(delivery) => self.drain_meanwhile(delivery)?,
            Step::FailDrain(op, failure) => self.fail_drain(op, failure),
            Step::Checkpoint(file, mode) => self.checkpoint(file, mode)?,
            Step::RemoveSite => self.remove_site()?,
            Step::Restart => {
                let enricher = self.parts.close();
                self.parts = Parts::open(self.folder, self.registry, enricher)?;
            }
        }
        Ok(self)
    }

    fn file(&self, name: &str) -> FileMatch {
        FileMatch::EndsWith(self.folder.join(name).to_string_lossy().into_owned())
    }

    fn mark(&mut self, mark: Mark) {
        self.recorder.mark(mark.code());
        self.known.note(std::iter::once(mark.code()));
    }

    fn append(&mut self, delivery: usize) -> Result<(), AppendError> {
        self.mark(Mark::Sent(delivery));
        begin_append(&self.parts.queue, &self.known, delivery).wait()
    }

    fn deliver(&mut self, delivery: usize) -> anyhow::Result<()> {
        self.append(delivery)?;
        self.mark(Mark::Acknowledged(delivery));
        Ok(())
    }

    fn deliver_together(&mut self, first: usize, others: usize) -> anyhow::Result<()> {
        // Its first write: a queue that does not sync its commits writes all the same.
        let gate = self.disk.shut(self.file("queue.db-wal"), Op::Write);
        let all = first..=first + others;
        all.clone().for_each(|delivery| self.mark(Mark::Sent(delivery)));
        let queue = self.parts.queue.clone();
        let mut begun = vec![begin_append(&queue, &self.known, first)];
        wait_at(&gate)?;
        begun.extend(all.clone().skip(1).map(|delivery| begin_append(&queue, &self.known, delivery)));
        gate.open();
        let answers: Vec<_> = begun.into_iter().map(Begun::wait).collect();
        for (delivery, answer) in all.zip(answers) {
            answer?;
            self.mark(Mark::Acknowledged(delivery));
        }
        Ok(())
    }

    fn drain_meanwhile(&mut self, delivery: usize) -> anyhow::Result<()> {
        let gate = self.disk.shut(self.file("weir.db-wal"), Op::Sync);
        self.mark(Mark::Sent(delivery));
        let (queue, known) = (self.parts.queue.clone(), &self.known);
        let parts = &mut self.parts;
        let gate = &gate;
        let recorder = &self.recorder;
        std::thread::scope(|scope| {
            let draining = scope.spawn(|| {
                let drained = parts.drain();
                gate.stop_waiting();
                drained
            });
            let reached = wait_at(gate);
            let answer = begin_append(&queue, known, delivery).wait();
            if answer.is_ok() {
                recorder.mark(Mark::Acknowledged(delivery).code());
            }
            gate.let_through();
            draining.join().map_err(|_| anyhow::anyhow!("the processor panicked"))??;
            reached?;
            answer.map_err(anyhow::Error::from)
        })?;
        self.known.note(std::iter::once(Mark::Acknowledged(delivery).code()));
        Ok(())
    }

    /// What failed is repeated by the next drain; whether this one tries again itself is its matter.
    fn fail_drain(&mut self, op: Op, failure: Failure) {
        self.disk.fail(self.file("weir.db-wal"), op, failure, Times::Next(1));
        let _ = self.parts.drain();
        self.disk.heal();
    }

    fn checkpoint(&self, file: &str, mode: &str) -> anyhow::Result<()> {
        let conn = Connection::open(self.folder.join(file))?;
        conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
        Ok(())
    }

    fn remove_site(&mut self) -> anyhow::Result<()> {
        self.registry.remove_site(SITES[2].0)?;
        self.mark(Mark::SiteRemoved);
        self.parts.queue.append_blocking(vec![Entry::Control(Control::RemoveSite(REMOVED))])?;
        self.mark(Mark::RemovalAcknowledged);
        Ok(())
    }
}

fn begin_append<'a>(queue: &'a Queue, known: &Known, delivery: usize) -> Begun<'a, Result<(), AppendError>> {
    let events = known.deliveries[delivery].events.clone();
    Begun::new(async move { queue.append(events).await.map(|_| ()) })
}

fn wait_at(gate: &Gate<'_>) -> anyhow::Result<()> {
    anyhow::ensure!(gate.wait_reached(GATE_WAIT), "nobody came to the disk within {GATE_WAIT:?}");
    Ok(())
}
