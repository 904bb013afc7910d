use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::disk::Disk;
use super::report::Report;
use super::year::Year;
use super::{ack, drain, ingest, overload, query, storage};
use crate::Outcome;
use crate::args::{Args, BenchArgs, Subject};
use crate::machine::Machine;
use crate::serve;

/// What the measurements share.
pub(super) struct Bench<'a> {
    pub args: &'a BenchArgs,
    pub disk: Disk,
    parent: &'a Path,
    pub stop: Arc<AtomicBool>,
}

/// Measures what was asked for, in folders that go with it.
pub(crate) fn bench(args: &Args, asked: &BenchArgs) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let stop = Arc::new(AtomicBool::new(false));
    runtime.spawn(stop_when_asked(stop.clone()));
    // Beside the data folder, to be on its disk: a temporary folder is often memory.
    let parent = args.data.parent().filter(|parent| parent.is_dir()).unwrap_or(Path::new("."));
    let machine = Machine::look();
    let disk = Disk::probe(parent)?;
    let mut report = Report::new(args.json, &machine, &disk);
    let bench = Bench { args: asked, disk, parent, stop };
    bench.measure(&mut report)?;
    report.finish()?;
    Ok(Outcome::Done)
}

async fn stop_when_asked(stop: Arc<AtomicBool>) {
    serve::asked_to_stop().await;
    stop.store(true, Ordering::Release);
}

impl Bench<'_> {
    fn measure(&self, report: &mut Report) -> anyhow::Result<()> {
        if self.args.what == Subject::Overload {
            let (steps, proof) = overload::measure(self)?;
            report.add_table("overload", steps);
            report.add(proof);
            return Ok(());
        }
        let asked = |subject| [Subject::All, subject].contains(&self.args.what);
        if asked(Subject::Ingest) {
            for events in [10, 1] {
                report.add(ingest::measure(self, events)?);
            }
        }
        if asked(Subject::Ack) {
            report.add(ack::measure(self)?);
        }
        if asked(Subject::Drain) {
            report.add(drain::measure(self)?);
        }
        if asked(Subject::Query) || asked(Subject::Storage) {
            let year = Year::make(self)?;
            if asked(Subject::Query) {
                query::measure(self, &year)?.into_iter().for_each(|section| report.add(section));
            }
            if asked(Subject::Storage) {
                report.add(storage::measure(&year)?);
            }
        }
        Ok(())
    }

    /// A folder that goes when it is dropped.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("weir-bench-").tempdir_in(self.parent);
        folder.with_context(|| format!("can't make a folder in {}", self.parent.display()))
    }

    /// # Errors
    /// Somebody asked to stop: what was measured by then would mislead.
    pub fn check_stopped(&self) -> anyhow::Result<()> {
        if self.stop.load(Ordering::Acquire) {
            bail!("stopped before the end");
        }
        Ok(())
    }
}
