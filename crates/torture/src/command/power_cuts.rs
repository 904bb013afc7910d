use clap::Args;
use weir_torture::power::{Found, Report, Wanted, run};

use crate::output;

#[derive(Args)]
pub(crate) struct PowerCuts {
    /// Decides the workloads and what each cut leaves.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many cuts.
    #[arg(long, default_value_t = 10_000)]
    cuts: u64,
    /// The number of the first cut: with `--cuts 1` it repeats one by itself.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One line of JSON instead of words.
    #[arg(long)]
    json: bool,
}

impl PowerCuts {
    pub fn run(self) -> anyhow::Result<bool> {
        let bar = output::progress("power cuts", self.cuts);
        let wanted = Wanted { seed: self.seed, from: self.from, cuts: self.cuts, first_only: false };
        let report = run(wanted, &mut |done| bar.set_position(done))?;
        bar.finish_and_clear();
        if self.json {
            output::json(&report)?;
        } else {
            tell(&report);
        }
        Ok(report.different == 0)
    }
}

fn tell(report: &Report) {
    report.found.iter().for_each(|found| tell_found(report.seed, found));
    let Report { cuts, rounds, syncs, cut_again, queues_lost, acknowledged, seconds, .. } = report;
    output::line(&format!(
        "{cuts} power cuts in {rounds} workloads with {syncs} syncs, {cut_again} more during a recovery, \
         {queues_lost} with the queue's file lost"
    ));
    output::line(&format!(
        "{acknowledged} times an acknowledged event was looked for; {:.0} cuts a second, {seconds:.1} s",
        *cuts as f64 / seconds
    ));
    output::line(&match report.different {
        0 => "nothing lost, nothing counted twice, books balanced, statistics equal to the log".to_owned(),
        n => format!("after {n} cuts something was not as it must be"),
    });
}

fn tell_found(seed: u64, found: &Found) {
    let Found { cut, position, length, differences } = found;
    output::line(&format!("cut {cut} (position {position} of {length}):"));
    differences.iter().for_each(|difference| output::line(&format!("  {difference}")));
    output::line(&format!("  repeat it: torture power-cuts --seed {seed} --from {cut} --cuts 1"));
}
