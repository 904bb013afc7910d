//! Texts, clients and sources as numbers.

use quick_cache::Equivalent;
use quick_cache::unsync::Cache;
use rusqlite::{Connection, OptionalExtension, named_params};
use rustc_hash::FxHashMap;
use weir_event::{LocalDay, SiteId};
use weir_rollups::{Client, Source, ValueId};

use crate::{Dimension, StoreError};

/// What counts where a site's day brings more new texts than it may.
const OTHER: &str = "(other)";

/// How many dictionary rows of each kind the writer keeps at hand.
const KEPT: usize = 50_000;

#[derive(PartialEq, Eq, Hash)]
struct TextKey {
    site: SiteId,
    dimension: Dimension,
    text: Box<str>,
}

/// A key that is only looked for: the hot path must not allocate. Hashes as [`TextKey`] does, field
/// by field, since a `Box<str>` hashes as its `str`.
#[derive(PartialEq, Eq, Hash)]
struct TextRef<'a> {
    site: SiteId,
    dimension: Dimension,
    text: &'a str,
}

impl Equivalent<TextKey> for TextRef<'_> {
    fn equivalent(&self, key: &TextKey) -> bool {
        self.site == key.site && self.dimension == key.dimension && *self.text == *key.text
    }
}

/// The writer's view of the dictionary. What a transaction adds is staged, and joins the caches
/// only once the transaction is committed: a number that was rolled back must not be remembered.
pub(super) struct Dictionary {
    texts: Cache<TextKey, ValueId>,
    clients: Cache<(SiteId, Client), u32>,
    sources: Cache<(SiteId, Source), u32>,
    staged: Staged,
}

#[derive(Default)]
struct Staged {
    texts: FxHashMap<TextKey, ValueId>,
    clients: FxHashMap<(SiteId, Client), u32>,
    sources: FxHashMap<(SiteId, Source), u32>,
}

/// A text to be numbered, and the day whose share of new texts it may use up.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub site: SiteId,
    pub dimension: Dimension,
    pub text: &'a str,
    pub received_day: LocalDay,
    /// Of a page.
    pub host: ValueId,
}

impl Dictionary {
    pub fn new() -> Self {
        Self {
            texts: Cache::new(KEPT),
            clients: Cache::new(KEPT),
            sources: Cache::new(KEPT),
            staged: Staged::default(),
        }
    }

    pub fn keep_staged(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        staged.texts.into_iter().for_each(|(key, id)| self.texts.insert(key, id));
        staged.clients.into_iter().for_each(|(key, id)| self.clients.insert(key, id));
        staged.sources.into_iter().for_each(|(key, id)| self.sources.insert(key, id));
    }

    /// What was staged never happened; whether there was any.
    pub fn drop_staged(&mut self) -> bool {
        let Staged { texts, clients, sources } = std::mem::take(&mut self.staged);
        !(texts.is_empty() && clients.is_empty() && sources.is_empty())
    }

    /// Everything of a removed site leaves with it.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    pub fn text(&mut self, conn: &Connection, wanted: Wanted<'_>) -> Result<ValueId, StoreError> {
        if wanted.text.is_empty() {
            return Ok(ValueId::NONE);
        }
        let Wanted { site, dimension, text, .. } = wanted;
        if let Some(id) = self.texts.get(&TextRef { site, dimension, text }) {
            return Ok(*id);
        }
        let key = TextKey { site, dimension, text: text.into() };
        if let Some(id) = self.staged.texts.get(&key) {
            return Ok(*id);
        }
        let id = match find_text(conn, wanted.site, wanted.dimension, wanted.text)? {
            Some(id) => id,
            None if may_grow(conn, &wanted)? => add_text(conn, &wanted)?,
            // Not kept under this text: tomorrow it may get a number of its own.
            None => return self.other(conn, wanted),
        };
        self.staged.texts.insert(key, id);
        Ok(id)
    }

    fn other(&mut self, conn: &Connection, wanted: Wanted<'_>) -> Result<ValueId, StoreError> {
        // A page of another host than the site's own begins with that host; keep the hosts apart, but
        // only those that are told apart themselves: made-up hosts must not make texts either.
        let host = match wanted.dimension {
            Dimension::Page if !wanted.text.starts_with('/') => text_of(conn, wanted.host)?,
            _ => String::new(),
        };
        let text = format!("{host}{OTHER}");
        match find_text(conn, wanted.site, wanted.dimension, &text)? {
            Some(id) => Ok(id),
            None => add_text(conn, &Wanted { text: &text, ..wanted }),
        }
    }

    pub fn client(&mut self, conn: &Connection, site: SiteId, client: Client) -> Result<u32, StoreError> {
        let key = (site, client);
        if let Some(id) = self.clients.get(&key).or_else(|| self.staged.clients.get(&key)) {
            return Ok(*id);
        }
        let id = match find_client(conn, site, client)? {
            Some(id) => id,
            None => add_client(conn, site, client)?,
        };
        self.staged.clients.insert(key, id);
        Ok(id)
    }

    pub fn source(&mut self, conn: &Connection, site: SiteId, source: Source) -> Result<u32, StoreError> {
        let key = (site, source);
        if let Some(id) = self.sources.get(&key).or_else(|| self.staged.sources.get(&key)) {
            return Ok(*id);
        }
        let id = match find_source(conn, site, source)? {
            Some(id) => id,
            None => add_source(conn, site, source)?,
        };
        self.staged.sources.insert(key, id);
        Ok(id)
    }
}

