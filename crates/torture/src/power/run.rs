use std::time::Instant;

use serde::Serialize;

use super::cut::{Bench, Found, Went};
use super::plan::CUTS_PER_ROUND;

/// Cuts told in full; beyond, they are only counted.
const TOLD_MAX: usize = 10;

#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub seed: u64,
    /// The first cut's number.
    pub from: u64,
    pub cuts: u64,
    /// Stop when something is found.
    pub first_only: bool,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub from: u64,
    pub cuts: u64,
    pub rounds: u64,
    /// Syncs of all rounds; each was cut right before and right after where the round was cut whole.
    pub syncs: u64,
    /// Cuts during a recovery from a cut, on top.
    pub cut_again: u64,
    /// Cuts that took the queue's file with them.
    pub queues_lost: u64,
    /// Acknowledged events that were looked for, summed over all cuts.
    pub acknowledged: u64,
    pub seconds: f64,
    /// Cuts after which something differed.
    pub different: u64,
    pub found: Vec<Found>,
}

impl Report {
    fn add(&mut self, found: Found) {
        self.different += 1;
        if self.found.len() < TOLD_MAX {
            self.found.push(found);
        }
    }
}

/// Makes the cuts; `progress` hears how many are done.
///
/// # Errors
/// The bench can't be set up. What goes wrong after that is found and reported.
pub fn run(wanted: Wanted, progress: &mut dyn FnMut(u64)) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let mut report = Report { seed: wanted.seed, from: wanted.from, ..Report::default() };
    let (mut bench, mut went) = (Bench::new()?, Went::default());
    let mut round = None;
    for cut in wanted.from..wanted.from.saturating_add(wanted.cuts) {
        if round.is_none() || cut % CUTS_PER_ROUND == 0 {
            report.rounds += 1;
            match bench.play(wanted.seed, cut / CUTS_PER_ROUND) {
                Ok(played) => {
                    report.syncs += played.history.sync_points().len() as u64;
                    round = Some(played);
                }
                Err(error) => {
                    let differences = vec![format!("{error:#}")];
                    report.add(Found { cut, position: 0, length: 0, differences });
                    break;
                }
            }
        }
        let round = round.as_ref().expect("was played");
        if let Some(found) = bench.cut(round, wanted.seed, cut, &mut went) {
            report.add(found);
        }
        report.cuts += 1;
        progress(report.cuts);
        if wanted.first_only && report.different > 0 {
            break;
        }
    }
    report.acknowledged = went.acknowledged;
    report.cut_again = went.cut_again;
    report.queues_lost = went.queues_lost;
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}
