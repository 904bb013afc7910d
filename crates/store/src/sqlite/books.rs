//! The store's half of the ledger.

use rusqlite::Connection;
use weir_event::{LocalDay, SiteId};

use super::batch::{Batch, read_checkpoint};
use super::queues::{read_accounts, read_taken};
use crate::{BookEntry, StoreBooks, StoreError};

impl Batch<'_> {
    /// Books `n` events of a site and local day of receipt; negative numbers take back.
    pub fn book(&mut self, site: SiteId, day: LocalDay, entry: BookEntry, n: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO ledger (site, day, entry, n) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET n = n + excluded.n";
        self.tx.prepare_cached(sql)?.execute((site.0, day.0, entry.code(), n))?;
        Ok(())
    }

    /// All of it, as this batch leaves it.
    pub fn ledger(&self) -> Result<StoreBooks, StoreError> {
        read_books(&self.tx)
    }

    /// Books all that the store held of a site as erased: its rows are gone, and what was received
    /// must stay accounted for.
    pub(super) fn book_erased(&mut self, site: SiteId) -> Result<(), StoreError> {
        for (of, day, entry, n) in read_books(&self.tx)?.entries {
            if of == site && entry.is_held() {
                let n = i64::try_from(n).unwrap_or(i64::MAX);
                self.book(site, day, entry, -n)?;
                self.book(site, day, BookEntry::Erased, n)?;
            }
        }
        Ok(())
    }
}

pub(super) fn read_books(conn: &Connection) -> Result<StoreBooks, StoreError> {
    let checkpoint = read_checkpoint(conn)?;
    let mut statement = conn.prepare_cached("SELECT site, day, entry, n FROM ledger WHERE n <> 0")?;
    let rows = statement.query_map([], |row| {
        Ok((SiteId(row.get(0)?), LocalDay(row.get(1)?), row.get::<_, u8>(2)?, row.get::<_, i64>(3)?))
    })?;
    let mut entries = Vec::new();
    for row in rows {
        let (site, day, code, n) = row?;
        let entry = BookEntry::from_code(code)
            .ok_or_else(|| StoreError::Unreadable(format!("a ledger entry {code}")))?;
        entries.push((site, day, entry, count(n)));
    }
    Ok(StoreBooks { checkpoint, entries, taken: read_taken(conn)?, accounts: read_accounts(conn)? })
}

/// Counts in the file are never negative; SQLite has no unsigned numbers to say so.
pub(super) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}
