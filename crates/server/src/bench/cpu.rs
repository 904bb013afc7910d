//! What one core can do by itself: the floor under everything that is computed.

use std::hint::black_box;
use std::time::Instant;

use super::figures::Sorted;
use super::report::{Section, figure};
use crate::traffic::Random;

const ROUNDS: usize = 25;

/// A piece of work that is the same on every machine and in every release: numbers are made and
/// put in order, which takes arithmetic, branches and memory.
const NUMBERS: usize = 100_000;

/// Times of that piece of work, in microseconds.
#[derive(Debug)]
pub(super) struct Cpu {
    work: Sorted,
}

impl Cpu {
    pub fn probe() -> Self {
        let round = |n: usize| {
            let begun = Instant::now();
            let mut random = Random::new(1, n as u64);
            let mut numbers: Vec<u64> = (0..NUMBERS).map(|_| random.number()).collect();
            numbers.sort_unstable();
            black_box(numbers);
            begun.elapsed().as_secs_f64() * 1e6
        };
        Self { work: Sorted::new((0..ROUNDS).map(round).collect()) }
    }

    pub fn work_us(&self) -> f64 {
        self.work.percentile(50.0)
    }

    pub fn section(&self) -> Section {
        let figures = vec![
            figure("work_p50_ms", self.work.percentile(50.0) / 1_000.0),
            figure("work_p99_ms", self.work.percentile(99.0) / 1_000.0),
        ];
        Section { name: "cpu".to_owned(), figures }
    }
}
