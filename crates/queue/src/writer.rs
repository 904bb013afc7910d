use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_event::{Seq, limits};
use weir_fault::Point;
use weir_sqlite::{Error, Patience};

use crate::AppendError;
use crate::delivery::{Delivery, NewRows};
use crate::file::{Durable, Settle, Written};
use crate::intake::{Intake, Work};
use crate::progress::Progress;
use crate::sync::thread;

/// How often an idle writer gives pages back.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);

/// The one thread that writes the file. It takes whatever waits, commits once, and answers all: while
/// one commit syncs, the next one's deliveries gather.
pub(crate) struct Writer<F> {
    pub file: F,
    pub intake: Arc<Intake>,
    pub progress: Arc<Progress>,
    pub deadline: Duration,
    /// No row up to here is left.
    pub settled: Seq,
    /// What is asked to be settled; deleted piece by piece.
    pub goal: Seq,
    pub tidied: Instant,
}

/// However the thread ends, also by a panic, nobody is left waiting for it.
struct Farewell(Arc<Intake>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<F: Durable> Writer<F> {
    pub fn run(mut self) {
        let _farewell = Farewell(Arc::clone(&self.intake));
        let mut in_trouble = false;
        // In trouble a settlement is tried again after a pause: insisting would only spin.
        while let Some(work) = self.intake.take(self.goal > self.settled && !in_trouble, in_trouble) {
            self.goal = self.goal.max(work.settle.unwrap_or_default());
            match in_trouble && work.deliveries.is_empty() {
                true => self.try_whether_it_is_over(),
                false => self.carry_out(work),
            }
            in_trouble = self.progress.trouble().is_some();
            self.shorten_log();
            self.tidy();
        }
        if let Err(error) = self.file.stay_in_place() {
            tracing::error!(%error, "the queue ends in a file that the next start will not find");
        }
    }

    /// Nobody may come for hours, and until then the server would be said to be unwell.
    fn try_whether_it_is_over(&mut self) {
        let tried = match self.next_settle(&[]) {
            Some(settle) => {
                self.file.write(&[], Some(settle)).map(|written| self.accept(Vec::new(), written))
            }
            None => self.file.probe(),
        };
        match tried {
            Ok(()) => self.note(None),
            Err(error) => self.note(Some(&error)),
        }
    }

    /// Says once that trouble began, and once that it is over.
    fn note(&self, error: Option<&Error>) {
        let before = self.progress.set_trouble(error.map(ToString::to_string));
        match (before, error) {
            (None, Some(error)) => tracing::error!(%error, "the queue can't be written: events are refused"),
            (Some(_), None) => tracing::info!("the queue can be written again"),
            _ => {}
        }
    }

    fn carry_out(&mut self, work: Work) {
        let deliveries = work.deliveries;
        match self.write_within_deadline(&deliveries) {
            Ok(written) => {
                self.note(None);
                self.accept(deliveries, written);
            }
            Err(error) => self.give_up(deliveries, &error),
        }
    }

    fn accept(&mut self, deliveries: Vec<Delivery>, written: Written) {
        if let Some(settled) = &written.settled {
            self.settled = settled.up_to;
            if settled.done {
                self.goal = settled.up_to;
            }
        }
        self.intake.committed(&deliveries, written.settled);
        self.progress.committed(written.last_seqs.last().copied(), self.settled);
        for (delivery, last) in deliveries.into_iter().zip(written.last_seqs) {
            delivery.answer(Ok(last));
        }
        weir_fault::pass(Point::QueueAnswered);
    }

    fn give_up(&mut self, deliveries: Vec<Delivery>, error: &Error) {
        self.note(Some(error));
        self.intake.failed(&deliveries);
        deliveries.into_iter().for_each(|delivery| delivery.answer(Err(AppendError::Failed)));
    }

    /// Counts from the oldest delivery: those that waited behind a commit that failed have used up
    /// their time as well, and nobody waits for two deadlines.
    fn write_within_deadline(&mut self, deliveries: &[Delivery]) -> Result<Written, Error> {
        let appends: Vec<&NewRows> = deliveries.iter().map(|delivery| &delivery.rows).collect();
        let settle = self.next_settle(&appends);
        let oldest = deliveries.first().map_or_else(Instant::now, |delivery| delivery.since);
        let mut patience = Patience::new(limits::WRITE_RETRIES_MAX, oldest, self.deadline);
        loop {
            let error = match self.file.write(&appends, settle) {
                Err(error) if error.is_transient() => error,
                done_or_hopeless => return done_or_hopeless,
            };
            let Some(pause) = patience.next_pause() else { return Err(error) };
            tracing::debug!(%error, "writing the queue is tried again");
            self.progress.count_retry();
            back_off(pause);
        }
    }

    fn next_settle(&self, appends: &[&NewRows]) -> Option<Settle> {
        let appended: usize = appends.iter().map(|rows| rows.events()).sum();
        let settle = Settle {
            after: self.settled,
            goal: self.goal,
            rows_max: limits::SETTLE_ROWS_MIN.max(2 * appended),
        };
        (self.goal > self.settled).then_some(settle)
    }

    /// Once everybody has been answered. A failure is no matter: what is committed stays in the log.
    fn shorten_log(&self) {
        if let Err(error) = self.file.shorten_log() {
            tracing::debug!(%error, "the queue's log was not copied into its file");
        }
    }

    /// Between commits that leave nothing waiting, and seldom. A failure is no matter: pages that
    /// stay in the file are used again.
    fn tidy(&mut self) {
        if self.tidied.elapsed() < TIDY_INTERVAL || !self.intake.is_quiet() {
            return;
        }
        self.tidied = Instant::now();
        if let Err(error) = self.file.give_back_pages() {
            tracing::debug!(%error, "no pages of the queue were given back");
        }
    }
}

#[cfg_attr(not(test), expect(clippy::disallowed_methods, reason = "a pause between tries awaits nothing"))]
fn back_off(pause: Duration) {
    thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use weir_event::{Event, Millis, SiteId};
    use weir_testkit::page_view;
    use weir_testkit::schedules::{Timeouts, run_once};

    use super::*;
    use crate::QueueOptions;
    use crate::disk::DiskReserve;
    use crate::file::QueueFile;
    use crate::load::Load;

    fn writer(path: &Path) -> Writer<QueueFile> {
        let load = Load::new(QueueOptions::default(), HashMap::new());
        Writer {
            file: QueueFile::open(path).expect("opens"),
            intake: Arc::new(Intake::new(load, DiskReserve::new(path, 0))),
            progress: Arc::new(Progress::new(Seq(0), Seq(0))),
            deadline: Duration::from_secs(600),
            settled: Seq(0),
            goal: Seq(0),
            tidied: Instant::now(),
        }
    }

    /// Larger than what the pages of a new file have room for.
    fn large_delivery() -> Delivery {
        let large = Event { props: "x".repeat(200_000), ..page_view(1, SiteId(1), 1, Millis(0)) };
        Delivery::new(NewRows::of_events(&[large])).0
    }

    #[test]
    fn a_full_disk_is_tried_ten_times_again_and_no_more() {
        run_once(Timeouts::Never, || {
            let dir = tempfile::tempdir().expect("a folder");
            let mut writer = writer(&dir.path().join("queue.db"));
            writer.file.set_full(true);
            let error = writer.write_within_deadline(&[large_delivery()]).err().expect("there is no room");
            assert_eq!(error.trouble(), weir_sqlite::Trouble::Full);
            assert_eq!(writer.progress.retries(), u64::from(limits::WRITE_RETRIES_MAX));
            writer.file.set_full(false);
            let written = writer.write_within_deadline(&[large_delivery()]).expect("there is room again");
            assert_eq!(written.last_seqs, [Seq(1)], "the failed tries have left nothing");
        });
    }
}
