//! The log of sealed days: a visitor's events in one row, or a few.

use rusqlite::{CachedStatement, Connection, Statement, params};
use rustc_hash::FxHashMap;
use weir_event::{LocalDay, Millis, SiteId};
use weir_rollups::ValueId;

use super::batch::Batch;
use super::packed::{List, PackedEvent, Unpacking};
use super::rows::reason;
use super::units::kind_of;
use crate::{RawRow, StoreError};

const ADDED_BY: &str = "INSERT INTO sealed_visitors (site, day, visitor, part, start, client, events)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Events in one row at most.
const PART_EVENTS_MAX: usize = 64;

/// What the events of one row may take, written: a row of more than 2 KB would need a page of its own.
const PART_BYTES_MAX: usize = 1_800;

/// What an event takes without its properties, more rather than less; in memory it is thrice that.
const EVENT_BYTES: usize = 24;

/// Rows that are read before any of them is changed.
const ROWS_CHANGED_AT_ONCE: i64 = 1_000;

/// A row of a sealed day: one visitor's events, ascending, or a part of them.
pub struct SealedVisitor<'a> {
    /// An ordinal within the day, from 1; 0: events that came without a visitor.
    pub(super) visitor: i64,
    pub(super) part: i64,
    pub(super) start: i64,
    pub(super) client: u32,
    pub(super) events: &'a [u8],
}

impl SealedVisitor<'_> {
    pub fn visitor(&self) -> Option<u64> {
        u64::try_from(self.visitor).ok().filter(|visitor| *visitor != 0)
    }

    /// Where all events of the visitor's day are in this row and share one client: that.
    pub fn client(&self) -> Option<u32> {
        (self.client != 0).then_some(self.client)
    }

    /// Calls back for each event, ascending.
    #[inline]
    pub fn each(
        &self,
        mut each: impl FnMut(&RawRow<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut events = Unpacking::new(self.events);
        let mut tie = tie_of(self.part);
        while let Some(event) = events.event()? {
            each(&RawRow {
                visitor: self.visitor(),
                time: Millis::from_secs(self.start + event.second),
                tie,
                kind: kind_of(event.kind)?,
                page: ValueId(event.page),
                client: if event.client == 0 { self.client } else { event.client },
                source: event.source,
                name: ValueId(event.name),
                engaged_ms: event.engaged_ms,
                amount: event.amount.map(|minor| (ValueId(event.currency), minor)),
                props: event.props,
                set_aside: Some(event.set_aside).filter(|code| *code != 0).map(reason).transpose()?,
                days_late: event.days_late,
            })?;
            tie = tie.wrapping_add(1);
        }
        Ok(())
    }
}

/// Writes a day's visitors: events come in their order and are gathered until a row is full, or the
/// day at its end. With too much in memory all is written as it is, and more rows follow.
pub(super) struct Sealing<'a> {
    insert: CachedStatement<'a>,
    site: SiteId,
    day: LocalDay,
    visitors: FxHashMap<i64, Gathered>,
    late: Gathered,
    bytes: usize,
    bytes_max: usize,
}

/// What a visitor's next row will be made of.
#[derive(Default)]
struct Gathered {
    ordinal: i64,
    part: i64,
    start: i64,
    bytes: usize,
    events: Vec<PackedEvent<Box<str>>>,
}

impl<'a> Sealing<'a> {
    pub fn new(
        conn: &'a Connection,
        site: SiteId,
        day: LocalDay,
        bytes_max: usize,
    ) -> Result<Self, StoreError> {
        let insert = conn.prepare_cached(ADDED_BY)?;
        let (visitors, late) = (FxHashMap::default(), Gathered::default());
        Ok(Self { insert, site, day, visitors, late, bytes: 0, bytes_max })
    }

    /// Takes an event that happened in the second `at`, of a visitor as the open day knows them. Their
    /// ordinal tells who came first, and no more.
    pub fn add(
        &mut self,
        visitor: Option<i64>,
        at: i64,
        event: &PackedEvent<&str>,
    ) -> Result<(), StoreError> {
        let next = self.visitors.len() as i64 + 1;
        let gathered = match visitor {
            Some(visitor) => {
                let new = || Gathered { ordinal: next, ..Gathered::default() };
                self.visitors.entry(visitor).or_insert_with(new)
            }
            None => &mut self.late,
        };
        let bytes = EVENT_BYTES + event.props.len();
        if !gathered.fits(bytes) {
            self.bytes -= gathered.bytes;
            gathered.write(&mut self.insert, (self.site, self.day), Rows::AndMore)?;
        }
        gathered.start = if gathered.events.is_empty() { at } else { gathered.start };
        let second = at - gathered.start;
        gathered.events.push(PackedEvent { second, ..event.with_props(event.props.into()) });
        gathered.bytes += bytes;
        self.bytes += bytes;
        if self.bytes > self.bytes_max {
            self.write(Rows::AndMore)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), StoreError> {
        self.write(Rows::Last)
    }

    /// In the order of the key, so that pages are filled one after the other.
    fn write(&mut self, rows: Rows) -> Result<(), StoreError> {
        let mut all: Vec<&mut Gathered> = self.visitors.values_mut().collect();
        all.push(&mut self.late);
        all.sort_unstable_by_key(|gathered| gathered.ordinal);
        for gathered in all {
            gathered.write(&mut self.insert, (self.site, self.day), rows)?;
        }
        self.bytes = 0;
        Ok(())
    }
}

/// Whether a visitor's events are all there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Last,
    AndMore,
}

