//! Whether a file is what it was when it was written.

use std::path::Path;

use rusqlite::Connection;

use crate::table::{Stretch, TableShape, shapes};
use crate::{Error, open_reader};

const CACHE_KIB: u32 = 16 * 1024;

/// Rows read in one transaction beside a running server: a few milliseconds' worth.
const ROWS_PER_READ: usize = 5_000;

/// Sentences kept of each table.
const SENTENCES_MAX: usize = 10;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Each row is read, in short transactions that hold nobody up.
    Rows,
    /// All of the file's structure, indices included: one long read per table.
    Structure,
}

/// Something damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// None where it is not a table's.
    pub table: Option<String>,
    /// SQLite's own words.
    pub says: String,
}

/// What is damaged in a file; nothing is good. `progress` hears (table, tables done, tables in all).
///
/// # Errors
/// The file is not there, or is locked.
pub fn inspect(
    path: &Path,
    depth: Depth,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Vec<Damage>, Error> {
    let opened = open_reader(path, CACHE_KIB).and_then(|conn| {
        conn.pragma_update(None, "cell_size_check", true)?;
        let tables = shapes(&conn)?;
        Ok((conn, tables))
    });
    let (conn, tables) = match opened {
        Ok(opened) => opened,
        Err(error) if error.trouble() == crate::Trouble::Corrupt => {
            return Ok(vec![Damage { table: None, says: error.to_string() }]);
        }
        Err(error) => return Err(error.in_file(path)),
    };
    let mut found = Vec::new();
    for (done, shape) in tables.iter().enumerate() {
        progress(&shape.name, done, tables.len());
        let said = match depth {
            Depth::Rows => read_rows(&conn, shape).err().map(|error| error.to_string()).into_iter().collect(),
            Depth::Structure => structure_of(&conn, shape),
        };
        let named = |says| Damage { table: Some(shape.name.clone()), says };
        found.extend(said.into_iter().map(named));
    }
    Ok(found)
}

fn read_rows(conn: &Connection, shape: &TableShape) -> rusqlite::Result<()> {
    let mut stretch = Stretch { rows_max: Some(ROWS_PER_READ), ..Stretch::default() };
    loop {
        let mut rows = 0;
        let mut last = Vec::new();
        shape.read(conn, &stretch, &mut |key, _| {
            rows += 1;
            last = key.to_vec();
            Ok(())
        })?;
        if rows < ROWS_PER_READ {
            return Ok(());
        }
        stretch.after = last;
    }
}

fn structure_of(conn: &Connection, shape: &TableShape) -> Vec<String> {
    let sql = format!("PRAGMA integrity_check('{}')", shape.name);
    let mut said = Vec::new();
    let looked = conn.prepare(&sql).and_then(|mut check| {
        let mut rows = check.query([])?;
        while let Some(row) = rows.next()? {
            said.push(row.get::<_, String>(0)?);
        }
        Ok(())
    });
    said.extend(looked.err().map(|error| error.to_string()));
    said.retain(|sentence| sentence != "ok");
    said.truncate(SENTENCES_MAX);
    said
}
