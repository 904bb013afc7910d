use std::path::Path;

use weir_sqlite::{OwnFile, Salvaged, salvage};

use crate::schema::{MIGRATIONS, TUNING};
use crate::{Registry, RegistryError, private_file};

impl Registry {
    /// Puts every row that can be read of the damaged registry `from` into a new one at `to`, where no
    /// file is yet.
    ///
    /// # Errors
    /// Nothing can be read at all, or the new file can't be written.
    pub fn salvage(from: &Path, to: &Path) -> Result<Vec<Salvaged>, RegistryError> {
        private_file::create_if_missing(to)
            .map_err(|source| RegistryError::File { path: to.to_owned(), source })?;
        let mut file = OwnFile::open(to, TUNING, MIGRATIONS)?;
        Ok(salvage(from, file.conn_mut(), &[], &mut |_, _| {})?)
    }
}
