use std::path::Path;

use weir_sqlite::{Salvaged, salvage as salvage_file};

use crate::QueueError;
use crate::file::QueueFile;

/// Puts every row that can be read of the damaged queue `from` into a new one at `to`, where no file
/// is yet. Its openings come with the rows, so the store knows which of them it has, and which are
/// lost; the next start begins a new opening. `progress` hears (table, rows).
///
/// # Errors
/// Nothing can be read at all, or the new file can't be written.
pub fn salvage(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<Salvaged>, QueueError> {
    let mut file = QueueFile::open(to)?;
    Ok(salvage_file(from, file.conn_mut(), &[], progress)?)
}
