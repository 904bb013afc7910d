//! Visitors' days while they are open, and how their events are packed.

use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use weir_event::{Kind, LocalDay, Millis, SiteId};
use weir_rollups::{Client, Source, UnitEvent, ValueId};

use super::batch::Batch;
use super::open_units::{KeptEvent, Unit, at_ms, time_of};
use super::rows::reason;
use crate::{SiteDay, StoreError, UnitKey};

/// An open visitor's event as it is packed in a row: times are gaps to the one before, so most of it
/// is single bytes.
#[derive(Serialize, Deserialize)]
struct PackedEvent {
    gap_ms: u32,
    tie: u32,
    kind: u8,
    page: u32,
    client: u32,
    source: u32,
    name: u32,
    engaged_ms: u32,
    amount: Option<(u32, i64)>,
}

/// How many clients, sources and hosts are kept at hand from batch to batch.
const INTERNED_MAX: usize = 100_000;

/// Clients, sources and hosts of pages by number, as far as they were needed.
#[derive(Default)]
pub(super) struct Interned {
    clients: FxHashMap<u32, Client>,
    sources: FxHashMap<u32, Source>,
    hosts: FxHashMap<u32, ValueId>,
}

impl Interned {
    /// Begins anew where it has become large.
    pub fn bound(&mut self) {
        if self.clients.len() + self.sources.len() + self.hosts.len() > INTERNED_MAX {
            *self = Self::default();
        }
    }

    pub fn client(&mut self, conn: &Connection, id: u32) -> Result<Client, StoreError> {
        if let Some(client) = self.clients.get(&id) {
            return Ok(*client);
        }
        let client = read_client(conn, id)?;
        self.clients.insert(id, client);
        Ok(client)
    }

    pub fn source(&mut self, conn: &Connection, id: u32) -> Result<Source, StoreError> {
        if let Some(source) = self.sources.get(&id) {
            return Ok(*source);
        }
        let source = read_source(conn, id)?;
        self.sources.insert(id, source);
        Ok(source)
    }

    pub fn host(&mut self, conn: &Connection, page: ValueId) -> Result<ValueId, StoreError> {
        if let Some(host) = self.hosts.get(&page.0) {
            return Ok(*host);
        }
        let host = read_host(conn, page)?;
        self.hosts.insert(page.0, host);
        Ok(host)
    }
}

pub(super) fn read_client(conn: &Connection, id: u32) -> Result<Client, StoreError> {
    let sql = "SELECT browser, os, device, country FROM clients WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row((id,), |row| {
        Ok(Client {
            browser: ValueId(row.get(0)?),
            os: ValueId(row.get(1)?),
            device: ValueId(row.get(2)?),
            country: ValueId(row.get(3)?),
        })
    })?)
}

pub(super) fn read_source(conn: &Connection, id: u32) -> Result<Source, StoreError> {
    let sql = "SELECT source, referrer, channel, utm_source, utm_medium, utm_campaign, utm_content,
                      utm_term, own FROM sources WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row((id,), |row| {
        Ok(Source {
            source: ValueId(row.get(0)?),
            referrer: ValueId(row.get(1)?),
            channel: ValueId(row.get(2)?),
            utm_source: ValueId(row.get(3)?),
            utm_medium: ValueId(row.get(4)?),
            utm_campaign: ValueId(row.get(5)?),
            utm_content: ValueId(row.get(6)?),
            utm_term: ValueId(row.get(7)?),
            own: row.get(8)?,
        })
    })?)
}

pub(super) fn read_host(conn: &Connection, page: ValueId) -> Result<ValueId, StoreError> {
    let mut statement = conn.prepare_cached("SELECT host FROM strings WHERE id = ?1")?;
    let host = statement.query_row((page.0,), |row| Ok(ValueId(row.get(0)?))).optional()?;
    Ok(host.unwrap_or(ValueId::NONE))
}

const OPEN_LOG_READ_BY: &str = "SELECT visitor, time, tie, page, kind, client, source, name, engaged_ms,
    currency, amount, set_aside FROM events
    WHERE site = ?1 AND time >= ?2 AND time < ?3 AND visitor IS NOT NULL ORDER BY time, tie";

const UNIT_WRITTEN_BY: &str = "INSERT INTO open_visitors (site, day, visitor, events) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET events = excluded.events";

