//! One power cut: what it leaves is opened, drained, compared; all is sent again, drained, compared.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;
use tempfile::TempDir;
use weir_event::{Millis, Zone};
use weir_processor::Enricher;
use weir_registry::Registry;
use weir_testkit::TestClock;

use super::known::{Known, Mark};
use super::look::{look, look_at_files, look_at_statistics};
use super::parts::Parts;
use super::plan::{CUTS_PER_ROUND, Plan, SITES};
use super::round::{Round, play};
use super::wait::Begun;
use crate::Dice;
use crate::disk::{Image, SimDisk};

/// A cut after which something was not as it must be.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    pub cut: u64,
    /// The position in the round's history, and its length.
    pub position: usize,
    pub length: usize,
    pub differences: Vec<String>,
}

/// What one cut went through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Went {
    pub acknowledged: u64,
    pub cut_again: u64,
    pub queues_lost: u64,
}

/// The disk and all that cuts share.
pub(super) struct Bench {
    disk: &'static SimDisk,
    folder: PathBuf,
    zones: [Zone; 3],
    /// With all sites, and without the one that is removed on the way.
    full: Registry,
    less: Registry,
    enricher: Enricher,
    rounds: u64,
    home: TempDir,
}

impl Bench {
    pub fn new() -> anyhow::Result<Self> {
        let disk = SimDisk::install();
        let home = tempfile::tempdir()?;
        let zones = SITES.map(|(_, zone)| zone.parse().expect("a zone of the time zone database"));
        let full = registry(&home.path().join("full"), &zones)?;
        let less = registry(&home.path().join("less"), &zones)?;
        less.remove_site(SITES[2].0)?;
        let (folder, enricher) = (home.path().join("data"), Enricher::new());
        Ok(Self { disk, folder, zones, full, less, enricher, rounds: 0, home })
    }

    /// Plays a round; the same for the same seed and number.
    pub fn play(&mut self, seed: u64, round: u64) -> anyhow::Result<Round> {
        self.rounds += 1;
        let live = registry(&self.home.path().join(format!("live-{}", self.rounds)), &self.zones)?;
        let seed = Dice::of(seed, round).throw();
        self.disk.heal();
        self.disk.load(&Image::empty(&self.folder));
        self.disk.seed(seed);
        let played = play(self.disk, &self.folder, &live, Plan::new(seed), &mut self.enricher)?;
        let cuts = played.sync_cuts.len() as u64;
        anyhow::ensure!(cuts <= CUTS_PER_ROUND, "{cuts} cuts at syncs are more than a round has");
        Ok(played)
    }

    /// Makes a cut and says what differs.
    pub fn cut(&mut self, round: &Round, seed: u64, cut: u64, went: &mut Went) -> Option<Found> {
        let mut dice = Dice::of(seed, cut);
        let position = position(round, cut % CUTS_PER_ROUND, &mut dice);
        let tried = catch_unwind(AssertUnwindSafe(|| self.recover(round, position, &mut dice, went)));
        let differences = match tried {
            Ok(Ok(differences)) => differences,
            Ok(Err(error)) => vec![format!("{error:#}")],
            Err(_) => vec!["a part panicked".to_owned()],
        };
        let length = round.history.len();
        (!differences.is_empty()).then_some(Found { cut, position, length, differences })
    }