pub(super) fn find_text(
    conn: &Connection,
    site: SiteId,
    dimension: Dimension,
    text: &str,
) -> Result<Option<ValueId>, StoreError> {
    let sql = "SELECT id FROM strings WHERE site = ?1 AND dimension = ?2 AND text = ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_row((site.0, dimension as u8, text), |row| Ok(ValueId(row.get(0)?)));
    Ok(found.optional()?)
}

fn text_of(conn: &Connection, id: ValueId) -> Result<String, StoreError> {
    let mut statement = conn.prepare_cached("SELECT text FROM strings WHERE id = ?1")?;
    Ok(statement.query_row((id.0,), |row| row.get(0)).optional()?.unwrap_or_default())
}

fn add_text(conn: &Connection, wanted: &Wanted<'_>) -> Result<ValueId, StoreError> {
    let sql = "INSERT INTO strings (site, dimension, text, host) VALUES (?1, ?2, ?3, ?4) RETURNING id";
    let mut statement = conn.prepare_cached(sql)?;
    let row = (wanted.site.0, wanted.dimension as u8, wanted.text, wanted.host.0);
    Ok(statement.query_row(row, |row| Ok(ValueId(row.get(0)?)))?)
}

/// Books one new text; false once the site's day has had its share.
fn may_grow(conn: &Connection, wanted: &Wanted<'_>) -> Result<bool, StoreError> {
    let Some(max) = wanted.dimension.new_per_day_max() else { return Ok(true) };
    let sql = "INSERT INTO growth (site, day, dimension, added) VALUES (?1, ?2, ?3, 1)
               ON CONFLICT DO UPDATE SET added = min(added + 1, ?4 + 1) RETURNING added";
    let mut statement = conn.prepare_cached(sql)?;
    let row = (wanted.site.0, wanted.received_day.0, wanted.dimension as u8, max);
    let added: u32 = statement.query_row(row, |row| row.get(0))?;
    Ok(added <= max)
}

fn find_client(conn: &Connection, site: SiteId, client: Client) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT id FROM clients
               WHERE site = ?1 AND browser = ?2 AND os = ?3 AND device = ?4 AND country = ?5";
    let mut statement = conn.prepare_cached(sql)?;
    let Client { browser, os, device, country } = client;
    let found =
        statement.query_row((site.0, browser.0, os.0, device.0, country.0), |row| row.get(0)).optional()?;
    Ok(found)
}

fn add_client(conn: &Connection, site: SiteId, client: Client) -> Result<u32, StoreError> {
    let sql = "INSERT INTO clients (site, browser, os, device, country) VALUES (?1, ?2, ?3, ?4, ?5)
               RETURNING id";
    let mut statement = conn.prepare_cached(sql)?;
    let Client { browser, os, device, country } = client;
    Ok(statement.query_row((site.0, browser.0, os.0, device.0, country.0), |row| row.get(0))?)
}

const SOURCE_FOUND_BY: &str = "SELECT id FROM sources
    WHERE site = :site AND source = :source AND referrer = :referrer AND channel = :channel
      AND utm_source = :utm_source AND utm_medium = :utm_medium AND utm_campaign = :utm_campaign
      AND utm_content = :utm_content AND utm_term = :utm_term AND own = :own";

const SOURCE_ADDED_BY: &str = "INSERT INTO sources
    (site, source, referrer, channel, utm_source, utm_medium, utm_campaign, utm_content, utm_term, own)
    VALUES (:site, :source, :referrer, :channel, :utm_source, :utm_medium, :utm_campaign,
            :utm_content, :utm_term, :own)
    RETURNING id";

fn find_source(conn: &Connection, site: SiteId, source: Source) -> Result<Option<u32>, StoreError> {
    Ok(source_row(conn, SOURCE_FOUND_BY, site, source).optional()?)
}

fn add_source(conn: &Connection, site: SiteId, source: Source) -> Result<u32, StoreError> {
    Ok(source_row(conn, SOURCE_ADDED_BY, site, source)?)
}

fn source_row(conn: &Connection, sql: &str, site: SiteId, source: Source) -> rusqlite::Result<u32> {
    conn.prepare_cached(sql)?.query_row(
        named_params! {
            ":site": site.0,
            ":source": source.source.0,
            ":referrer": source.referrer.0,
            ":channel": source.channel.0,
            ":utm_source": source.utm_source.0,
            ":utm_medium": source.utm_medium.0,
            ":utm_campaign": source.utm_campaign.0,
            ":utm_content": source.utm_content.0,
            ":utm_term": source.utm_term.0,
            ":own": source.own,
        },
        |row| row.get(0),
    )
}
