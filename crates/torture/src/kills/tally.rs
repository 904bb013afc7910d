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
    inspections: Vec<Duration>,
    pub acknowledged: u64,
    pub resent: u64,
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
    pub lost: u64,
    pub twice: u64,
    pub cycle_ms_p50: f64,
    pub cycle_ms_p99: f64,
    pub inspection_ms_p50: f64,
    pub seconds: f64,
}

#[derive(Debug, Serialize)]
pub struct PointReport {
    pub point: &'static str,
    pub planned: u64,
    pub died: u64,
}

impl Tally {
    pub fn cycle(&mut self, kill: Kill, end: End, took: Duration) {
        self.cycles.push(took);
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
            lost: 0,
            twice: 0,
            cycle_ms_p50: quantile(&self.cycles, 0.5),
            cycle_ms_p99: quantile(&self.cycles, 0.99),
            inspection_ms_p50: quantile(&self.inspections, 0.5),
            seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

/// In milliseconds, to a tenth; of sorted times.
fn quantile(sorted: &[Duration], of_all: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * of_all).round() as usize;
    sorted.get(at).map_or(0.0, |time| (time.as_secs_f64() * 1e4).round() / 10.0)
}
