use clap::Args;
use weir_torture::power::check_mistakes;

use crate::output;

#[derive(Args)]
pub(crate) struct Mistakes {
    /// Decides the workloads and what each cut leaves.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A mistake that is not found after so many cuts is not found.
    #[arg(long, default_value_t = 500)]
    cuts: u64,
    /// One line of JSON instead of words.
    #[arg(long)]
    json: bool,
}

impl Mistakes {
    pub fn run(self) -> anyhow::Result<bool> {
        let words = !self.json;
        let verdicts = check_mistakes(self.seed, self.cuts, &mut |verdict| {
            if words {
                let answer = match (verdict.found, verdict.right) {
                    (true, true) => format!("found after {} cuts", verdict.cuts),
                    (false, true) => format!("nothing found in {} cuts, as it must be", verdict.cuts),
                    (true, false) => format!("FOUND SOMETHING after {} cuts", verdict.cuts),
                    (false, false) => format!("NOT FOUND in {} cuts", verdict.cuts),
                };
                output::line(&format!("{:<26} {answer:<26} {}", verdict.mistake, verdict.difference));
            }
        })?;
        if self.json {
            output::json(&verdicts)?;
        }
        Ok(verdicts.iter().all(|verdict| verdict.right))
    }
}
