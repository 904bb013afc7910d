//! What can still be read of a damaged file.

use std::collections::VecDeque;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::table::{Stretch, TableShape, shapes};
use crate::{Error, open_reader};

const CACHE_KIB: u32 = 16 * 1024;

/// How often a gap is looked into before the rest of it is given up.
const PROBES_MAX: usize = 30_000;

/// How far beyond the last row that can be read others are looked for, where the damage is at an end
/// of the table.
const BEYOND: i64 = 1_000_000;

/// The keys between which rows are missing, in words.
pub type Gap = (String, String);

/// Rows in one transaction of the new file.
const ROWS_PER_COMMIT: u64 = 100_000;

/// What came of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    pub table: String,
    /// Rows that are in the new file.
    pub rows: u64,
    /// Where rows are missing.
    pub gaps: Vec<Gap>,
    /// What SQLite says of the damage; none where there is none.
    pub error: Option<String>,
}

impl Salvaged {
    pub fn is_whole(&self) -> bool {
        self.error.is_none()
    }
}

/// Copies every row that can be read from the file `from` into the tables of the same names, which are
/// there and empty. Tables of `except` are left out.
///
/// # Errors
/// Not even the list of tables can be read, or the new file can't be written.
pub fn salvage(
    from: &Path,
    to: &mut Connection,
    except: &[&str],
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<Salvaged>, Error> {
    let source = open_reader(from, CACHE_KIB)?;
    source.pragma_update(None, "cell_size_check", true).map_err(|error| Error::at(from, error))?;
    let old = shapes(&source).map_err(|error| Error::at(from, error))?;
    // Order of insertion and of references differ, and what refers to a lost row is kept.
    to.pragma_update(None, "foreign_keys", false)?;
    let wanted = shapes(to)?.into_iter().filter(|shape| !except.contains(&shape.name.as_str()));
    let mut found = Vec::new();
    for new in wanted {
        let Some(old) = old.iter().find(|old| old.name == new.name) else { continue };
        let columns = old.columns.iter().filter(|column| new.columns.contains(column)).cloned().collect();
        let shape = TableShape { columns, ..old.clone() };
        found.push(copy_table(&source, &shape, to, progress)?);
    }
    copy_sequence(&source, to)?;
    to.pragma_update(None, "foreign_keys", true)?;
    Ok(found)
}

/// Numbers that were given once are not given again. Where it can't be read, the highest row that
/// could stands for it.
fn copy_sequence(from: &Connection, to: &Connection) -> Result<(), Error> {
    let mut numbers: Vec<(String, i64)> = Vec::new();
    let read = from.prepare("SELECT name, seq FROM sqlite_sequence").and_then(|mut select| {
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.for_each(|row| numbers.extend(row));
        Ok(())
    });
    if let Err(error) = read {
        tracing::debug!(%error, "the numbers given last can't be read");
    }
    for (table, seq) in numbers {
        let known =
            to.execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (&table, seq))?;
        if known == 0 {
            to.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (&table, seq))?;
        }
    }
    Ok(())
}

struct Copy<'a> {
    from: &'a Connection,
    shape: &'a TableShape,
    to: &'a Connection,
    insert: String,
    rows: u64,
    progress: &'a mut dyn FnMut(&str, u64),
    /// An error of the new file, which ends the work.
    failed: Option<Error>,
    /// The last key handed on.
    last: Vec<Value>,
}

fn copy_table(
    from: &Connection,
    shape: &TableShape,
    to: &Connection,
    progress: &mut dyn FnMut(&str, u64),
) -> Result<Salvaged, Error> {
    let marks: Vec<String> = (1..=shape.columns.len()).map(|at| format!("?{at}")).collect();
    let (columns, marks) = (shape.columns.join(", "), marks.join(", "));
    let insert = format!("INSERT OR IGNORE INTO {} ({columns}) VALUES ({marks})", shape.name);
    to.execute_batch("BEGIN IMMEDIATE")?;
    let mut copy = Copy { from, shape, to, insert, rows: 0, progress, failed: None, last: Vec::new() };
    let done = copy.all();
    if done.is_err() {
        // The first error is the one to tell; SQLite may have rolled back by itself.
        let _ = to.execute_batch("ROLLBACK");
        return done;
    }
    to.execute_batch("COMMIT")?;
    done
}

