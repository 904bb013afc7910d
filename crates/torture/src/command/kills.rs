use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use weir_fault::Mistake;
use weir_torture::kills::{Broken, Program, Report, Wanted, run};

use crate::output;

/// Without a terminal, a line every so many cycles.
const LINE_EVERY: u64 = 100;

/// Kills the real server under load, between its steps and at random, and counts what is left.
///
/// Half of the kills come at a named point of the code, the others at a random moment: while it
/// starts, while it works, while it stops. Build both programs together, so that the server knows the
/// points: cargo build --release -p weir -p weir-torture
#[derive(clap::Args)]
pub(crate) struct Kills {
    /// Decides what is sent, where and when the kills come
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many servers are killed
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    cycles: u64,
    /// Begin with the house (the data folder) in which this cycle lies
    #[arg(long, value_name = "CYCLE", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=10_000_000_000))]
    from: u64,
    /// The server's program [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
    /// Plant this mistake in every server; the run has to find it, else it proves nothing
    #[arg(long, value_name = "NAME", value_parser = mistake)]
    mistake: Option<Mistake>,
    /// Print machine-readable JSON
    #[arg(long)]
    json: bool,
}

impl Kills {
    /// False where a promise was broken, or a long run has not reached every point.
    pub fn run(&self) -> anyhow::Result<bool> {
        let wanted = self.wanted()?;
        let bar = output::progress("Killing", wanted.cycles);
        let has_bar = std::io::stderr().is_terminal();
        let done = run(&wanted, &mut |done, took| {
            bar.set_position(done);
            if !has_bar && done.is_multiple_of(LINE_EVERY) {
                output::note(&line(done, wanted.cycles, took));
            }
        });
        bar.finish_and_clear();
        match done {
            Ok(report) => {
                if self.json {
                    output::json(&report)?;
                } else {
                    print(&report);
                }
                Ok(report.is_complete())
            }
            Err(error) if error.is::<Broken>() => {
                output::error(&error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn wanted(&self) -> anyhow::Result<Wanted> {
        let weir = match &self.weir {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe().context("can't find this program's file")?.with_file_name("weir"),
        };
        ensure!(
            weir.is_file(),
            "{} is not there: build both with `cargo build -p weir -p weir-torture`, or give its place with --weir",
            weir.display()
        );
        Ok(Wanted {
            seed: self.seed,
            cycles: self.cycles,
            from: self.from,
            program: Program { weir, mistake: self.mistake },
        })
    }
}

fn mistake(name: &str) -> Result<Mistake, String> {
    let known = || Mistake::ALL.map(Mistake::name).join(", ");
    Mistake::named(name).ok_or_else(|| format!("the mistakes are {}", known()))
}

fn line(done: u64, of: u64, took: Duration) -> String {
    let per_sec = done as f64 / took.as_secs_f64();
    let left = of.saturating_sub(done) as f64 / per_sec;
    format!("{done} of {of} cycles, {per_sec:.1} a second, {left:.0} s left")
}

fn print(report: &Report) {
    output::line(&format!("{:<20} {:>8} {:>8}", "POINT", "PLANNED", "DIED"));
    for point in &report.points {
        output::line(&format!("{:<20} {:>8} {:>8}", point.point, point.planned, point.died));
    }
    let at_points: u64 = report.points.iter().map(|point| point.died).sum();
    output::line(&format!(
        "{} cycles with seed {}: {at_points} deaths at points, {} kills from outside, {} stopped in order before.",
        report.cycles, report.seed, report.killed_from_outside, report.stopped_in_order
    ));
    if !report.never_reached.is_empty() {
        output::line(&format!("NEVER REACHED: {}", report.never_reached.join(", ")));
    }
    output::line(&format!(
        "Beside the kills: {} dead rows replayed, {} given up; {} queue files deleted and {} replaced by an older copy, \
         with {} rows that were in no other place.",
        report.dead_replayed,
        report.dead_dropped,
        report.queues_lost,
        report.queues_replaced,
        report.rows_in_lost_queues
    ));
    output::line(&format!(
        "{} events acknowledged, {} sent again after that; lost {}, twice {}. {} inspections: books balanced, \
         statistics equal to the log.",
        report.acknowledged, report.resent, report.lost, report.twice, report.inspections
    ));
    output::line(&format!(
        "A cycle took {} ms (p50), {} ms (p99), an inspection {} ms (p50); all of it {} s.",
        report.cycle_ms_p50, report.cycle_ms_p99, report.inspection_ms_p50, report.seconds
    ));
    for slow in &report.slowest {
        output::line(&format!("  slow: cycle {}, {} ms, {}", slow.cycle, slow.ms, slow.what));
    }
}
