use std::path::Path;

use weir_rollups::Table;
use weir_sqlite::{Salvaged, salvage};

use super::batch::Store;
use crate::StoreError;

impl Store {
    /// Puts every row that can be read of the damaged store `from` into a new one at `to`, where no
    /// file is yet. `progress` hears (table, rows).
    ///
    /// # Errors
    /// Nothing can be read at all, or the new file can't be written.
    pub fn salvage(
        from: &Path,
        to: &Path,
        progress: &mut dyn FnMut(&str, u64),
    ) -> Result<Vec<Salvaged>, StoreError> {
        let mut store = Self::open(to)?;
        Ok(salvage(from, store.file.conn_mut(), &[], progress)?)
    }

    /// Whether a table can be made anew from the log.
    pub fn is_derived(table: &str) -> bool {
        ["open_visitors", "stat_stamps"].contains(&table) || Table::ALL.iter().any(|of| of.name() == table)
    }
}