impl Copy<'_> {
    fn all(&mut self) -> Result<Salvaged, Error> {
        let table = self.shape.name.clone();
        let Err(error) = self.stretch(&Stretch::default())? else {
            return Ok(Salvaged { table, rows: self.rows, gaps: Vec::new(), error: None });
        };
        let gaps = self.read_both_ends(&[])?;
        self.read_indices()?;
        Ok(Salvaged { table, rows: self.rows, gaps, error: Some(error.to_string()) })
    }

    /// Reads the rows whose keys begin so, up to the damage from either end, and looks into what is
    /// left between. Rows that were handed on before are no matter.
    fn read_both_ends(&mut self, prefix: &[Value]) -> Result<Vec<Gap>, Error> {
        let mut reached = Vec::new();
        for backwards in [false, true] {
            self.last.clear();
            let stretch = Stretch { prefix: prefix.to_vec(), backwards, ..Stretch::default() };
            if self.stretch(&stretch)?.is_ok() {
                return Ok(Vec::new());
            }
            reached.push(std::mem::take(&mut self.last));
        }
        let [before, after] = &reached[..] else { return Ok(Vec::new()) };
        match integers_between(before, after) {
            Some((common, bounds)) => self.look_between(&common, bounds),
            None => Ok(vec![(words(before), words(after))]),
        }
    }

    /// An index holds some columns of each row a second time. What it does not hold gets its default;
    /// where there is none, the row is lost.
    fn read_indices(&mut self) -> Result<(), Error> {
        if self.shape.key != ["rowid"] {
            return Ok(());
        }
        for (index, columns) in indices(self.from, &self.shape.name).unwrap_or_default() {
            let read = TableShape {
                columns: Vec::new(),
                key: [&["rowid".to_owned()], &columns[..]].concat(),
                ..self.shape.clone()
            };
            let marks: Vec<String> = (1..=read.key.len()).map(|at| format!("?{at}")).collect();
            let of_table = std::mem::take(&mut self.insert);
            self.insert = format!(
                "INSERT OR IGNORE INTO {} ({}) VALUES ({})",
                read.name,
                read.key.join(", "),
                marks.join(", ")
            );
            let sql = format!("SELECT {} FROM {} INDEXED BY {index}", read.key.join(", "), read.name);
            let read = self.rows_of(&sql, read.key.len())?;
            if let Err(error) = read {
                tracing::debug!(%error, index, "an index is damaged, too");
            }
            self.insert = of_table;
        }
        Ok(())
    }

    fn rows_of(&mut self, sql: &str, width: usize) -> Result<rusqlite::Result<()>, Error> {
        let mut select = match self.from.prepare(sql) {
            Ok(select) => select,
            Err(error) => return Ok(Err(error)),
        };
        let mut rows = match select.query([]) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                ended => return Ok(ended.map(|_| ())),
            };
            match (0..width).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>() {
                Ok(values) => self.put(&values)?,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Halves of halves, wide ones first, so that the number of tries is spent evenly.
    fn look_between(&mut self, prefix: &[Value], bounds: (i64, i64)) -> Result<Vec<Gap>, Error> {
        let mut ranges = VecDeque::from([bounds]);
        let mut unreadable: Vec<(i64, i64)> = Vec::new();
        let mut gaps = Vec::new();
        for _ in 0..PROBES_MAX {
            let Some((from, to)) = ranges.pop_front() else { break };
            self.last.clear();
            let stretch = Stretch { prefix: prefix.to_vec(), range: Some((from, to)), ..Stretch::default() };
            if self.stretch(&stretch)?.is_ok() {
                continue;
            }
            // Not all rows that share its value need have been read.
            let from = integer(self.last.get(prefix.len())).unwrap_or(from);
            if from < to {
                let middle = from + (to - from) / 2;
                ranges.extend([(from, middle), (middle + 1, to)]);
            } else if prefix.is_empty() && self.shape.key.len() > 1 {
                gaps.extend(self.read_both_ends(&[Value::Integer(from)])?);
            } else {
                unreadable.push((from, to));
            }
        }
        unreadable.extend(ranges);
        let named = |(from, to)| (key_words(prefix, from), key_words(prefix, to));
        gaps.extend(joined(unreadable).into_iter().map(named));
        Ok(gaps)
    }

    /// `Ok(Err(...))` where the damaged file ends the stretch.
    fn stretch(&mut self, stretch: &Stretch) -> Result<rusqlite::Result<()>, Error> {
        let (shape, from) = (self.shape, self.from);
        let read = shape.read(from, stretch, &mut |key, columns| {
            self.last = key.to_vec();
            self.put(columns).map_err(|error| {
                self.failed = Some(error);
                rusqlite::Error::ExecuteReturnedResults
            })
        });
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    fn put(&mut self, columns: &[Value]) -> Result<(), Error> {
        let inserted = self.to.prepare_cached(&self.insert)?.execute(params_from_iter(columns))?;
        self.rows += inserted as u64;
        if inserted > 0 && self.rows.is_multiple_of(ROWS_PER_COMMIT) {
            self.to.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
            (self.progress)(&self.shape.name, self.rows);
        }
        Ok(())
    }
}

/// Indices by name, with the columns that each holds.
fn indices(conn: &Connection, table: &str) -> rusqlite::Result<Vec<(String, Vec<String>)>> {
    let mut select = conn.prepare(
        "SELECT l.name, i.name FROM pragma_index_list(?1) l, pragma_index_info(l.name) i
         WHERE NOT l.partial ORDER BY l.seq, i.seqno",
    )?;
    let found = select.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut indices: Vec<(String, Vec<String>)> = Vec::new();
    for found in found {
        let (index, column) = found?;
        match indices.last_mut() {
            Some((name, columns)) if *name == index => columns.push(column),
            _ => indices.push((index, vec![column])),
        }
    }
    Ok(indices)
}

/// The part of the key that both have in common, and what the next column of it is in each: included,
/// since not all rows that begin so may have been read.
fn integers_between(before: &[Value], after: &[Value]) -> Option<(Vec<Value>, (i64, i64))> {
    let common = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let (first, last) = (integer(before.get(common)), integer(after.get(common)));
    let bounds = match (first, last) {
        (Some(first), Some(last)) => (first.min(last), first.max(last)),
        (Some(first), None) if after.is_empty() => (first, first.saturating_add(BEYOND)),
        (None, Some(last)) if before.is_empty() => (last.saturating_sub(BEYOND), last),
        _ => return None,
    };
    Some((before[..common].to_vec(), bounds))
}

fn integer(value: Option<&Value>) -> Option<i64> {
    match value {
        Some(Value::Integer(n)) => Some(*n),
        _ => None,
    }
}

/// Neighbours become one.
fn joined(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in ranges {
        match joined.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn key_words(prefix: &[Value], next: i64) -> String {
    let key: Vec<Value> = prefix.iter().cloned().chain([Value::Integer(next)]).collect();
    words(&key)
}

fn words(key: &[Value]) -> String {
    let word = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if key.is_empty() { "an end".to_owned() } else { key.iter().map(word).collect::<Vec<_>>().join(" ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::path::PathBuf;

    use super::*;
    use crate::{Depth, Tuning, inspect, open_writer};

    const SCHEMA: &str = "
        CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
        CREATE UNIQUE INDEX by_text ON numbered (text);
        CREATE TABLE keyed (site INTEGER, time INTEGER, tie INTEGER, text TEXT, PRIMARY KEY (site, time, tie))
            WITHOUT ROWID;
        CREATE TABLE named (name TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;";

    const ROWS: i64 = 5_000;

    fn filled(path: &Path) {
        let conn = open_writer(path, &Tuning::default()).expect("opens");
        conn.execute_batch(SCHEMA).expect("makes");
        conn.execute_batch(&format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
             INSERT INTO numbered SELECT n, 'a rather long text, number ' || n FROM n;
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
             INSERT INTO keyed SELECT n % 3, n * 1000, n % 7, 'a rather long text, number ' || n FROM n;
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
             INSERT INTO named SELECT 'name ' || n, n FROM n;
             UPDATE sqlite_sequence SET seq = 9999;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .expect("fills");
    }

    /// Overwrites some of the leaves of a table, counted from its first; how many rows were in them.
    fn damage(path: &Path, table: &str, leaves: &[usize]) -> u64 {
        let conn = Connection::open(path).expect("opens");
        let sql = "SELECT pageno, ncell FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path";
        let mut select = conn.prepare(sql).expect("reads");
        let pages = select.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads");
        let pages: Vec<(u32, u32)> = pages.map(|page| page.expect("reads")).collect();
        let bytes = u64::from(Tuning::default().page_bytes);
        let file = File::options().write(true).open(path).expect("opens");
        let mut rows = 0;
        for leaf in leaves {
            let (page, cells) = pages[leaf % pages.len()];
            let at = u64::from(page - 1) * bytes;
            file.write_all_at(&vec![0xa5; bytes as usize], at).expect("damages");
            rows += u64::from(cells);
        }
        rows
    }

    fn salvaged(path: &Path) -> (Vec<Salvaged>, PathBuf) {
        let new = path.with_extension("new");
        let mut to = open_writer(&new, &Tuning::default()).expect("opens");
        to.execute_batch(SCHEMA).expect("makes");
        let found = salvage(path, &mut to, &[], &mut |_, _| {}).expect("salvages");
        (found, new)
    }

    fn check_salvaged(table: &str, leaves: &[usize]) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        filled(&path);
        let damaged = damage(&path, table, leaves);
        // The index holds the only other column a second time.
        let lost = if table == "numbered" { 0 } else { damaged };
        let (found, new) = salvaged(&path);
        for of in &found {
            let is_damaged = of.table == table;
            let rows = ROWS.unsigned_abs() - if is_damaged { lost } else { 0 };
            assert_eq!(of.rows, rows, "{table} {leaves:?}: {of:?}");
            assert_eq!(of.is_whole(), !is_damaged, "{of:?}");
            assert_eq!(of.gaps.is_empty(), !is_damaged, "{of:?}");
        }
        assert_eq!(inspect(&new, Depth::Structure, &mut |_, _, _| {}).expect("opens"), []);
        for depth in [Depth::Rows, Depth::Structure] {
            let damage = inspect(&path, depth, &mut |_, _, _| {}).expect("opens");
            let tables: BTreeSet<Option<String>> = damage.into_iter().map(|damage| damage.table).collect();
            assert!(tables.contains(&Some(table.to_owned())), "{depth:?} of {table}: {tables:?}");
        }
    }

    #[test]
    fn every_row_outside_the_damaged_pages_is_saved() {
        check_salvaged("numbered", &[5]);
        check_salvaged("numbered", &[0]);
        check_salvaged("numbered", &[2, 3, 9]);
        check_salvaged("keyed", &[4]);
        check_salvaged("keyed", &[3, 11]);
        check_salvaged("named", &[4]);
    }

    #[test]
    fn a_whole_file_is_copied_as_it_is_with_the_numbers_that_were_given() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        filled(&path);
        assert_eq!(inspect(&path, Depth::Rows, &mut |_, _, _| {}).expect("opens"), []);
        let (found, new) = salvaged(&path);
        assert!(found.iter().all(|of| of.is_whole() && of.rows == ROWS.unsigned_abs()), "{found:?}");
        let conn = Connection::open(&new).expect("opens");
        let seq: i64 =
            conn.query_row("SELECT seq FROM sqlite_sequence", [], |row| row.get(0)).expect("reads");
        assert_eq!(seq, 9_999);
    }
}
