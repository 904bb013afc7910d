//! Rows of statistics, summed up.

use std::io;
use std::path::PathBuf;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use weir_event::Grain;
use weir_rollups::{Counters, Delta, Key, Table, ValueId};

use super::spill::{PARTS, Spill};
use super::{DEEPEST, Part, mixed};

/// Sums by key, as many as there are: what does not fit into memory is shared out by key.
pub(crate) struct Rows {
    folder: PathBuf,
    max: usize,
    depth: u32,
    delta: Delta,
    spill: Option<Box<Spill>>,
}

/// A row as it is spilled: most of it single bytes.
#[derive(Serialize, Deserialize)]
struct Packed {
    table: u8,
    grain: u8,
    role: u8,
    bucket: i64,
    value: u32,
    second: u32,
    counters: [i64; 8],
}

impl Rows {
    pub fn new(folder: PathBuf, max: usize) -> Self {
        Self { folder, max, depth: 0, delta: Delta::default(), spill: None }
    }

    /// Adds to the row of `key`; one that is all zero is a row as well.
    pub fn add(&mut self, key: Key, counters: Counters) -> io::Result<()> {
        self.with(|delta| delta.add(key, counters))
    }

    /// Adds whatever `change` adds, which is little at a time.
    pub fn with(&mut self, change: impl FnOnce(&mut Delta)) -> io::Result<()> {
        change(&mut self.delta);
        if self.delta.held() > self.max && self.depth < DEEPEST { self.spill_all() } else { Ok(()) }
    }

    fn spill_all(&mut self) -> io::Result<()> {
        let mut spill = match self.spill.take() {
            Some(spill) => spill,
            None => Box::new(Spill::new(&self.folder)?),
        };
        for (key, counters) in self.delta.drain() {
            spill.put(hash(&key, self.depth), &Packed::new(&key, &counters))?;
        }
        self.spill = Some(spill);
        Ok(())
    }

    fn share(&self) -> Self {
        Self { depth: self.depth + 1, ..Self::new(self.folder.clone(), self.max) }
    }
}

/// Tells rows that should be beside rows that are, part by part; each key's in one.
pub(super) fn each_part<E: From<io::Error>>(
    mut expected: Rows,
    mut found: Rows,
    each: &mut dyn FnMut(Part) -> Result<(), E>,
) -> Result<(), E> {
    if expected.spill.is_none() && found.spill.is_none() {
        let found: FxHashMap<Key, Counters> = found.delta.drain().collect();
        return each(Part { expected: expected.delta, found });
    }
    expected.spill_all()?;
    found.spill_all()?;
    for part in 0..PARTS {
        let mut shares = [expected.share(), found.share()];
        for (share, of) in shares.iter_mut().zip([&mut expected, &mut found]) {
            if let Some(spill) = &mut of.spill {
                spill.take(part, &mut |packed: Packed| share.add(packed.key(), packed.counters()))?;
            }
        }
        let [expected, found] = shares;
        each_part(expected, found, each)?;
    }
    Ok(())
}

fn hash(key: &Key, depth: u32) -> u64 {
    let place = u64::from(key.value.0) << 32 | u64::from(key.second.0);
    let kind = (key.table as u64) << 16 | (key.grain as u64) << 8 | u64::from(key.role);
    mixed(mixed(place, depth) ^ key.bucket.cast_unsigned(), depth) ^ mixed(kind, depth)
}

impl Packed {
    fn new(key: &Key, counters: &Counters) -> Self {
        Self {
            table: key.table as u8,
            grain: key.grain as u8,
            role: key.role,
            bucket: key.bucket,
            value: key.value.0,
            second: key.second.0,
            counters: counters.values(),
        }
    }

    fn key(&self) -> Key {
        let grains = [Grain::Hour, Grain::Day, Grain::Month];
        let grain = grains.into_iter().find(|grain| *grain as u8 == self.grain);
        Key {
            table: Table::ALL[usize::from(self.table)],
            grain: grain.expect("written a moment ago, from a grain"),
            role: self.role,
            bucket: self.bucket,
            value: ValueId(self.value),
            second: ValueId(self.second),
        }
    }

    fn counters(&self) -> Counters {
        Counters::from_values(self.counters)
    }
}
