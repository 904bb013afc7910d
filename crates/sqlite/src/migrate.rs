use rusqlite::{Connection, TransactionBehavior};
use weir_fault::Point;

use crate::Error;

/// One step of a schema: SQL that brings a file from version `n` to `n + 1`. Never edited once
/// released: a file that has run it would differ from one that has not.
pub type Migration<'a> = &'a str;

/// Brings the file to `migrations.len()`, each step in a transaction of its own.
///
/// # Errors
/// A file of a newer program is refused and left as it is.
pub fn migrate(conn: &mut Connection, migrations: &[Migration<'_>]) -> Result<(), Error> {
    let version = version_of(conn)?;
    if version > migrations.len() {
        return Err(Error::refusal(format!(
            "the file has schema version {version}, this program knows {}: run the newer program that wrote it",
            migrations.len()
        )));
    }
    for (done, step) in migrations.iter().enumerate().skip(version) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have run the step while this one waited for the lock.
        let now = version_of(&tx)?;
        if now <= done {
            tx.execute_batch(step)?;
            tx.pragma_update(None, "user_version", as_sql(done + 1))?;
        }
        weir_fault::pass(Point::SchemaWritten);
        tx.commit()?;
    }
    Ok(())
}

fn version_of(conn: &Connection) -> Result<usize, Error> {
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version as usize)
}

fn as_sql(version: usize) -> u32 {
    u32::try_from(version).expect("a schema has fewer steps than u32 counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_once_and_in_order() {
        let mut conn = Connection::open_in_memory().expect("opens");
        migrate(&mut conn, &["CREATE TABLE a(x)"]).expect("first");
        migrate(&mut conn, &["CREATE TABLE a(x)", "ALTER TABLE a ADD COLUMN y"]).expect("second");
        conn.execute("INSERT INTO a(x, y) VALUES (1, 2)", []).expect("both steps ran");
    }

    #[test]
    fn a_file_of_a_newer_program_is_refused() {
        let mut conn = Connection::open_in_memory().expect("opens");
        migrate(&mut conn, &["CREATE TABLE a(x)", "CREATE TABLE b(x)"]).expect("runs");
        let error = migrate(&mut conn, &["CREATE TABLE a(x)"]).expect_err("newer");
        assert!(error.to_string().contains("schema version 2"), "{error}");
    }
}
