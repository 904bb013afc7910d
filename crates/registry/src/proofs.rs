//! What the last proof of each site's figures found.

use rusqlite::{Row, params};
use weir_event::{LocalDay, Millis, SiteId};

use crate::{Registry, RegistryError};

/// A site's day was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub site: SiteId,
    pub day: LocalDay,
    pub at: Millis,
    pub took_ms: i64,
    /// Rows of statistics that were compared.
    pub rows: i64,
    pub different: i64,
    /// The day's events have expired: compared by its checksum.
    pub frozen: bool,
    /// It changed faster than it could be read, so nothing was compared.
    pub moving: bool,
}

impl Registry {
    /// Keeps a proof in place of the site's last one. A site that is gone meanwhile keeps none.
    ///
    /// # Errors
    /// What the database reports.
    pub fn keep_proof(&self, proof: &Proof) -> Result<(), RegistryError> {
        let p = proof;
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO proofs (site, day, at, took_ms, rows, different, frozen, moving)
                 SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM sites WHERE id = ?1",
                params![p.site.0, p.day.0, p.at.0, p.took_ms, p.rows, p.different, p.frozen, p.moving],
            )?;
            Ok(())
        })
    }

    /// Each site's last, by site.
    ///
    /// # Errors
    /// What the database reports.
    pub fn proofs(&self) -> Result<Vec<Proof>, RegistryError> {
        let reader = self.reader()?;
        let sql = "SELECT site, day, at, took_ms, rows, different, frozen, moving FROM proofs ORDER BY site";
        let mut statement = reader.prepare_cached(sql)?;
        let proofs = statement.query_map([], read)?;
        Ok(proofs.collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Proof> {
    Ok(Proof {
        site: SiteId(row.get(0)?),
        day: LocalDay(row.get(1)?),
        at: Millis(row.get(2)?),
        took_ms: row.get(3)?,
        rows: row.get(4)?,
        different: row.get(5)?,
        frozen: row.get(6)?,
        moving: row.get(7)?,
    })
}
