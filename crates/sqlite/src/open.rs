use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::{Error, Trouble};

/// The first SQLite without the WAL-reset race: older ones can lose committed writes when one
/// connection checkpoints while another writes (<https://sqlite.org/wal.html#the_wal_reset_bug>).
pub const VERSION_MIN: i32 = 3_051_003;

/// How long a statement waits for another process's lock before it gives up with
/// [`Trouble::Busy`].
const BUSY_TIMEOUT: Duration = Duration::from_millis(5_000);

/// Prepared statements kept per connection; the default of 16 is fewer than one batch uses.
const STATEMENTS_KEPT: usize = 256;

/// What differs between the files: how they are laid out and how much of them is held in memory.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// Fixed when the file is made.
    pub page_bytes: u32,
    pub cache_kib: u32,
    /// The writer checkpoints when the WAL holds this many pages. A small WAL keeps the tail of the
    /// commit latency low: the tail is the checkpoint.
    pub checkpoint_pages: u32,
    /// The WAL file is cut back to this size when it restarts.
    pub wal_bytes_max: u64,
    /// Give pages back to the file system piecemeal; for files from which as much is deleted as
    /// is inserted.
    pub incremental_vacuum: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            page_bytes: 8 * 1024,
            cache_kib: 16 * 1024,
            checkpoint_pages: 1_000,
            wal_bytes_max: 32 * 1024 * 1024,
            incremental_vacuum: false,
        }
    }
}

/// Refuses to run on a SQLite that loses writes: a lock file may bring an old one back unnoticed.
///
/// # Errors
/// Names the version found and the one needed.
pub fn check_version() -> Result<(), Error> {
    if rusqlite::version_number() >= VERSION_MIN {
        return Ok(());
    }
    Err(Error::refusal(format!(
        "SQLite {} can lose committed writes; 3.51.3 or newer is needed",
        rusqlite::version()
    )))
}

/// Opens, and makes where missing, a file for its one writer.
///
/// # Errors
/// What SQLite reports, with the path.
pub fn open_writer(path: &Path, tuning: &Tuning) -> Result<Connection, Error> {
    check_version()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags).map_err(|e| Error::at(path, e))?;
    set_up_writer(&conn, tuning).map_err(|e| Error::at(path, e))?;
    Ok(conn)
}

fn set_up_writer(conn: &Connection, tuning: &Tuning) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // Both only take effect before the first table exists, hence before the WAL mode.
    conn.pragma_update(None, "page_size", tuning.page_bytes)?;
    if tuning.incremental_vacuum {
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // FULL and nothing less: NORMAL does not sync the WAL at commit, and what was acknowledged
    // would be gone after a power cut.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", tuning.checkpoint_pages)?;
    conn.pragma_update(None, "journal_size_limit", i64::try_from(tuning.wal_bytes_max).unwrap_or(i64::MAX))?;
    set_up_any(conn, tuning.cache_kib)
}

/// Opens an existing file for reading. Works beside a running writer, also of another process.
///
/// # Errors
/// What SQLite reports, with the path; a missing file is an error.
pub fn open_reader(path: &Path, cache_kib: u32) -> Result<Connection, Error> {
    check_version()?;
    // A reader of a WAL file must be able to write its shared memory; query_only keeps it from
    // writing anything else.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags).map_err(|e| match path.exists() {
        true => Error::at(path, e),
        false => Error::refusal(format!("{} does not exist", path.display())).with(Trouble::Missing),
    })?;
    let set_up = || {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "query_only", true)?;
        // The last to close would copy the WAL into the file that it has open and delete it: not the
        // writer's, where somebody has put another one in its place.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        set_up_any(&conn, cache_kib)
    };
    set_up().map_err(|e| Error::at(path, e))?;
    Ok(conn)
}

fn set_up_any(conn: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    conn.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    // Else a kept statement is planned anew whenever a range that it is given changes.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

/// Size of a database's write-ahead log on disk; 0 where there is none.
pub fn wal_bytes(path: &Path) -> u64 {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(0, |file| file.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_sqlite_is_one_that_keeps_what_it_committed() {
        check_version().expect("new enough");
    }

    /// They are set in `.cargo/config.toml`, which a build from elsewhere would not read.
    #[test]
    fn the_bundled_sqlite_is_compiled_with_this_workspace_s_options() {
        let conn = Connection::open_in_memory().expect("opens");
        let mut select = conn.prepare("PRAGMA compile_options").expect("prepares");
        let options = select.query_map([], |row| row.get(0)).expect("asks");
        let options: Vec<String> = options.collect::<Result<_, _>>().expect("texts");
        let has = |option: &str| options.iter().any(|found| found == option);
        assert!(has("DEFAULT_MEMSTATUS=0") && !has("ENABLE_API_ARMOR"), "{options:?}");
    }

    #[test]
    fn the_writer_syncs_every_commit() {
        let dir = tempfile::tempdir().expect("a folder");
        let conn = open_writer(&dir.path().join("a.db"), &Tuning::default()).expect("opens");
        let synchronous: i64 = conn.pragma_query_value(None, "synchronous", |r| r.get(0)).expect("reads");
        let mode: String = conn.pragma_query_value(None, "journal_mode", |r| r.get(0)).expect("reads");
        assert_eq!((synchronous, mode.as_str()), (2, "wal"));
    }

    #[test]
    fn a_reader_can_not_write() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        open_writer(&path, &Tuning::default())
            .expect("opens")
            .execute_batch("CREATE TABLE t(a)")
            .expect("makes");
        let reader = open_reader(&path, 1024).expect("opens");
        reader.execute("INSERT INTO t VALUES (1)", []).expect_err("read only");
    }

    #[test]
    fn the_log_of_a_file_that_was_written_has_a_size() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        assert_eq!(wal_bytes(&path), 0);
        let conn = open_writer(&path, &Tuning::default()).expect("opens");
        conn.execute_batch("CREATE TABLE t(a)").expect("makes");
        assert!(wal_bytes(&path) > u64::from(Tuning::default().page_bytes));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = open_reader(Path::new("/nonexistent/weir.db"), 1024).expect_err("missing");
        assert_eq!(error.trouble(), Trouble::Missing);
        assert!(error.to_string().contains("/nonexistent/weir.db"), "{error}");
    }
}
