use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use weir_event::{Seq, limits};

use crate::AppendError;
use crate::delivery::{Answer, Delivery, NewRows};
use crate::disk::DiskReserve;
use crate::file::Settled;
use crate::load::Load;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Where deliveries are admitted and wait for the writer. One lock, held for counting and moving
/// pointers only: the limits hold exactly, and a sender is never held up by the disk.
pub(crate) struct Intake {
    reserve: DiskReserve,
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    load: Load,
    waiting: VecDeque<Delivery>,
    settle: Option<Seq>,
    /// Somebody was sent away since the last settlement was taken up.
    short_of_room: bool,
    /// The writer sleeps. While it works nobody wakes it: that is a system call for every delivery.
    writer_sleeps: bool,
    closed: bool,
}

/// What one transaction is to do. Either part may be empty.
pub(crate) struct Work {
    pub deliveries: Vec<Delivery>,
    pub settle: Option<Seq>,
}

const SETTLE_WAIT: Duration = Duration::from_millis(limits::SETTLE_WAIT_MS_MAX);

/// How often a writer in trouble looks whether it is over.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

impl Intake {
    pub fn new(load: Load, reserve: DiskReserve) -> Self {
        let state = State {
            load,
            waiting: VecDeque::new(),
            settle: None,
            short_of_room: false,
            writer_sleeps: false,
            closed: false,
        };
        Self { reserve, state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Refuses at once or promises an answer. The receiver fails only if the writer has died.
    pub fn admit(&self, rows: NewRows) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let disk_is_low = self.reserve.is_low();
        let mut state = self.lock();
        if state.closed {
            return Err(AppendError::Closed);
        }
        if let Err((limit, retry_after_secs)) = state.load.admit(&rows, disk_is_low) {
            self.hurry(state);
            return Err(AppendError::Full { limit, retry_after_secs });
        }
        let (delivery, answered) = Delivery::new(rows);
        state.waiting.push_back(delivery);
        self.rouse(state);
        Ok(answered)
    }

    /// Refuses at once where nothing of anybody would be admitted.
    pub fn turn_away_if_full(&self) -> Result<(), AppendError> {
        let disk_is_low = self.reserve.is_low();
        let mut state = self.lock();
        let Err((limit, retry_after_secs)) = state.load.turn_away_if_full(disk_is_low) else { return Ok(()) };
        self.hurry(state);
        Err(AppendError::Full { limit, retry_after_secs })
    }

    /// Somebody was refused: what can be settled should not wait.
    fn hurry(&self, mut state: MutexGuard<'_, State>) {
        if !std::mem::replace(&mut state.short_of_room, true) {
            self.rouse(state);
        }
    }

    /// Lets the writer look at what has changed, if it does not anyway before it sleeps again.
    fn rouse(&self, state: MutexGuard<'_, State>) {
        let sleeps = state.writer_sleeps;
        drop(state);
        if sleeps {
            self.arrived.notify_one();
        }
    }

    pub fn settle(&self, up_to: Seq) {
        let mut state = self.lock();
        state.settle = state.settle.max(Some(up_to));
        self.rouse(state);
    }

    /// The next transaction's work: everything that waits, up to the size of one commit. Sleeps
    /// while there is nothing to do, in trouble only for a moment; `None` once there never will be.
    pub fn take(&self, more_to_settle: bool, in_trouble: bool) -> Option<Work> {
        let idle = |state: &mut State| state.waiting.is_empty() && state.settle.is_none() && !state.closed;
        let mut state = self.lock();
        state.writer_sleeps = true;
        state = match in_trouble {
            true => {
                let waited = self.arrived.wait_timeout_while(state, TROUBLE_PAUSE, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            false => {
                let waited = self.arrived.wait_while(state, |state| !more_to_settle && idle(state));
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        if !more_to_settle && !in_trouble {
            state = self.wait_for_company(state);
        }
        state.writer_sleeps = false;
        let is_over = state.closed && state.waiting.is_empty() && state.settle.is_none() && !more_to_settle;
        (!is_over).then(|| state.take_one_commit())
    }

    /// A settlement alone waits for a delivery, so that both share one sync of the disk. Not while
    /// deliveries are refused: the company that it waits for may not come in before it is done.
    fn wait_for_company<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let alone = |state: &mut State| state.waiting.is_empty() && !state.short_of_room && !state.closed;
        self.arrived.wait_timeout_while(state, SETTLE_WAIT, alone).unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn is_quiet(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// To be called before the deliveries are answered: whoever has an answer finds the figures
    /// moved.
    pub fn committed(&self, deliveries: &[Delivery], settled: Option<Settled>) {
        let mut state = self.lock();
        deliveries.iter().for_each(|delivery| state.load.committed(&delivery.rows));
        if let Some(settled) = settled {
            state.load.settled(settled.by_site, Instant::now());
        }
    }

    pub fn failed(&self, deliveries: &[Delivery]) {
        let mut state = self.lock();
        deliveries.iter().for_each(|delivery| state.load.failed(&delivery.rows));
    }

    pub fn free_bytes(&self) -> Option<u64> {
        self.reserve.free_bytes()
    }

    pub fn share_among(&self, sites: usize) {
        self.lock().load.share_among(sites);
    }

    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.rouse(state);
    }

    /// Nobody will answer any more: what waits must not wait for ever.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    /// A look at the figures, together with whether the disk is low.
    pub fn load<T>(&self, look: impl FnOnce(&Load, bool) -> T) -> T {
        let disk_is_low = self.reserve.is_low();
        look(&self.lock().load, disk_is_low)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_one_commit(&mut self) -> Work {
        let mut events = 0;
        let fits = |delivery: &&Delivery| {
            let begins_within = events < limits::COMMIT_EVENTS_MAX;
            events += delivery.rows.events();
            begins_within
        };
        let n = self.waiting.iter().take_while(fits).count();
        if self.settle.is_some() {
            self.short_of_room = false;
        }
        Work { deliveries: self.waiting.drain(..n).collect(), settle: self.settle.take() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use weir_event::{Millis, SiteId};
    use weir_testkit::page_view;
    use weir_testkit::schedules::{Timeouts, check_schedules, run_once};

    use super::*;
    use crate::sync::thread;
    use crate::{Limit, QueueOptions};

    fn intake() -> Intake {
        let load = Load::new(QueueOptions::default(), HashMap::new());
        Intake::new(load, DiskReserve::new(Path::new("."), 0))
    }

    fn admit(intake: &Intake, events: usize) -> oneshot::Receiver<Answer> {
        let events = vec![page_view(1, SiteId(1), 1, Millis(0)); events];
        intake.admit(NewRows::of_events(&events)).expect("there is room")
    }

    /// How many events each commit takes when the deliveries wait all at once.
    fn check_commits(deliveries: &[usize], commits: &[usize]) {
        let intake = intake();
        let answers: Vec<_> = deliveries.iter().map(|events| admit(&intake, *events)).collect();
        intake.close();
        let mut taken: Vec<usize> = Vec::new();
        while let Some(work) = intake.take(false, false) {
            taken.push(work.deliveries.iter().map(|delivery| delivery.rows.events()).sum());
        }
        assert_eq!(taken, commits, "{deliveries:?}");
        drop(answers);
    }

    #[test]
    fn a_commit_takes_all_that_waits_until_it_is_full_and_never_splits_a_delivery() {
        run_once(Timeouts::Never, || {
            let full = limits::COMMIT_EVENTS_MAX;
            check_commits(&[], &[]);
            check_commits(&[1, 2, 3], &[6]);
            check_commits(&[full - 1, 1, 1], &[full, 1]);
            check_commits(&[full - 1, 2, 1], &[full + 1, 1]);
            check_commits(&[full + 1, 1], &[full + 1, 1]);
        });
    }

    #[test]
    fn a_settlement_waits_for_a_delivery_to_share_its_commit() {
        check_schedules(50, Timeouts::Never, || {
            let intake = intake();
            intake.settle(Seq(7));
            intake.settle(Seq(5));
            thread::scope(|scope| {
                let taking = scope.spawn(|| intake.take(false, false).expect("there is work"));
                let _answer = admit(&intake, 1);
                let work = taking.join().expect("no panic");
                assert_eq!((work.deliveries.len(), work.settle), (1, Some(Seq(7))));
            });
        });
    }

    #[test]
    fn a_settlement_that_waits_too_long_gets_a_commit_of_its_own() {
        run_once(Timeouts::AtAnyTime, || {
            let intake = intake();
            intake.settle(Seq(7));
            let work = intake.take(false, false).expect("there is work");
            assert_eq!((work.deliveries.len(), work.settle), (0, Some(Seq(7))));
        });
    }

    /// Without the second half of the condition the test would hang: nothing more comes.
    #[test]
    fn a_settlement_does_not_wait_for_deliveries_that_are_being_refused() {
        run_once(Timeouts::Never, || {
            let options = QueueOptions { backlog_events_max: 0, ..QueueOptions::default() };
            let load = Load::new(options, HashMap::new());
            let intake = Intake::new(load, DiskReserve::new(Path::new("."), 0));
            let refused = intake.admit(NewRows::of_events(&[page_view(1, SiteId(1), 1, Millis(0))]));
            assert!(matches!(refused, Err(AppendError::Full { limit: Limit::Backlog, .. })));
            intake.settle(Seq(7));
            let work = intake.take(false, false).expect("there is work");
            assert_eq!((work.deliveries.len(), work.settle), (0, Some(Seq(7))));
            assert!(!intake.lock().short_of_room, "the next settlement waits again");
        });
    }

    #[test]
    fn nobody_waits_for_a_writer_that_has_died() {
        run_once(Timeouts::Never, || {
            let intake = intake();
            let answer = admit(&intake, 1);
            intake.abandon();
            assert!(answer.blocking_recv().is_err());
            let late = intake.admit(NewRows::of_events(&[page_view(1, SiteId(1), 1, Millis(0))]));
            assert_eq!(late.err(), Some(AppendError::Closed));
        });
    }
}
