//! The counted events of a day, visitor by visitor.

use std::hash::Hash;
use std::io;
use std::path::PathBuf;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use weir_event::{Kind, Millis};
use weir_rollups::{Client, Source, UnitEvent, ValueId};

use super::spill::{PARTS, Spill};
use super::{DEEPEST, mixed};

/// Events in any order of visitors, as many as there are: what does not fit into memory is shared out
/// by visitor.
pub(super) struct Events {
    folder: PathBuf,
    max: usize,
    /// How often these visitors were shared out before.
    depth: u32,
    held: Vec<(u64, UnitEvent)>,
    spilled: Option<Box<Spilled>>,
}

/// Hears of a visitor's events.
type EachUnit<'a, E> = dyn FnMut(u64, &[UnitEvent]) -> Result<(), E> + 'a;

struct Spilled {
    spill: Spill,
    clients: Numbers<Client>,
    sources: Numbers<Source>,
}

/// An event as it is spilled: most of it single bytes.
#[derive(Serialize, Deserialize)]
struct Packed {
    visitor: [u8; 8],
    time: i64,
    tie: u32,
    kind: u8,
    page: u32,
    host: u32,
    client: u32,
    source: u32,
    name: u32,
    engaged_ms: u32,
    amount: Option<(u32, i64)>,
}

impl Events {
    pub fn new(folder: PathBuf, max: usize) -> Self {
        Self { folder, max, depth: 0, held: Vec::new(), spilled: None }
    }

    pub fn add(&mut self, visitor: u64, event: UnitEvent) -> io::Result<()> {
        if let Some(spilled) = &mut self.spilled {
            return spilled.put(self.depth, visitor, &event);
        }
        self.held.push((visitor, event));
        if self.held.len() > self.max && self.depth < DEEPEST {
            let mut spilled = Box::new(Spilled::new(Spill::new(&self.folder)?));
            for (visitor, event) in std::mem::take(&mut self.held) {
                spilled.put(self.depth, visitor, &event)?;
            }
            self.spilled = Some(spilled);
        }
        Ok(())
    }

    /// Calls back with each visitor's events, ascending.
    pub fn each_unit<E: From<io::Error>>(mut self, each: &mut EachUnit<'_, E>) -> Result<(), E> {
        let Some(mut spilled) = self.spilled.take() else {
            return each_held(&mut self.held, each);
        };
        for part in 0..PARTS {
            let mut share = Self::new(self.folder.clone(), self.max);
            share.depth = self.depth + 1;
            share.held.reserve(spilled.spill.records(part).min(self.max + 1));
            spilled.take(part, &mut |visitor, event| share.add(visitor, event))?;
            share.each_unit(each)?;
        }
        Ok(())
    }
}

fn each_held<E>(held: &mut [(u64, UnitEvent)], each: &mut EachUnit<'_, E>) -> Result<(), E> {
    held.sort_unstable_by_key(|(visitor, event)| (*visitor, event.order()));
    let mut unit = Vec::new();
    for of_visitor in held.chunk_by(|a, b| a.0 == b.0) {
        unit.clear();
        unit.extend(of_visitor.iter().map(|(_, event)| *event));
        each(of_visitor[0].0, &unit)?;
    }
    Ok(())
}

impl Spilled {
    fn new(spill: Spill) -> Self {
        Self { spill, clients: Numbers::default(), sources: Numbers::default() }
    }

    fn put(&mut self, depth: u32, visitor: u64, event: &UnitEvent) -> io::Result<()> {
        let packed = Packed {
            visitor: visitor.to_le_bytes(),
            time: event.time.0,
            tie: event.tie,
            kind: event.kind as u8,
            page: event.page.0,
            host: event.host.0,
            client: self.clients.number(event.client),
            source: self.sources.number(event.source),
            name: event.name.0,
            engaged_ms: event.engaged_ms,
            amount: event.amount.map(|(currency, minor)| (currency.0, minor)),
        };
        self.spill.put(mixed(visitor, depth), &packed)
    }

    fn take(
        &mut self,
        part: usize,
        each: &mut dyn FnMut(u64, UnitEvent) -> io::Result<()>,
    ) -> io::Result<()> {
        let Self { spill, clients, sources } = self;
        spill.take(part, &mut |packed: Packed| {
            let event = UnitEvent {
                time: Millis(packed.time),
                tie: packed.tie,
                kind: kind_of(packed.kind),
                page: ValueId(packed.page),
                host: ValueId(packed.host),
                client: clients.all[packed.client as usize],
                source: sources.all[packed.source as usize],
                name: ValueId(packed.name),
                engaged_ms: packed.engaged_ms,
                amount: packed.amount.map(|(currency, minor)| (ValueId(currency), minor)),
            };
            each(u64::from_le_bytes(packed.visitor), event)
        })
    }
}

fn kind_of(code: u8) -> Kind {
    let all = [Kind::PageView, Kind::Custom, Kind::Passive, Kind::Engagement];
    all.into_iter().find(|kind| *kind as u8 == code).expect("written a moment ago, from a kind")
}

/// Numbers for values that come again and again, in the order in which they first come.
struct Numbers<T> {
    numbers: FxHashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), all: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn number(&mut self, value: T) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.all.push(value);
            u32::try_from(self.all.len() - 1).expect("there are no more values than texts")
        })
    }
}
