//! What a run came to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use weir_fault::Point;

use super::plan::Kill;
use super::server::End;

/// Figures of a run, as it goes.
#[derive(Default)]
pub(super) struct Tally {
    /// By point: lives that were to end there, and lives that did.
    points: BTreeMap<&'static str, (u64, u64)>,
    from_outside: u64,
    stopped: u64,
    cycles: Vec<Duration>,
    slowest: Vec<(Duration, u64, String)>,
    inspections: Vec<Duration>,
    pub acknowledged: u64,
    pub resent: u64,
    pub replayed: u64,
    pub dropped: u64,
    pub queues_lost: u64,
    pub queues_replaced: u64,
    pub rows_lost: u64,
}

/// Stable names: `--json` prints this.
#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    pub cycles: u64,
    /// Deaths at each point by the program's own hand, and lives that were to reach it.
    pub points: Vec<PointReport>,
    /// Points that no life has reached.
    pub never_reached: Vec<&'static str>,
    /// Kills from outside, at random moments or because a point was not reached in time.
    pub killed_from_outside: u64,
    /// Servers that had stopped in order before the kill came.
    pub stopped_in_order: u64,
    pub inspections: u64,
    pub acknowledged: u64,
    /// Deliveries of events that were acknowledged already.
    pub resent: u64,
    /// Dead rows that count after all, and that were given up.
    pub dead_replayed: u64,
    pub dead_dropped: u64,
    /// Queue files that were deleted, and that an older copy has replaced.
    pub queues_lost: u64,
    pub queues_replaced: u64,
    /// What these held and nobody else did: it is no kill's doing.
    pub rows_in_lost_queues: u64,
    pub lost: u64,
    pub twice: u64,
    pub cycle_ms_p50: f64,
    pub cycle_ms_p99: f64,
    pub inspection_ms_p50: f64,
    pub slowest: Vec<Slow>,
    pub seconds: f64,
}

/// A cycle, what was to happen in it, and how long it took.
#[derive(Debug, Serialize)]
pub struct Slow {
    pub cycle: u64,
    pub what: String,
    pub ms: f64,
}

/// Runs at least this long must have reached every point.
const LONG_RUN: u64 = 1_000;

const SLOWEST_MAX: usize = 5;

impl Report {
    /// False where the run was long enough to reach every point, and has not.
    pub fn is_complete(&self) -> bool {
        self.cycles < LONG_RUN || self.never_reached.is_empty()
    }
}

#[derive(Debug, Serialize)]
pub struct PointReport {
    pub point: &'static str,
    pub planned: u64,
    pub died: u64,
}

impl Tally {
    pub fn cycle(&mut self, cycle: u64, kill: Kill, end: End, took: Duration) {
        self.cycles.push(took);
        self.slowest.push((took, cycle, format!("{kill:?}, it ended {end:?}")));
        self.slowest.sort_unstable_by(|a, b| b.cmp(a));
        self.slowest.truncate(SLOWEST_MAX);
        if let Kill::AtPoint { point, .. } = kill {
            let counts = self.points.entry(point.name()).or_default();
            counts.0 += 1;
            counts.1 += u64::from(end == End::ByFault);
        }
        self.from_outside += u64::from(end == End::Killed);
        self.stopped += u64::from(matches!(end, End::Exited(_)));
    }

    pub fn inspected(&mut self, took: Duration) {
        self.inspections.push(took);
    }

    /// Deaths by the program's own hand so far.
    pub fn died_at_points(&self) -> u64 {
        self.points.values().map(|(_, died)| died).sum()
    }

    /// Of a run in which nothing was lost and nothing counted twice: any other ends with the first.
    pub fn report(mut self, seed: u64, took: Duration) -> Report {
        self.cycles.sort_unstable();
        self.inspections.sort_unstable();
        let of = |point: &Point| self.points.get(point.name()).copied().unwrap_or_default();
        let points = Point::ALL.iter().map(|point| {
            let (planned, died) = of(point);
            PointReport { point: point.name(), planned, died }
        });
        Report {
            seed,
            cycles: self.cycles.len() as u64,
            points: points.collect(),
            never_reached: Point::ALL
                .iter()
                .filter(|point| of(point).1 == 0)
                .map(|point| point.name())
                .collect(),
            killed_from_outside: self.from_outside,
            stopped_in_order: self.stopped,
            inspections: self.inspections.len() as u64,
            acknowledged: self.acknowledged,
            resent: self.resent,
            dead_replayed: self.replayed,
            dead_dropped: self.dropped,
            queues_lost: self.queues_lost,
            queues_replaced: self.queues_replaced,
            rows_in_lost_queues: self.rows_lost,
            lost: 0,
            twice: 0,
            cycle_ms_p50: quantile(&self.cycles, 0.5),
            cycle_ms_p99: quantile(&self.cycles, 0.99),
            slowest: self
                .slowest
                .into_iter()
                .map(|(took, cycle, what)| Slow { cycle, what, ms: ms(took) })
                .collect(),
            inspection_ms_p50: quantile(&self.inspections, 0.5),
            seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

/// In milliseconds, to a tenth; of sorted times.
fn quantile(sorted: &[Duration], of_all: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * of_all).round() as usize;
    sorted.get(at).map_or(0.0, |time| ms(*time))
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_run_has_to_reach_every_point() {
        let report = |cycles: u64, reached: usize| {
            let mut tally = Tally::default();
            for cycle in 0..cycles {
                let point = Point::ALL[cycle as usize % reached];
                let kill = Kill::AtPoint { point, passes: 1 };
                tally.cycle(cycle, kill, End::ByFault, Duration::from_millis(cycle));
            }
            tally.report(1, Duration::ZERO)
        };
        let all = Point::ALL.len();
        assert!(report(LONG_RUN, all).is_complete());
        let short = report(LONG_RUN - 1, all - 1);
        assert!(short.is_complete() && short.never_reached.len() == 1);
        assert!(!report(LONG_RUN, all - 1).is_complete());
        assert_eq!(short.slowest[0].cycle, LONG_RUN - 2);
    }
}
