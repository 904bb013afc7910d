//! Rows of the statistics.

use rusqlite::{Connection, Row, params_from_iter};
use weir_event::{Grain, LocalDay, Month, SiteId};
use weir_rollups::{Counters, Delta, Key, Statistic, Table, ValueId};

use super::batch::Batch;
use super::held::held;
use super::layout::Layout;
use crate::{StatRow, StoreError};

/// A table's statements, written out once.
struct Sql {
    add: String,
    drop_if_zero: String,
}

fn sql_of(table: Table) -> &'static Sql {
    static ALL: std::sync::OnceLock<Vec<Sql>> = std::sync::OnceLock::new();
    let all = ALL.get_or_init(|| Table::ALL.into_iter().map(write_sql).collect());
    &all[table as usize]
}

fn write_sql(table: Table) -> Sql {
    let (name, layout) = (table.name(), Layout::of(table));
    let key = layout.key();
    let columns = layout.each(", ", str::to_owned);
    let sums = layout.each(", ", |c| format!("{c} = {c} + excluded.{c}"));
    let zero = layout.each(" AND ", |c| format!("{c} = 0"));
    let places = |n: usize| vec!["?"; n].join(", ");
    let (keys, all) = (places(layout.key_columns()), places(layout.key_columns() + layout.counters.len()));
    Sql {
        add: format!("INSERT INTO {name} ({key}, {columns}) VALUES ({all}) ON CONFLICT DO UPDATE SET {sums}"),
        drop_if_zero: format!("DELETE FROM {name} WHERE ({key}) = ({keys}) AND {zero}"),
    }
}

impl Batch<'_> {
    /// Adds a delta to hours, days and, since months are sums of days, to months.
    pub fn apply(&mut self, site: SiteId, delta: &Delta) -> Result<(), StoreError> {
        let mut rows: Vec<(Key, Counters)> = Vec::new();
        for (key, counters) in delta.rows() {
            rows.push((*key, *counters));
            if key.grain == Grain::Day && key.table != Table::Flow {
                let month = day_of(key.bucket).month();
                rows.push((Key { grain: Grain::Month, bucket: i64::from(month.0), ..*key }, *counters));
            }
        }
        // Days of one month land in one row; neighbours in the key are neighbours in the file.
        rows.sort_unstable_by_key(|(key, _)| *key);
        let mut rows = rows.into_iter().peekable();
        let mut stamped = None;
        while let Some((key, mut counters)) = rows.next() {
            if stamped.replace((key.grain, key.bucket)) != Some((key.grain, key.bucket)) {
                self.stamp(site, key.grain, key.bucket);
            }
            while let Some((_, more)) = rows.next_if(|(next, _)| *next == key) {
                counters += more;
            }
            self.add_row(site, &key, &counters)?;
        }
        Ok(())
    }

    fn add_row(&mut self, site: SiteId, key: &Key, counters: &Counters) -> Result<(), StoreError> {
        let (table, sql, layout) = (key.table as usize, sql_of(key.table), Layout::of(key.table));
        let (grain, role) = (key.grain as i64, i64::from(key.role));
        let (value, second) = (i64::from(key.value.0), i64::from(key.second.0));
        let key = [i64::from(site.0), grain, role, key.bucket, value, second];
        let key = &key[..layout.key_columns()];
        let values = counters.values();
        let counts = layout.counters.iter().map(|place| &values[*place]);
        held(&mut self.held.add[table], self.conn, &sql.add)?
            .execute(params_from_iter(key.iter().chain(counts)))?;
        if values.iter().any(|counter| *counter < 0) {
            held(&mut self.held.drop_if_zero[table], self.conn, &sql.drop_if_zero)?
                .execute(params_from_iter(key))?;
        }
        Ok(())
    }

    /// Deletes a row that has no counts: none should be there, and adding nothing would keep it.
    pub fn drop_row_if_zero(&mut self, site: SiteId, key: &Key) -> Result<(), StoreError> {
        self.stamp(site, key.grain, key.bucket);
        let (grain, role) = (key.grain as i64, i64::from(key.role));
        let (value, second) = (i64::from(key.value.0), i64::from(key.second.0));
        let columns = [i64::from(site.0), grain, role, key.bucket, value, second];
        let columns = &columns[..Layout::of(key.table).key_columns()];
        self.tx.prepare_cached(&sql_of(key.table).drop_if_zero)?.execute(params_from_iter(columns))?;
        Ok(())
    }

    /// Deletes every statistic's rows with buckets from `from` to `to`.
    pub fn drop_rows(&mut self, site: SiteId, grain: Grain, from: i64, to: i64) -> Result<(), StoreError> {
        self.stamp_all(site, grain)?;
        for table in Table::ALL {
            let sql = format!(
                "DELETE FROM {} WHERE site = ?1 AND grain = ?2 AND role = ?3 AND bucket BETWEEN ?4 AND ?5",
                table.name()
            );
            for role in roles(&self.tx, site, table, grain)? {
                self.tx.prepare_cached(&sql)?.execute((site.0, grain as u8, role, from, to))?;
            }
        }
        Ok(())
    }

    /// Makes a month's rows the sums of its days' rows.
    pub fn sum_month(&mut self, site: SiteId, month: Month) -> Result<(), StoreError> {
        let days = (month.first_day().0, month.next().first_day().0 - 1);
        self.drop_rows(site, Grain::Month, i64::from(month.0), i64::from(month.0))?;
        self.stamp(site, Grain::Month, i64::from(month.0));
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Flow) {
            let (name, layout) = (table.name(), Layout::of(table));
            let (key, values) = (layout.key(), layout.values());
            let columns = layout.each(", ", str::to_owned);
            let sums = layout.each(", ", |c| format!("sum({c})"));
            let add = format!(
                "INSERT INTO {name} ({key}, {columns})
                 SELECT site, 2, role, ?3, {values}, {sums} FROM {name}
                 WHERE site = ?1 AND grain = 1 AND role = ?2 AND bucket BETWEEN ?4 AND ?5
                 GROUP BY {values}"
            );
            for role in roles(&self.tx, site, table, Grain::Day)? {
                self.tx.prepare_cached(&add)?.execute((site.0, role, month.0, days.0, days.1))?;
            }
        }
        Ok(())
    }
}

