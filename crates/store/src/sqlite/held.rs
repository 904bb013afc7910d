//! Statements that a batch runs for every event. Asking the connection for a prepared one costs about as
//! much as running it: its text is hashed, compared and copied each time.

use rusqlite::{CachedStatement, Connection};
use weir_rollups::Table;

/// The statements that one batch has asked for so far.
#[derive(Default)]
pub(super) struct Held<'a> {
    pub remember: Option<CachedStatement<'a>>,
    pub log: Option<CachedStatement<'a>>,
    /// By table of statistics.
    pub add: [Option<CachedStatement<'a>>; Table::ALL.len()],
    pub drop_if_zero: [Option<CachedStatement<'a>>; Table::ALL.len()],
}

/// The statement in `place`, prepared at the first call.
pub(super) fn held<'s, 'a>(
    place: &'s mut Option<CachedStatement<'a>>,
    conn: &'a Connection,
    sql: &str,
) -> rusqlite::Result<&'s mut CachedStatement<'a>> {
    if place.is_none() {
        *place = Some(conn.prepare_cached(sql)?);
    }
    Ok(place.as_mut().expect("was put there"))
}
