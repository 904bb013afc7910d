//! Visitors' days while they are open, and how their events are packed.

use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use weir_event::{Kind, LocalDay, Millis, SiteId};
use weir_rollups::{Client, Source, UnitEvent, ValueId};

use super::batch::Batch;
use crate::{StoreError, UnitKey};

/// An open visitor's event as it is packed: times are gaps to the one before, so most of it is
/// single bytes.
#[derive(Serialize, Deserialize)]
struct PackedEvent {
    gap_ms: u64,
    tie: u32,
    kind: u8,
    page: u32,
    client: u32,
    source: u32,
    name: u32,
    engaged_ms: u32,
    amount: Option<(u32, i64)>,
}

/// Clients, sources and hosts of pages by number, as far as they were needed.
#[derive(Default)]
pub(super) struct Interned {
    clients: FxHashMap<u32, Client>,
    sources: FxHashMap<u32, Source>,
    hosts: FxHashMap<u32, ValueId>,
}

impl Interned {
    pub fn client(&mut self, conn: &Connection, id: u32) -> Result<Client, StoreError> {
        if let Some(client) = self.clients.get(&id) {
            return Ok(*client);
        }
        let sql = "SELECT browser, os, device, country FROM clients WHERE id = ?1";
        let client = conn.prepare_cached(sql)?.query_row((id,), |row| {
            Ok(Client {
                browser: ValueId(row.get(0)?),
                os: ValueId(row.get(1)?),
                device: ValueId(row.get(2)?),
                country: ValueId(row.get(3)?),
            })
        })?;
        self.clients.insert(id, client);
        Ok(client)
    }

    pub fn source(&mut self, conn: &Connection, id: u32) -> Result<Source, StoreError> {
        if let Some(source) = self.sources.get(&id) {
            return Ok(*source);
        }
        let sql = "SELECT source, referrer, channel, utm_source, utm_medium, utm_campaign, utm_content,
                          utm_term, own FROM sources WHERE id = ?1";
        let source = conn.prepare_cached(sql)?.query_row((id,), |row| {
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
        })?;
        self.sources.insert(id, source);
        Ok(source)
    }

    pub fn host(&mut self, conn: &Connection, page: ValueId) -> Result<ValueId, StoreError> {
        if let Some(host) = self.hosts.get(&page.0) {
            return Ok(*host);
        }
        let mut statement = conn.prepare_cached("SELECT host FROM strings WHERE id = ?1")?;
        let host = statement.query_row((page.0,), |row| Ok(ValueId(row.get(0)?))).optional()?;
        let host = host.unwrap_or(ValueId::NONE);
        self.hosts.insert(page.0, host);
        Ok(host)
    }
}

impl Batch<'_> {
    /// The events of a visitor's day so far, ascending; empty where it has none.
    pub fn unit(&mut self, key: UnitKey) -> Result<Vec<UnitEvent>, StoreError> {
        let sql = "SELECT events FROM open_visitors WHERE site = ?1 AND day = ?2 AND visitor = ?3";
        let mut statement = self.tx.prepare_cached(sql)?;
        let packed: Option<Vec<u8>> =
            statement.query_row((key.site.0, key.day.0, key.visitor as i64), |row| row.get(0)).optional()?;
        drop(statement);
        packed.map_or(Ok(Vec::new()), |packed| self.unpack(&packed))
    }

    /// Keeps the events of a visitor's day, ascending.
    pub fn keep_unit(&mut self, key: UnitKey, events: &[UnitEvent]) -> Result<(), StoreError> {
        let packed = self.pack(key.site, events)?;
        let sql = "INSERT INTO open_visitors (site, day, visitor, events) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET events = excluded.events";
        self.tx.prepare_cached(sql)?.execute((key.site.0, key.day.0, key.visitor as i64, packed))?;
        Ok(())
    }

    pub fn drop_units(&mut self, site: SiteId, day: LocalDay) -> Result<(), StoreError> {
        let sql = "DELETE FROM open_visitors WHERE site = ?1 AND day = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, day.0))?;
        Ok(())
    }

    fn pack(&mut self, site: SiteId, events: &[UnitEvent]) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(events.len() * 20);
        let mut before = 0;
        for event in events {
            let packed = PackedEvent {
                gap_ms: u64::try_from(event.time.0 - before).unwrap_or(0),
                tie: event.tie,
                kind: kind_code(event.kind),
                page: event.page.0,
                client: self.client_id(site, event.client)?,
                source: self.source_id(site, event.source)?,
                name: event.name.0,
                engaged_ms: event.engaged_ms,
                amount: event.amount.map(|(currency, minor)| (currency.0, minor)),
            };
            before = event.time.0;
            bytes = postcard::to_extend(&packed, bytes).map_err(|e| unreadable(&e))?;
        }
        Ok(bytes)
    }

    fn unpack(&mut self, mut bytes: &[u8]) -> Result<Vec<UnitEvent>, StoreError> {
        let mut events = Vec::with_capacity(bytes.len() / 16);
        let mut before = 0;
        while !bytes.is_empty() {
            let (packed, rest): (PackedEvent, _) =
                postcard::take_from_bytes(bytes).map_err(|e| unreadable(&e))?;
            let time = before + i64::try_from(packed.gap_ms).map_err(|e| unreadable(&e))?;
            let page = ValueId(packed.page);
            events.push(UnitEvent {
                time: Millis(time),
                tie: packed.tie,
                kind: kind_of(packed.kind)?,
                page,
                host: self.interned.host(&self.tx, page)?,
                client: self.interned.client(&self.tx, packed.client)?,
                source: self.interned.source(&self.tx, packed.source)?,
                name: ValueId(packed.name),
                engaged_ms: packed.engaged_ms,
                amount: packed.amount.map(|(currency, minor)| (ValueId(currency), minor)),
            });
            (before, bytes) = (time, rest);
        }
        Ok(events)
    }
}

pub(super) fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::PageView => 0,
        Kind::Custom => 1,
        Kind::Passive => 2,
        Kind::Engagement => 3,
    }
}

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
