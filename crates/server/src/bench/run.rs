use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use super::floor::Floor;
use super::report::{Report, Section};
use super::results::Results;
use super::stored::Stored;
use super::{ack, compare, drain, fresh, growth, ingest, memory, overload, plot, query, start, storage};
use super::{summary, together, verify};
use crate::args::{Args, BenchArgs, Subject};
use crate::machine::Machine;
use crate::{Outcome, output, serve};

/// What the measurements of a run share.
pub(super) struct Bench<'a> {
    pub args: &'a BenchArgs,
    /// Which of the runs this is, from 0 on.
    run: u32,
    pub floor: Floor,
    parent: &'a Path,
    pub stop: Arc<AtomicBool>,
}

/// Measures what was asked for, in folders that go with it.
pub(crate) fn bench(args: &Args, asked: &BenchArgs) -> anyhow::Result<Outcome> {
    check_asked(asked)?;
    // Before hours of work: what can't be read then can't be read now.
    let drawn = asked.from.iter().map(|path| Results::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let before = asked.compare.as_deref().map(Results::read).transpose()?;
    asked.store.as_deref().map(|folder| Stored::check(folder, asked)).transpose()?;
    if let Some(folder) = &asked.plot {
        std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    let results = if asked.what == Subject::Plot { None } else { Some(measured(args, asked)?) };
    let worse = finish(args, results.as_ref(), before.as_ref(), &drawn)?;
    if let Some(folder) = &asked.plot {
        let all: Vec<&Results> = results.iter().chain(&drawn).collect();
        plot::draw(folder, &all)?;
    }
    Ok(if worse { Outcome::No } else { Outcome::Done })
}

fn check_asked(asked: &BenchArgs) -> anyhow::Result<()> {
    let draws = asked.what == Subject::Plot;
    ensure!(!draws || !asked.from.is_empty(), "plot draws results of --json: give some with --from FILE");
    let does = asked.plot.is_some() || asked.compare.is_some();
    ensure!(!draws || does, "plot needs a folder with --plot DIR, or results to --compare with");
    let drawn = [
        Subject::Plot,
        Subject::All,
        Subject::Ingest,
        Subject::Ack,
        Subject::Drain,
        Subject::Query,
        Subject::Storage,
        Subject::Fill,
    ];
    let draws = asked.plot.is_none() || drawn.contains(&asked.what);
    ensure!(draws, "there are no curves of that: --plot draws ingest, ack, drain, query, storage and fill");
    let fills = asked.what == Subject::Fill;
    ensure!(!fills || asked.store.is_some(), "fill keeps a past: give it a folder with --store DIR");
    Ok(())
}

/// Prints what all runs say together, and whether something is worse than before.
fn finish(
    args: &Args,
    results: Option<&Results>,
    before: Option<&Results>,
    drawn: &[Results],
) -> anyhow::Result<bool> {
    let now = results.or(drawn.first());
    let changes = match (now, before) {
        (Some(now), Some(before)) => {
            if !compare::is_of_one_machine(before, now) {
                output::note("The earlier results are of another machine, or of another build.");
            }
            Some(compare::changes(before, now))
        }
        _ => None,
    };
    if args.json {
        let mut said = now.map_or_else(|| serde_json::json!({}), Results::json);
        if let Some(changes) = &changes {
            said["changes"] = compare::json(changes);
        }
        output::json(&said)?;
    } else {
        if let Some(results) = results.filter(|results| results.runs.len() > 1) {
            summary::print(results);
        }
        if let Some(changes) = &changes {
            compare::print(changes);
        }
    }
    Ok(changes.is_some_and(|changes| changes.iter().any(compare::Change::is_worse)))
}

fn measured(args: &Args, asked: &BenchArgs) -> anyhow::Result<Results> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let stop = Arc::new(AtomicBool::new(false));
    runtime.spawn(stop_when_asked(stop.clone()));
    // Beside the data folder, to be on its disk: a temporary folder is often memory.
    let parent = args.data.parent().filter(|parent| parent.is_dir()).unwrap_or(Path::new("."));
    let mut report = Report::new(args.json, &Machine::look());
    // One past for all runs: entering it takes longer than asking it.
    let mut stored = None;
    for run in 0..asked.runs {
        let bench = Bench { args: asked, run, floor: Floor::probe(parent)?, parent, stop: stop.clone() };
        report.begin_run(&bench.floor);
        let measured = bench.measure(&mut report, &mut stored);
        // Whatever went wrong then went wrong because of that.
        bench.check_stopped()?;
        measured?;
    }
    Ok(report.finish())
}

async fn stop_when_asked(stop: Arc<AtomicBool>) {
    serve::asked_to_stop().await;
    stop.store(true, Ordering::Release);
}

impl Bench<'_> {
    fn measure(&self, report: &mut Report, stored: &mut Option<Stored>) -> anyhow::Result<()> {
        match self.args.what {
            Subject::Overload => {
                let (steps, proof) = overload::measure(self)?;
                report.add_table("overload", steps);
                report.add(&self.floor, proof);
                Ok(())
            }
            Subject::Verify => {
                report.add(&self.floor, verify::measure(self)?);
                Ok(())
            }
            Subject::Fill => self.fill(report),
            _ => self.measure_each(report, stored),
        }
    }

    fn fill(&self, report: &mut Report) -> anyhow::Result<()> {
        let stored = Stored::get(self)?;
        if let Some(figures) = stored.filled {
            report.add(&self.floor, Section { name: "fill".to_owned(), figures });
        }
        Ok(())
    }

    fn measure_each(&self, report: &mut Report, stored: &mut Option<Stored>) -> anyhow::Result<()> {
        let asked = |subject| [Subject::All, subject].contains(&self.args.what);
        let past = [Subject::Query, Subject::Storage, Subject::Ack, Subject::Memory, Subject::Start];
        if past.into_iter().any(asked) && stored.is_none() {
            *stored = Some(Stored::get(self)?);
        }
        let add = &mut |section: Section| report.add(&self.floor, section);
        if asked(Subject::Ingest) {
            ingest::measure(self, add)?;
        }
        if asked(Subject::Drain) {
            drain::measure(self, add)?;
        }
        if asked(Subject::Together) {
            add(together::measure(self)?);
        }
        if asked(Subject::Fresh) {
            add(fresh::measure(self)?);
        }
        // Sizes are the same in every run, and filling so much takes long.
        if asked(Subject::Growth) && self.run == 0 {
            growth::measure(self, add)?;
        }
        let Some(stored) = stored else { return Ok(()) };
        if asked(Subject::Query) {
            query::measure(self, stored, add)?;
        }
        if asked(Subject::Storage) {
            add(storage::measure(stored)?);
        }
        if asked(Subject::Ack) {
            ack::measure(self, stored, add)?;
        }
        if asked(Subject::Memory) {
            memory::measure(self, stored, add)?;
        }
        if asked(Subject::Start) {
            start::measure(self, stored, add)?;
        }
        Ok(())
    }

    /// A folder that goes when it is dropped.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("weir-bench-").tempdir_in(self.parent);
        folder.with_context(|| format!("can't make a folder in {}", self.parent.display()))
    }

    pub fn secs(&self) -> u64 {
        self.args.seconds.unwrap_or(10)
    }

    pub fn time(&self) -> Duration {
        Duration::from_secs(self.secs())
    }

    /// The first rate asked for.
    pub fn rate_or(&self, otherwise: u64) -> u64 {
        self.args.rate.first().copied().unwrap_or(otherwise)
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// # Errors
    /// Somebody asked to stop: what was measured by then would mislead.
    pub fn check_stopped(&self) -> anyhow::Result<()> {
        if self.is_stopped() {
            bail!("stopped before the end");
        }
        Ok(())
    }
}