fn day_of(bucket: i64) -> LocalDay {
    LocalDay(i32::try_from(bucket).unwrap_or_default())
}

/// The roles that a table's rows have, whichever they are: the key's order serves a range of buckets
/// within one role only, and a scan of the grain for every day would make proofs quadratic.
fn roles(conn: &Connection, site: SiteId, table: Table, grain: Grain) -> Result<Vec<u8>, StoreError> {
    let sql = format!("SELECT min(role) FROM {} WHERE site = ?1 AND grain = ?2 AND role > ?3", table.name());
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found: Vec<u8> = Vec::new();
    loop {
        let last = found.last().map_or(-1, |role| i64::from(*role));
        match statement.query_row((site.0, grain as u8, last), |row| row.get::<_, Option<u8>>(0))? {
            Some(role) => found.push(role),
            None => return Ok(found),
        }
    }
}

/// Rows of a table with buckets in `[from, to]`, in the order of their keys; all roles where none is
/// given.
pub(super) fn each_row(
    conn: &Connection,
    site: SiteId,
    table: Table,
    grain: Grain,
    role: Option<u8>,
    (from, to): (i64, i64),
    each: &mut dyn FnMut(Key, Counters) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let columns = Layout::of(table).read();
    let sql = format!(
        "SELECT {columns} FROM {}
         WHERE site = ?1 AND grain = ?2 AND role = ?3 AND bucket BETWEEN ?4 AND ?5 ORDER BY {}",
        table.name(),
        order_of(table)
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let roles = role.map_or_else(|| roles(conn, site, table, grain), |role| Ok(vec![role]))?;
    for role in roles {
        let mut rows = statement.query((site.0, grain as u8, role, from, to))?;
        while let Some(row) = rows.next()? {
            let (key, counters) = parse(row, table, grain, role)?;
            each(key, counters)?;
        }
    }
    Ok(())
}

/// The columns of a key after the role, which are its order.
fn order_of(table: Table) -> String {
    format!("bucket, {}", Layout::of(table).values())
}

/// Columns that the table does not have are zero.
fn parse(row: &Row<'_>, table: Table, grain: Grain, role: u8) -> rusqlite::Result<(Key, Counters)> {
    let layout = Layout::of(table);
    let (bucket, value) = (row.get(0)?, ValueId(row.get(1)?));
    let (second, first) = if layout.has_second { (ValueId(row.get(2)?), 3) } else { (ValueId::NONE, 2) };
    let mut counters = [0; Counters::NAMES.len()];
    for (column, place) in layout.counters.iter().enumerate() {
        counters[*place] = row.get(first + column)?;
    }
    Ok((Key { table, grain, role, bucket, value, second }, Counters::from_values(counters)))
}

/// At most `max` rows of a table with buckets in `[from, to]` past the key `after`, in the order of
/// their keys; true where that is all of them.
pub(super) fn row_piece(
    conn: &Connection,
    site: SiteId,
    (table, grain): (Table, Grain),
    (from, to): (i64, i64),
    after: Option<Key>,
    max: usize,
    each: &mut dyn FnMut(Key, Counters),
) -> Result<bool, StoreError> {
    let (columns, order) = (Layout::of(table).read(), order_of(table));
    // Compared as a whole, so that the key's order finds the place.
    let place = if Layout::of(table).has_second { "(?4, ?5, ?6)" } else { "(?4, ?5 + 0 * ?6)" };
    let sql = format!(
        "SELECT {columns} FROM {} WHERE site = ?1 AND grain = ?2 AND role = ?3
             AND ({order}) > {place} AND bucket <= ?7 ORDER BY {order}",
        table.name()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut left = max;
    for role in roles(conn, site, table, grain)? {
        let (bucket, value, second) = match after {
            Some(key) if key.role > role => continue,
            Some(key) if key.role == role => (key.bucket, i64::from(key.value.0), i64::from(key.second.0)),
            _ => (from.saturating_sub(1), i64::MAX, i64::MAX),
        };
        let mut rows = statement.query((site.0, grain as u8, role, bucket, value, second, to))?;
        while let Some(row) = rows.next()? {
            let (key, counters) = parse(row, table, grain, role)?;
            each(key, counters);
            left -= 1;
            if left == 0 {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// One statistic's rows with buckets in `[from, to]`.
pub(super) fn read_statistic(
    conn: &Connection,
    site: SiteId,
    statistic: Statistic,
    grain: Grain,
    range: (i64, i64),
    each: &mut dyn FnMut(StatRow),
) -> Result<(), StoreError> {
    let role = (statistic != Statistic::Flow).then(|| statistic.role());
    each_row(conn, site, statistic.table(), grain, role, range, &mut |key, counters| {
        each(StatRow { bucket: key.bucket, value: key.value, second: key.second, counters });
        Ok(())
    })
}
