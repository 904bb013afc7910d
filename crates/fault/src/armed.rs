//! The feature `armed`: what tests have asked for, from within the process or by its environment.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::{Mistake, Point};

/// `FAULT_POINT=batch-committed:3` kills the process when it passes that point for the third time.
const VARIABLE: &str = "FAULT_POINT";

/// `FAULT_MISTAKE=remembers-apart` plants that mistake in the process from its start.
const MISTAKE_VARIABLE: &str = "FAULT_MISTAKE";

struct Death {
    point: Point,
    passes_left: AtomicU64,
}

static DEATH: OnceLock<Option<Death>> = OnceLock::new();

/// A bit for each mistake.
static PLANTED: AtomicU32 = AtomicU32::new(0);

static PLANTED_FROM_START: OnceLock<Option<Mistake>> = OnceLock::new();

/// Dies here, as by `kill -9`, if the environment asks for it.
pub fn pass(point: Point) {
    let death = DEATH.get_or_init(|| std::env::var(VARIABLE).ok().map(|wish| parse(&wish)));
    if let Some(death) = death
        && death.point == point
        && death.passes_left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

fn parse(wish: &str) -> Death {
    let read = || {
        let (name, passes) = wish.split_once(':')?;
        let passes = passes.parse().ok().filter(|passes| *passes > 0)?;
        Some(Death { point: Point::named(name)?, passes_left: AtomicU64::new(passes) })
    };
    read().unwrap_or_else(|| panic!("{VARIABLE}={wish:?} is no point:passes"))
}

pub fn plant(mistake: Mistake) {
    PLANTED.fetch_or(1 << mistake as u32, Ordering::Relaxed);
}

pub fn pull_up(mistake: Mistake) {
    PLANTED.fetch_and(!(1 << mistake as u32), Ordering::Relaxed);
}

pub fn is_planted(mistake: Mistake) -> bool {
    let named = |name: String| {
        Mistake::named(&name).unwrap_or_else(|| panic!("{MISTAKE_VARIABLE}={name:?} is no mistake"))
    };
    let from_start = PLANTED_FROM_START.get_or_init(|| std::env::var(MISTAKE_VARIABLE).ok().map(named));
    *from_start == Some(mistake) || PLANTED.load(Ordering::Relaxed) & 1 << mistake as u32 != 0
}
