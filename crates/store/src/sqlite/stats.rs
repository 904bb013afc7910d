//! Rows of the statistics.

use rusqlite::{Connection, params_from_iter};
use weir_event::{DayFrame, Grain, LocalDay, Month, SiteId};
use weir_rollups::{Counters, Delta, Key, Statistic, Table, ValueId};

use super::batch::Batch;
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
        while let Some((key, mut counters)) = rows.next() {
            while let Some((_, more)) = rows.next_if(|(next, _)| *next == key) {
                counters += more;
            }
            self.add_row(site, &key, &counters)?;
        }
        Ok(())
    }

    fn add_row(&mut self, site: SiteId, key: &Key, counters: &Counters) -> Result<(), StoreError> {
        let (sql, layout) = (sql_of(key.table), Layout::of(key.table));
        let (grain, role) = (key.grain as i64, i64::from(key.role));
        let (value, second) = (i64::from(key.value.0), i64::from(key.second.0));
        let key = [i64::from(site.0), grain, role, key.bucket, value, second];
        let key = &key[..layout.key_columns()];
        let values = counters.values();
        let counts = layout.counters.iter().map(|place| &values[*place]);
        self.tx.prepare_cached(&sql.add)?.execute(params_from_iter(key.iter().chain(counts)))?;
        if values.iter().any(|counter| *counter < 0) {
            self.tx.prepare_cached(&sql.drop_if_zero)?.execute(params_from_iter(key))?;
        }
        Ok(())
    }

    /// Puts a day's statistics in place of whatever rows the day and its hours have. Months are left
    /// as they are: see [`Batch::sum_month`].
    pub fn replace_day(&mut self, site: SiteId, day: &DayFrame, delta: &Delta) -> Result<(), StoreError> {
        let bucket = i64::from(day.day.0);
        self.drop_rows(site, Grain::Day, bucket, bucket)?;
        self.drop_rows(site, Grain::Hour, day.start.secs(), day.end.secs() - 1)?;
        for (key, counters) in delta.rows() {
            self.add_row(site, key, counters)?;
        }
        Ok(())
    }

    /// Deletes every statistic's rows with buckets from `from` to `to`.
    pub fn drop_rows(&mut self, site: SiteId, grain: Grain, from: i64, to: i64) -> Result<(), StoreError> {
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

/// Rows of a table with buckets in `[from, to]`; all roles where none is given.
pub(super) fn each_row(
    conn: &Connection,
    site: SiteId,
    table: Table,
    grain: Grain,
    role: Option<u8>,
    (from, to): (i64, i64),
    each: &mut dyn FnMut(Key, Counters) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let columns = Layout::of(table).all_columns();
    let sql = format!(
        "SELECT bucket, value, {columns} FROM {}
         WHERE site = ?1 AND grain = ?2 AND role = ?3 AND bucket BETWEEN ?4 AND ?5",
        table.name()
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let roles = role.map_or_else(|| roles(conn, site, table, grain), |role| Ok(vec![role]))?;
    for role in roles {
        let mut rows = statement.query((site.0, grain as u8, role, from, to))?;
        while let Some(row) = rows.next()? {
            let mut counters = [0; 8];
            for (i, counter) in counters.iter_mut().enumerate() {
                *counter = row.get(3 + i)?;
            }
            let (bucket, value, second) = (row.get(0)?, ValueId(row.get(1)?), ValueId(row.get(2)?));
            each(Key { table, grain, role, bucket, value, second }, Counters::from_values(counters))?;
        }
    }
    Ok(())
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