impl Batch<'_> {
    /// Makes an open day's visitors known, from the log where a process before this one folded them.
    /// Comes before the batch logs any of theirs.
    pub fn load_units(&mut self, site: SiteId, day: &SiteDay) -> Result<(), StoreError> {
        let of = (site, day.frame.day);
        if self.units.knows(of) {
            return Ok(());
        }
        self.drop_units(site, day.frame.day)?;
        self.units.begin_anew(of);
        let mut statement = self.conn.prepare_cached(OPEN_LOG_READ_BY)?;
        let mut rows = statement.query((site.0, day.frame.start.0, day.frame.end.0))?;
        while let Some(row) = rows.next()? {
            let set_aside = row.get::<_, Option<u8>>(11)?.map(reason).transpose()?;
            if !day.counts(set_aside) {
                continue;
            }
            let key = UnitKey { site, day: of.1, visitor: row.get::<_, i64>(0)? as u64 };
            let mut unit = self.unit_to_change(key)?;
            let amount: Option<i64> = row.get(10)?;
            let amount = amount.map(|minor| Ok::<_, StoreError>((row.get(9)?, minor))).transpose()?;
            let event = KeptEvent {
                at_ms: at_ms(of.1, Millis(row.get(1)?))?,
                tie: row.get(2)?,
                page: row.get(3)?,
                kind: row.get(4)?,
                client: row.get(5)?,
                source: row.get(6)?,
                name: row.get(7)?,
                engaged_ms: row.get(8)?,
                amount: 0,
            };
            unit.insert(event, amount)?;
            self.stage_unit(key, unit)?;
        }
        Ok(())
    }

    /// The events of a visitor's day so far, ascending; empty where it has none. The day's visitors are
    /// known.
    pub fn unit(&mut self, key: UnitKey) -> Result<Vec<UnitEvent>, StoreError> {
        let (interned, conn) = (&mut *self.interned, self.conn);
        match self.units.find(key) {
            Some(unit) => interned.unit(conn, key.day, unit),
            None if self.units.has_rows((key.site, key.day)) => match read_unit(conn, key)? {
                Some(unit) => interned.unit(conn, key.day, &unit),
                None => Ok(Vec::new()),
            },
            None => Ok(Vec::new()),
        }
    }

    /// How many events a visitor's day has so far.
    pub fn unit_len(&mut self, key: UnitKey) -> Result<usize, StoreError> {
        match self.units.find(key) {
            Some(unit) => Ok(unit.events.len()),
            None if self.units.has_rows((key.site, key.day)) => {
                Ok(read_unit(self.conn, key)?.map_or(0, |unit| unit.events.len()))
            }
            None => Ok(0),
        }
    }

    /// Makes these the events of a visitor's day, whatever they were.
    pub fn keep_unit(&mut self, key: UnitKey, events: &[UnitEvent]) -> Result<(), StoreError> {
        self.add_events(key, Unit::default(), events)
    }

    /// Adds events to a visitor's day.
    pub fn add_to_unit(&mut self, key: UnitKey, events: &[UnitEvent]) -> Result<(), StoreError> {
        let unit = self.unit_to_change(key)?;
        self.add_events(key, unit, events)
    }

    fn add_events(&mut self, key: UnitKey, mut unit: Unit, events: &[UnitEvent]) -> Result<(), StoreError> {
        unit.events.reserve_exact(events.len());
        for event in events {
            let amount = event.amount.map(|(currency, minor)| (currency.0, minor));
            unit.insert(self.kept(key, event)?, amount)?;
        }
        self.stage_unit(key, unit)
    }

    /// Forgets all of a day's visitors: it begins anew, or is over.
    pub fn drop_units(&mut self, site: SiteId, day: LocalDay) -> Result<(), StoreError> {
        self.units.end((site, day));
        let sql = "DELETE FROM open_visitors WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.0))?;
        Ok(())
    }

    /// Where memory holds too many, those that have been quiet for longest become rows.
    pub(super) fn move_units_out(&mut self) -> Result<(), StoreError> {
        let mut write = self.conn.prepare_cached(UNIT_WRITTEN_BY)?;
        for key in self.units.too_many() {
            let Some(unit) = self.units.find(key) else { continue };
            write.execute((key.site.0, key.day.0, key.visitor as i64, pack(unit)?))?;
            self.units.move_out(key);
        }
        Ok(())
    }

    fn unit_to_change(&mut self, key: UnitKey) -> Result<Unit, StoreError> {
        if let Some(unit) = self.units.take_staged(key) {
            return Ok(unit);
        }
        match self.units.find(key) {
            Some(unit) => Ok(unit.clone()),
            None if self.units.has_rows((key.site, key.day)) => {
                Ok(read_unit(self.conn, key)?.unwrap_or_default())
            }
            None => Ok(Unit::default()),
        }
    }

    fn stage_unit(&mut self, key: UnitKey, unit: Unit) -> Result<(), StoreError> {
        self.units.stage(key, unit);
        for (visitor, unit) in self.units.overflow((key.site, key.day)) {
            let row = (key.site.0, key.day.0, visitor as i64, pack(&unit)?);
            self.conn.prepare_cached(UNIT_WRITTEN_BY)?.execute(row)?;
        }
        Ok(())
    }

    fn kept(&mut self, key: UnitKey, event: &UnitEvent) -> Result<KeptEvent, StoreError> {
        Ok(KeptEvent {
            at_ms: at_ms(key.day, event.time)?,
            tie: event.tie,
            page: event.page.0,
            client: self.client_id(key.site, event.client)?,
            source: self.source_id(key.site, event.source)?,
            name: event.name.0,
            engaged_ms: event.engaged_ms,
            amount: 0,
            kind: kind_code(event.kind),
        })
    }
}