    fn recover(
        &mut self,
        round: &Round,
        position: usize,
        dice: &mut Dice,
        went: &mut Went,
    ) -> anyhow::Result<Vec<String>> {
        let mut known = Known::new(round.deliveries.clone());
        known.note(round.history.marks_before(position));
        let mut image = round.history.crash(position, dice.throw());
        if dice.one_in(16) {
            image.remove(&self.folder.join("queue.db"));
            image.remove(&self.folder.join("queue.db-wal"));
            known.lose_queue();
            went.queues_lost += 1;
        }
        let mut cuts_left = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2][dice.index(12)];
        let thorough = dice.one_in(4);
        loop {
            self.disk.load(&image);
            let recorder = (cuts_left > 0).then(|| self.disk.record(&self.folder));
            let mark = |known: &mut Known, mark: Mark| {
                recorder.iter().for_each(|recorder| recorder.mark(mark.code()));
                known.note(std::iter::once(mark.code()));
            };
            let before = known.clone();
            let told = self.open_and_resend(&mut known, thorough, mark)?;
            went.acknowledged += known.acknowledged();
            let Some(recorder) = recorder.filter(|_| told.is_empty()) else { return Ok(told) };
            let history = recorder.finish();
            let position = dice.index(history.len() + 1);
            image = history.crash(position, dice.throw());
            let deliveries = std::mem::take(&mut known.deliveries);
            known = before;
            known.deliveries = deliveries;
            known.note(history.marks_before(position));
            cuts_left -= 1;
            went.cut_again += 1;
        }
    }

    fn open_and_resend(
        &mut self,
        known: &mut Known,
        thorough: bool,
        mark: impl Fn(&mut Known, Mark),
    ) -> anyhow::Result<Vec<String>> {
        let registry = if known.site_removed { &self.less } else { &self.full };
        let mut parts = Parts::open(&self.folder, registry, std::mem::take(&mut self.enricher))?;
        let looked = drained(&mut parts, &self.folder, known).and_then(|told| {
            if told.is_empty() { resent(&mut parts, known, &self.zones, thorough, mark) } else { Ok(told) }
        });
        self.enricher = parts.close();
        looked
    }
}

/// What is there once all is drained that the cut has left.
fn drained(parts: &mut Parts, folder: &Path, known: &Known) -> anyhow::Result<Vec<String>> {
    let mut told = look_at_files(folder)?;
    parts.drain()?;
    told.extend(look(parts, known)?);
    told.extend(look_at_statistics(parts, known)?);
    Ok(told)
}

/// What is there once everything was sent again, acknowledged or not.
fn resent(
    parts: &mut Parts,
    known: &mut Known,
    zones: &[Zone; 3],
    thorough: bool,
    mark: impl Fn(&mut Known, Mark),
) -> anyhow::Result<Vec<String>> {
    for delivery in known.resend(zones) {
        mark(known, Mark::Sent(delivery));
        let events = known.deliveries[delivery].events.clone();
        Begun::new(parts.queue.append(events)).wait().context("sent again")?;
        mark(known, Mark::Acknowledged(delivery));
    }
    if let Some(removal) = known.removal() {
        parts.queue.append_blocking(vec![removal]).context("removed again")?;
        mark(known, Mark::RemovalAcknowledged);
    }
    parts.drain()?;
    let mut told = look(parts, known)?;
    if thorough {
        told.extend(look_at_statistics(parts, known)?);
    }
    Ok(told.into_iter().map(|told| format!("after all was sent again: {told}")).collect())
}

/// First each sync, right before and right after; then again syncs and anything between.
fn position(round: &Round, nth: u64, dice: &mut Dice) -> usize {
    let nth = usize::try_from(nth).unwrap_or(usize::MAX);
    match round.sync_cuts.get(nth) {
        Some(at) => *at,
        None if dice.flip() => round.sync_cuts[dice.index(round.sync_cuts.len())],
        None => dice.index(round.history.len() + 1),
    }
}

/// A registry on the disk, in a folder of its own. Its file is made on the real disk first, empty,
/// for its mode's sake.
fn registry(folder: &Path, zones: &[Zone; 3]) -> anyhow::Result<Registry> {
    std::fs::create_dir_all(folder)?;
    let clock = Arc::new(TestClock::at(Millis(1_780_000_000_000)));
    let registry = Registry::open_beside(folder, clock)?;
    for ((domain, _), zone) in SITES.iter().zip(zones) {
        registry.add_site(domain, zone)?;
    }
    Ok(registry)
}
