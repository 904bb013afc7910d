//! Runs a piece of threaded code under many orders of its threads, chosen by a seed.

use std::cell::Cell;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

pub use shuttle::future::block_on;
pub use shuttle::rand;
pub use shuttle::thread;

use crate::{effort, seed};

/// What becomes of waits that have a limit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeouts {
    /// They may end at any moment, and end by themselves in the end: nothing may rest on a wait that
    /// lasts.
    AtAnyTime,
    /// Only somebody else ends them: whoever forgets to wake a thread is found out, where in life the
    /// wait would end late and hide it.
    Never,
}

thread_local! {
    static TIMEOUTS: Cell<Timeouts> = const { Cell::new(Timeouts::AtAnyTime) };
}

pub(crate) fn timeouts() -> Timeouts {
    TIMEOUTS.get()
}

/// How many steps of one order are looked at. More than that is a thread that spins.
const STEPS_MAX: usize = 100_000;

/// How many threads a rare order may need to be held up at just the wrong moment.
const DELAYS_MAX: usize = 3;

/// Runs `body` under `schedules` orders of its threads, times the environment's `EFFORT`: half of them
/// random, half with few threads held up for long. A panic, or threads that all wait, fails the test
/// and prints the order. It must make all it uses anew each time.
pub fn check_schedules(schedules: u32, timeouts: Timeouts, body: impl Fn() + Send + Sync + Clone + 'static) {
    let each = usize::try_from(effort(schedules) / 2).expect("few").max(1);
    TIMEOUTS.set(timeouts);
    run(RandomScheduler::new_from_seed(seed(), each), body.clone());
    run(PctScheduler::new_from_seed(seed(), DELAYS_MAX, each), body);
}

/// Runs `body` once, for tests of one thread whose parts have locks.
pub fn run_once(timeouts: Timeouts, body: impl Fn() + Send + Sync + 'static) {
    TIMEOUTS.set(timeouts);
    run(RandomScheduler::new_from_seed(seed(), 1), body);
}

fn run(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.max_steps = shuttle::MaxSteps::FailAfter(STEPS_MAX);
    config.failure_persistence = FailurePersistence::Print;
    // Parts with SQLite in them need more than the usual 32 KiB.
    config.stack_size = 1 << 20;
    Runner::new(scheduler, config).run(body);
}