impl Interned {
    fn unit(&mut self, conn: &Connection, day: LocalDay, unit: &Unit) -> Result<Vec<UnitEvent>, StoreError> {
        let mut events = Vec::with_capacity(unit.events.len());
        for event in &unit.events {
            let page = ValueId(event.page);
            events.push(UnitEvent {
                time: time_of(day, event.at_ms),
                tie: event.tie,
                kind: kind_of(event.kind)?,
                page,
                host: self.host(conn, page)?,
                client: self.client(conn, event.client)?,
                source: self.source(conn, event.source)?,
                name: ValueId(event.name),
                engaged_ms: event.engaged_ms,
                amount: unit.amount_of(event).map(|(currency, minor)| (ValueId(currency), minor)),
            });
        }
        Ok(events)
    }
}

fn read_unit(conn: &Connection, key: UnitKey) -> Result<Option<Unit>, StoreError> {
    let sql = "SELECT events FROM open_visitors WHERE site = ?1 AND day = ?2 AND visitor = ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let packed: Option<Vec<u8>> =
        statement.query_row((key.site.0, key.day.0, key.visitor as i64), |row| row.get(0)).optional()?;
    packed.map(|packed| unpack(&packed)).transpose()
}

fn pack(unit: &Unit) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(unit.events.len() * 20);
    let mut before = 0;
    for event in &unit.events {
        let packed = PackedEvent {
            gap_ms: event.at_ms - before,
            tie: event.tie,
            kind: event.kind,
            page: event.page,
            client: event.client,
            source: event.source,
            name: event.name,
            engaged_ms: event.engaged_ms,
            amount: unit.amount_of(event),
        };
        before = event.at_ms;
        bytes = postcard::to_extend(&packed, bytes).map_err(|e| unreadable(&e))?;
    }
    Ok(bytes)
}

fn unpack(mut bytes: &[u8]) -> Result<Unit, StoreError> {
    let mut unit = Unit::default();
    let mut before = 0;
    while !bytes.is_empty() {
        let (packed, rest): (PackedEvent, _) =
            postcard::take_from_bytes(bytes).map_err(|e| unreadable(&e))?;
        before += packed.gap_ms;
        let event = KeptEvent {
            at_ms: before,
            tie: packed.tie,
            page: packed.page,
            client: packed.client,
            source: packed.source,
            name: packed.name,
            engaged_ms: packed.engaged_ms,
            amount: 0,
            kind: packed.kind,
        };
        unit.insert(event, packed.amount)?;
        bytes = rest;
    }
    Ok(unit)
}

pub(super) fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::PageView => 0,
        Kind::Custom => 1,
        Kind::Passive => 2,
        Kind::Engagement => 3,
    }
}

#[inline]
pub(super) fn kind_of(code: u8) -> Result<Kind, StoreError> {
    match code {
        0 => Ok(Kind::PageView),
        1 => Ok(Kind::Custom),
        2 => Ok(Kind::Passive),
        3 => Ok(Kind::Engagement),
        _ => Err(StoreError::Unreadable(format!("event kind {code}"))),
    }
}

fn unreadable(error: &dyn std::error::Error) -> StoreError {
    StoreError::Unreadable(error.to_string())
}
