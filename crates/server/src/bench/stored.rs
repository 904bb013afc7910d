//! A data folder with a past, at rest: for questions, for its size, and to serve from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use weir_event::{Clock, LocalDay, Millis, SystemClock, Zone};
use weir_registry::{Registry, Site};
use weir_store::StoreReader;

use super::filling::{Filling, Past};
use super::report::Figure;
use super::run::Bench;
use super::server::{DATA, DOMAIN};
use crate::args::BenchArgs;
use crate::data_folder::DataFolder;
use crate::output;

pub(super) const EVENTS: u64 = 1_000_000;
pub(super) const DAYS: u32 = 365;
const SEED: u64 = 13;

/// Says that a folder was filled to its end, and with what.
const ABOUT: &str = "bench.json";

pub(super) struct Stored {
    pub data: PathBuf,
    pub about: About,
    /// How fast it was folded, if that was now.
    pub filled: Option<Vec<Figure>>,
    _folder: Option<TempDir>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// As asked for.
    pub asked: u64,
    pub days: u32,
    /// As entered.
    pub events: u64,
    /// Of its last event: its days are as old as this, whenever it is used.
    pub now_ms: i64,
}

impl Stored {
    /// The one in `--store`, made there if there is none; else one that goes when it is dropped.
    pub fn get(bench: &Bench<'_>) -> anyhow::Result<Self> {
        let Some(kept) = &bench.args.store else {
            let folder = bench.folder()?;
            let stored = Self::make(bench, folder.path())?;
            return Ok(Self { _folder: Some(folder), ..stored });
        };
        let Some(about) = Self::check(kept, bench.args)? else {
            let made = Self::make(bench, kept);
            if made.is_err() {
                // Half a past is of no use. Why there is no whole one is told; what can't be removed is
                // found the next time.
                let _ = std::fs::remove_dir_all(kept.join(DATA));
            }
            return made;
        };
        output::note(&format!("Using {} events of {} days in {}.", about.events, about.days, kept.display()));
        Ok(Self { data: kept.join(DATA), about, filled: None, _folder: None })
    }

    /// What a folder holds; `None` where it can be filled.
    ///
    /// # Errors
    /// It holds something else.
    pub fn check(folder: &Path, asked: &BenchArgs) -> anyhow::Result<Option<About>> {
        let shown = folder.display();
        let about = match std::fs::read(folder.join(ABOUT)) {
            Ok(about) => about,
            Err(_) if is_empty(folder)? => return Ok(None),
            Err(_) => bail!(
                "{shown} is not empty and holds no past that was entered to its end: remove it, or give another with --store"
            ),
        };
        let about: About = serde_json::from_slice(&about)
            .with_context(|| format!("{ABOUT} in {shown} can't be read: remove the folder"))?;
        let (events, days) = (asked.events.unwrap_or(about.asked), asked.days.unwrap_or(about.days));
        ensure!(
            (events, days) == (about.asked, about.days),
            "{shown} holds {} events of {} days: leave out --events and --days, or give another folder with --store",
            about.asked,
            about.days
        );
        Ok(Some(about))
    }

    fn make(bench: &Bench<'_>, folder: &Path) -> anyhow::Result<Self> {
        let (asked, days) = (bench.args.events.unwrap_or(EVENTS), bench.args.days.unwrap_or(DAYS));
        output::note(&format!("A past of {days} days with about {asked} events ..."));
        let now = SystemClock.now();
        let first_day = LocalDay(Zone::utc().day_of(now).0 + 1 - days as i32);
        let past = Past {
            first_day,
            until: now,
            events_per_day: asked as f64 / f64::from(days),
            events: asked.saturating_mul(2),
            seed: SEED,
        };
        let data = folder.join(DATA);
        let mut filling = Filling::begin(bench, &data, &past)?;
        filling.enter(now)?;
        let (events, filled) = (filling.events, filling.figures());
        drop(filling);
        ensure!(events > 0, "a past without an event");
        let about = About { asked, days, events, now_ms: now.0 };
        std::fs::write(folder.join(ABOUT), serde_json::to_vec(&about)?)?;
        Ok(Self { data, about, filled: Some(filled), _folder: None })
    }

    pub fn now(&self) -> Millis {
        Millis(self.about.now_ms)
    }

    pub fn folder(&self) -> anyhow::Result<DataFolder> {
        DataFolder::existing(&self.data)
    }

    /// Connections of its own: at first it finds no page and no text in memory.
    pub fn reader(&self) -> anyhow::Result<StoreReader> {
        Ok(StoreReader::open(&self.folder()?.store())?)
    }

    /// For those who add to it, so that this one stays as it is.
    pub fn copy(&self, bench: &Bench<'_>) -> anyhow::Result<TempDir> {
        let folder = bench.folder()?;
        let to = folder.path().join(DATA);
        DataFolder::make(&to)?;
        for entry in std::fs::read_dir(&self.data)? {
            bench.check_stopped()?;
            let from = entry?.path();
            let name = from.file_name().context("a file has a name")?;
            std::fs::copy(&from, to.join(name)).with_context(|| format!("can't copy {}", from.display()))?;
        }
        Ok(folder)
    }

    /// Lets the system forget what it holds of the file in memory, and says whether it was asked to.
    pub fn forget_pages(&self) -> anyhow::Result<bool> {
        let file = std::fs::File::open(self.folder()?.store())?;
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        drop(file);
        Ok(cfg!(target_os = "linux"))
    }

    pub fn site(&self) -> anyhow::Result<Arc<Site>> {
        let registry = Registry::open(&self.data, Arc::new(SystemClock))?;
        registry.site(DOMAIN).context("the site is gone")
    }
}

fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("can't read {}", folder.display())),
    }
}
