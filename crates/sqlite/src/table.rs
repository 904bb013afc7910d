//! Tables as whoever reads a damaged file needs to see them: by their keys, slice by slice.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// A table, its columns, and the key in whose order its rows lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableShape {
    pub name: String,
    pub columns: Vec<String>,
    pub key: Vec<String>,
}

/// Is handed a row's key and its columns.
pub(crate) type EachRow<'a> = dyn FnMut(&[Value], &[Value]) -> rusqlite::Result<()> + 'a;

/// Rows from here to there in the order of the key, or of a part of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stretch {
    /// Key columns that are fixed, from the first on.
    pub prefix: Vec<Value>,
    /// The next column's bounds, both included.
    pub range: Option<(i64, i64)>,
    /// Only keys past this one, which is whole.
    pub after: Vec<Value>,
    pub backwards: bool,
    pub rows_max: Option<usize>,
}

pub(crate) fn shapes(conn: &Connection) -> rusqlite::Result<Vec<TableShape>> {
    let sql = "SELECT name, wr FROM pragma_table_list
               WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut select = conn.prepare(sql)?;
    let named = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?;
    let named: Vec<(String, bool)> = named.collect::<rusqlite::Result<_>>()?;
    named.into_iter().map(|(name, without_rowid)| shape(conn, name, without_rowid)).collect()
}

fn shape(conn: &Connection, name: String, without_rowid: bool) -> rusqlite::Result<TableShape> {
    let mut select = conn.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns = select.query_map([&name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
    let columns: Vec<(String, u32)> = columns.collect::<rusqlite::Result<_>>()?;
    let key = if without_rowid {
        let mut key: Vec<&(String, u32)> = columns.iter().filter(|(_, place)| *place > 0).collect();
        key.sort_by_key(|(_, place)| *place);
        key.into_iter().map(|(name, _)| name.clone()).collect()
    } else {
        vec!["rowid".to_owned()]
    };
    Ok(TableShape { name, columns: columns.into_iter().map(|(name, _)| name).collect(), key })
}

impl TableShape {
    /// Hands each row on as (key, columns); stops at the first that can't be read.
    pub(crate) fn read(
        &self,
        conn: &Connection,
        stretch: &Stretch,
        each: &mut EachRow<'_>,
    ) -> rusqlite::Result<()> {
        let (sql, values) = self.select(stretch);
        let mut select = conn.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(values))?;
        let width = self.key.len() + self.columns.len();
        while let Some(row) = rows.next()? {
            // Every column is read: a long value may lie in other pages.
            let values = (0..width).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
            let (key, columns) = values.split_at(self.key.len());
            each(key, columns)?;
        }
        Ok(())
    }

    fn select(&self, stretch: &Stretch) -> (String, Vec<Value>) {
        let mut values = Vec::new();
        let mut wanted = Vec::new();
        for (column, value) in self.key.iter().zip(&stretch.prefix) {
            values.push(value.clone());
            wanted.push(format!("{column} = ?{}", values.len()));
        }
        if let (Some((from, to)), Some(column)) = (stretch.range, self.key.get(stretch.prefix.len())) {
            values.extend([Value::Integer(from), Value::Integer(to)]);
            wanted.push(format!("{column} BETWEEN ?{} AND ?{}", values.len() - 1, values.len()));
        }
        if !stretch.after.is_empty() {
            let first = values.len() + 1;
            values.extend(stretch.after.iter().cloned());
            let marks: Vec<String> = (first..=values.len()).map(|at| format!("?{at}")).collect();
            wanted.push(format!("({}) > ({})", self.key.join(", "), marks.join(", ")));
        }
        let wanted =
            if wanted.is_empty() { String::new() } else { format!(" WHERE {}", wanted.join(" AND ")) };
        let direction = if stretch.backwards { " DESC" } else { "" };
        let order: Vec<String> = self.key.iter().map(|column| format!("{column}{direction}")).collect();
        let limit = stretch.rows_max.map_or(String::new(), |max| format!(" LIMIT {max}"));
        let read = [&self.key[..], &self.columns[..]].concat().join(", ");
        // The rows as they lie, and not by way of an index that happens to hold them all.
        let sql = format!(
            "SELECT {read} FROM {} NOT INDEXED{wanted} ORDER BY {}{limit}",
            self.name,
            order.join(", ")
        );
        (sql, values)
    }
}
