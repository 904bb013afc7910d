//! What an operator wishes of rows that were put aside, and what has become of the wishes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use weir_event::{Control, Event, QueueId, Seq};
use weir_queue::{Entry, Queue, QueueOptions, append_controls_beside};
use weir_store::{DeadLine, StoreReader};

use super::furnish::open_untouched;
use crate::Dice;

/// More than a house ever has.
const DEAD_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Tried again as it is: it dies again.
    Replay,
    /// Tried again by a program that can read it: it counts.
    ReplayMended,
    Drop,
}

/// Wishes by the row that they are about.
#[derive(Default)]
pub(super) struct Wishes(BTreeMap<(QueueId, Seq), Wish>);

impl Wishes {
    /// Wishes something of some of the rows that nobody has decided about. `mend` makes an event in the
    /// place of a row.
    pub fn make(
        &mut self,
        data: &Path,
        dice: &mut Dice,
        mut mend: impl FnMut(&DeadLine) -> Event,
    ) -> anyhow::Result<()> {
        let mut controls = Vec::new();
        for line in dead(data)? {
            let (queue, seq) = (line.queue, line.seq);
            let is_decided = self.0.get(&(queue, seq)).is_some_and(|wish| *wish != Wish::Replay);
            if is_decided || !line.is_event || dice.one_in(4) {
                continue;
            }
            let wish = [Wish::Replay, Wish::ReplayMended, Wish::ReplayMended, Wish::Drop][dice.index(4)];
            if wish == Wish::ReplayMended {
                put_body(data, &line, &encoded(data, mend(&line))?)?;
            }
            controls.push(match wish {
                Wish::Drop => Control::DropDead { queue, seq },
                Wish::Replay | Wish::ReplayMended => Control::ReplayDead { queue, seq },
            });
            self.0.insert((queue, seq), wish);
        }
        if !controls.is_empty() {
            append_controls_beside(&data.join("queue.db"), &controls)?;
        }
        Ok(())
    }

    /// How many rows are to end so, or have.
    pub fn count(&self, wish: Wish) -> u64 {
        self.0.values().filter(|of| **of == wish).count() as u64
    }
}

fn dead(data: &Path) -> anyhow::Result<Vec<DeadLine>> {
    let reader = StoreReader::open(&data.join("weir.db"))?;
    // It closes last, and leaves the WAL alone.
    let held = open_untouched(&data.join("weir.db"))?;
    let (dead, _) = reader.read(|reading| reading.dead(None, DEAD_MAX))?;
    drop((reader, held));
    Ok(dead)
}

/// An event as the queue writes it.
fn encoded(data: &Path, event: Event) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir_in(data.parent().context("a data folder lies in a folder")?)?;
    let path = folder.path().join("queue.db");
    let queue = Queue::open(&path, QueueOptions { disk_reserve_bytes: 0, ..QueueOptions::default() })?;
    queue.append_blocking(vec![Entry::Event(Box::new(event))])?;
    let conn = open_untouched(&path)?;
    let body = conn.query_row("SELECT body FROM ingested_events", (), |row| row.get(0))?;
    queue.close();
    Ok(body)
}

/// As if the program could now read what is there.
fn put_body(data: &Path, line: &DeadLine, body: &[u8]) -> anyhow::Result<()> {
    let sql = "UPDATE dead_events SET body = ?3 WHERE queue = ?1 AND seq = ?2";
    let changed = open_untouched(&data.join("weir.db"))?.execute(sql, (line.queue.0, line.seq.0, body))?;
    anyhow::ensure!(changed == 1, "the row is not there");
    Ok(())
}
