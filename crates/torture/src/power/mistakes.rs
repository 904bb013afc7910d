//! Mutation checks: a run that could not fail would prove nothing.

use serde::Serialize;
use weir_fault::Mistake;

use super::run::{Wanted, run};

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

/// First without a mistake, then with each by itself; at most `cuts` each.
///
/// # Errors
/// The bench can't be set up.
pub fn check_mistakes(seed: u64, cuts: u64, each: &mut dyn FnMut(&Verdict)) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for mistake in std::iter::once(None).chain(Mistake::ALL.map(Some)) {
        let planted = mistake.map(Planted::new);
        let report = run(Wanted { seed, from: 0, cuts, first_only: true }, &mut |_| {})?;
        drop(planted);
        let found = report.different > 0;
        let first = report.found.first().and_then(|found| found.differences.first());
        let verdict = Verdict {
            mistake: mistake.map_or("none", Mistake::name),
            cuts: report.cuts,
            found,
            difference: first.cloned().unwrap_or_default(),
            right: found == mistake.is_some(),
        };
        each(&verdict);
        verdicts.push(verdict);
    }
    Ok(verdicts)
}