impl Gathered {
    fn fits(&self, bytes: usize) -> bool {
        self.events.is_empty() || self.events.len() < PART_EVENTS_MAX && self.bytes + bytes <= PART_BYTES_MAX
    }

    fn write(
        &mut self,
        insert: &mut Statement<'_>,
        (site, day): (SiteId, LocalDay),
        rows: Rows,
    ) -> Result<(), StoreError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.events);
        // Who skips a row by its client must not miss that others of the visitor have another.
        let is_all = self.ordinal != 0 && self.part == 0 && rows == Rows::Last;
        let client = events[0].client;
        let client = if is_all && events.iter().all(|event| event.client == client) { client } else { 0 };
        let mut list = List::default();
        for event in &events {
            let own = if event.client == client { 0 } else { event.client };
            list.add(&PackedEvent { client: own, ..event.with_props(&*event.props) });
        }
        insert.execute(params![site.0, day.0, self.ordinal, self.part, self.start, client, list.finish()])?;
        self.part += 1;
        self.bytes = 0;
        Ok(())
    }
}

/// A row while its events are looked at and changed.
pub(super) struct Unsealed {
    pub visitor: i64,
    pub events: Vec<PackedEvent<Box<str>>>,
    pub is_changed: bool,
}

impl Batch<'_> {
    /// Adds an event without a visitor to a sealed day, in a row of its own. Returns its tie.
    pub(super) fn add_sealed(
        &mut self,
        (site, day): (SiteId, LocalDay),
        at: i64,
        event: &PackedEvent<&str>,
    ) -> Result<u32, StoreError> {
        let sql = "SELECT coalesce(max(part) + 1, 0) FROM sealed_visitors
                   WHERE site = ?1 AND day = ?2 AND visitor = 0";
        let part: i64 = self.tx.prepare_cached(sql)?.query_row((site.0, day.0), |row| row.get(0))?;
        let mut list = List::default();
        list.add(event);
        let row = params![site.0, day.0, 0, part, at, 0, list.finish()];
        self.tx.prepare_cached(ADDED_BY)?.execute(row)?;
        Ok(tie_of(part))
    }

    /// Shows every row of a sealed day, and writes those that are changed; one left without events
    /// is deleted.
    pub(super) fn change_sealed(
        &mut self,
        (site, day): (SiteId, LocalDay),
        change: &mut dyn FnMut(&mut Unsealed),
    ) -> Result<(), StoreError> {
        let mut after = (-1, -1);
        loop {
            let rows = self.sealed_rows((site, day), after)?;
            let Some((visitor, part, _)) = rows.last() else { return Ok(()) };
            after = (*visitor, *part);
            for (visitor, part, text) in rows {
                let mut row = Unsealed { visitor, events: unpack(&text)?, is_changed: false };
                change(&mut row);
                if row.is_changed {
                    self.replace_sealed((site, day, visitor, part), &row.events)?;
                }
            }
        }
    }

    fn sealed_rows(
        &self,
        (site, day): (SiteId, LocalDay),
        after: (i64, i64),
    ) -> Result<Vec<(i64, i64, String)>, StoreError> {
        let sql = "SELECT visitor, part, events FROM sealed_visitors
                   WHERE site = ?1 AND day = ?2 AND (visitor, part) > (?3, ?4) ORDER BY visitor, part LIMIT ?5";
        let mut statement = self.tx.prepare_cached(sql)?;
        let of = params![site.0, day.0, after.0, after.1, ROWS_CHANGED_AT_ONCE];
        let rows = statement.query_map(of, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn replace_sealed(
        &mut self,
        (site, day, visitor, part): (SiteId, LocalDay, i64, i64),
        events: &[PackedEvent<Box<str>>],
    ) -> Result<(), StoreError> {
        const KEY: &str = "site = ?1 AND day = ?2 AND visitor = ?3 AND part = ?4";
        if events.is_empty() {
            let sql = format!("DELETE FROM sealed_visitors WHERE {KEY}");
            self.tx.prepare_cached(&sql)?.execute((site.0, day.0, visitor, part))?;
            return Ok(());
        }
        let mut list = List::default();
        events.iter().for_each(|event| list.add(&event.with_props(&*event.props)));
        let sql = format!("UPDATE sealed_visitors SET events = ?5 WHERE {KEY}");
        self.tx.prepare_cached(&sql)?.execute((site.0, day.0, visitor, part, list.finish()))?;
        Ok(())
    }
}

fn unpack(text: &str) -> Result<Vec<PackedEvent<Box<str>>>, StoreError> {
    let mut unpacking = Unpacking::new(text.as_bytes());
    let mut events = Vec::new();
    while let Some(event) = unpacking.event()? {
        events.push(event.with_props(event.props.into()));
    }
    Ok(events)
}

/// Rows of a visitor ascend by part, so their events ascend by time and tie.
fn tie_of(part: i64) -> u32 {
    u32::try_from(part).unwrap_or(u32::MAX).saturating_mul(PART_EVENTS_MAX as u32)
}

#[cfg(test)]
mod tests;
