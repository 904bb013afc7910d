//! Mutation checks: a run that could not fail would prove nothing.

use serde::Serialize;
use weir_fault::Mistake;

use super::plan::CUTS_PER_ROUND;
use super::run::{Wanted, run};

/// One workload in eight has no batch that fails, and a mistake about that can't show in it.
const WORKLOADS_MAX: u64 = 8;

/// What became of a planted mistake.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// `none` for the run without one.
    pub mistake: &'static str,
    /// Cuts made until something differed, or in all.
    pub cuts: u64,
    pub found: bool,
    /// The first difference.
    pub difference: String,
    /// Found where it was planted, nothing found where nothing was.
    pub right: bool,
}

/// Takes a mistake out again, also when the run ends by an error.
struct Planted(Mistake);

impl Planted {
    fn new(mistake: Mistake) -> Self {
        weir_fault::plant(mistake);
        Self(mistake)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        weir_fault::pull_up(self.0);
    }
}

/// First without a mistake, then with each by itself: at most `cuts` in each of [`WORKLOADS_MAX`].
///
/// # Errors
/// The bench can't be set up.
pub fn check_mistakes(seed: u64, cuts: u64, each: &mut dyn FnMut(&Verdict)) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for mistake in std::iter::once(None).chain(Mistake::ALL.map(Some)) {
        let planted = mistake.map(Planted::new);
        let mut verdict = Verdict {
            mistake: mistake.map_or("none", Mistake::name),
            cuts: 0,
            found: false,
            difference: String::new(),
            right: mistake.is_none(),
        };
        for workload in 0..if planted.is_some() { WORKLOADS_MAX } else { 1 } {
            look(Wanted { seed, from: workload * CUTS_PER_ROUND, cuts, first_only: true }, &mut verdict)?;
            if verdict.found {
                verdict.right = planted.is_some();
                break;
            }
        }
        drop(planted);
        each(&verdict);
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

fn look(wanted: Wanted, verdict: &mut Verdict) -> anyhow::Result<()> {
    let report = run(wanted, &mut |_| {})?;
    verdict.cuts += report.cuts;
    verdict.found = report.different > 0;
    let first = report.found.first().and_then(|found| found.differences.first());
    verdict.difference = first.cloned().unwrap_or_default();
    Ok(())
}
