use rusqlite::{OptionalExtension, params};
use weir_event::limits::{LABEL_BYTES_MAX, SETTING_BYTES_MAX};

use crate::{Registry, RegistryError};

impl Registry {
    /// # Errors
    /// What the database reports.
    pub fn get_setting(&self, key: &str) -> Result<Option<String>, RegistryError> {
        let reader = self.reader()?;
        let mut statement = reader.prepare_cached("SELECT value FROM settings WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    /// # Errors
    /// [`RegistryError::Invalid`] for a key or a value beyond its limit.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<(), RegistryError> {
        if key.is_empty() || key.len() > LABEL_BYTES_MAX || value.len() > SETTING_BYTES_MAX {
            return Err(RegistryError::Invalid(
                "a setting has a key of 1 to 255 bytes and a value up to 64 KiB",
            ));
        }
        self.write(|tx| {
            tx.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)", params![key, value])?;
            Ok(())
        })
    }
}
