//! Queue files that are lost, and older copies that come back.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use weir_event::Seq;
use weir_queue::{Entry, QueueReader};
use weir_store::StoreReader;

use super::furnish::open_untouched;
use super::known::{Known, number_of};
use super::look::read_on;

/// Rows of a house that are read at once: more than one ever has.
const ROWS_MAX: usize = 1_000_000;

const ENDINGS: [&str; 2] = ["", "-wal"];

/// What is in the queue's file and in no other place.
#[derive(Default)]
struct Held {
    events: HashSet<usize>,
    damaged: i64,
    wishes: u64,
    rows: u64,
}

/// What has become of a house's queue files.
#[derive(Default)]
pub(super) struct Swaps {
    /// An older copy, if one was taken.
    copy: Option<PathBuf>,
    pub files_lost: u64,
    pub files_replaced: u64,
    /// Rows that were in a file that is gone and in no other: so many may be booked as lost.
    pub rows_lost: u64,
    /// Until the next server has made one.
    pub is_missing: bool,
}

impl Swaps {
    pub fn take_copy(&mut self, data: &Path) -> anyhow::Result<()> {
        let folder = data.parent().context("a data folder lies in a folder")?.join("older");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder)?;
        copy(data, &folder)?;
        self.copy = Some(folder);
        Ok(())
    }

    /// The file is deleted. Returns how many damaged rows went with it.
    pub fn lose(&mut self, data: &Path, known: &mut Known) -> anyhow::Result<i64> {
        let before = held(data)?;
        // A wish that is gone is made again by hand, which is nothing to be tried here.
        if before.wishes > 0 {
            return Ok(0);
        }
        remove(data)?;
        self.files_lost += 1;
        self.is_missing = true;
        Ok(self.changed(&before, &Held::default(), known))
    }

    /// An older copy is put in the file's place. Returns how many damaged rows went with what is gone;
    /// fewer than none where the copy brings back what a lost file took with it.
    pub fn replace(&mut self, data: &Path, known: &mut Known) -> anyhow::Result<i64> {
        let Some(older) = self.copy.clone() else { return Ok(0) };
        let before = held(data)?;
        if before.wishes > 0 {
            return Ok(0);
        }
        remove(data)?;
        copy(&older, data)?;
        self.files_replaced += 1;
        let after = held(data)?;
        Ok(self.changed(&before, &after, known))
    }

    fn changed(&mut self, before: &Held, after: &Held, known: &mut Known) -> i64 {
        known.lose(before.events.difference(&after.events).copied());
        known.regain(after.events.difference(&before.events).copied());
        self.rows_lost += before.rows;
        before.damaged - after.damaged
    }
}

/// What the store has not taken.
fn held(data: &Path) -> anyhow::Result<Held> {
    // These close last, and leave the WAL alone.
    let open = [open_untouched(&data.join("queue.db"))?, open_untouched(&data.join("weir.db"))?];
    let mut queue = QueueReader::open(&data.join("queue.db"))?;
    let books = StoreReader::open(&data.join("weir.db"))?.read(|reading| reading.ledger())?;
    let read = read_on(&mut queue, &books)?;
    let mut held = Held::default();
    for row in queue.pending(Seq(0), ROWS_MAX)?.into_iter().filter(|row| row.seq > read) {
        held.rows += 1;
        match row.decode() {
            Ok(Entry::Event(event)) => held.events.extend(number_of(&event.props)),
            Ok(Entry::Control(_)) => held.wishes += 1,
            Err(_) => held.damaged += 1,
        }
    }
    drop((queue, open));
    Ok(held)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for ending in ENDINGS {
        let name = format!("queue.db{ending}");
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).with_context(|| format!("can't copy {name}"))?;
        }
    }
    Ok(())
}

fn remove(data: &Path) -> anyhow::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let path = data.join(format!("queue.db{ending}"));
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
        }
    }
    Ok(())
}
