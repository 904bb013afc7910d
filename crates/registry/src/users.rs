use rusqlite::{Connection, OptionalExtension, Row, params};
use weir_event::Millis;
use weir_event::limits::EMAIL_BYTES_MAX;

use crate::{Registry, RegistryError, password};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(pub u32);

/// Someone who may log in. Every user may do everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub created: Millis,
}

impl Registry {
    /// Adds a user. The first one ends the set-up: its code is worthless from then on.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] or [`RegistryError::UserExists`].
    pub fn add_user(&self, email: &str, password: &str) -> Result<User, RegistryError> {
        let email = checked_email(email)?;
        password::check(password)?;
        let hash = self.parts().gate.hash(password)?;
        let now = self.now();
        let user = self.write_shown(|tx| {
            self.forget_setup_code(tx)?;
            insert(tx, &email, &hash, now)
        })?;
        self.remove_setup_file();
        Ok(user)
    }

    /// Gives a user another password and ends all of the user's login sessions.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] or [`RegistryError::NoSuchUser`].
    pub fn set_password(&self, email: &str, password: &str) -> Result<(), RegistryError> {
        let email = checked_email(email)?;
        password::check(password)?;
        let hash = self.parts().gate.hash(password)?;
        self.write(|tx| {
            let (user, _) = find(tx, &email)?.ok_or_else(|| RegistryError::NoSuchUser(email.clone()))?;
            tx.execute("UPDATE users SET password = ?2 WHERE id = ?1", params![user.id.0, hash])?;
            tx.execute("DELETE FROM login_sessions WHERE user = ?1", [user.id.0])?;
            Ok(())
        })
    }

    /// By address.
    ///
    /// # Errors
    /// What the database reports.
    pub fn users(&self) -> Result<Vec<User>, RegistryError> {
        let reader = self.reader()?;
        let mut statement = reader.prepare_cached("SELECT id, email, created FROM users ORDER BY email")?;
        let users = statement.query_map([], read)?.collect::<Result<_, _>>()?;
        Ok(users)
    }

    /// Whether anybody can log in, as of the snapshot.
    pub fn has_users(&self) -> bool {
        self.snapshot().has_users
    }
}

pub(crate) fn any(conn: &Connection) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM users)")?.query_row([], |row| row.get(0))
}

/// The user with this address, and the hash of the password.
pub(crate) fn find(conn: &Connection, email: &str) -> rusqlite::Result<Option<(User, String)>> {
    let mut statement =
        conn.prepare_cached("SELECT id, email, created, password FROM users WHERE email = ?1")?;
    statement.query_row([email], |row| Ok((read(row)?, row.get(3)?))).optional()
}

pub(crate) fn insert(conn: &Connection, email: &str, hash: &str, now: Millis) -> Result<User, RegistryError> {
    if find(conn, email)?.is_some() {
        return Err(RegistryError::UserExists(email.to_owned()));
    }
    let id = conn.query_row(
        "INSERT INTO users (email, password, created) VALUES (?1, ?2, ?3) RETURNING id",
        params![email, hash, now.0],
        |row| row.get(0),
    )?;
    Ok(User { id: UserId(id), email: email.to_owned(), created: now })
}

/// Reads `id, email, created`, the first three columns.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { id: UserId(row.get(0)?), email: row.get(1)?, created: Millis(row.get(2)?) })
}

/// The address as it is compared. Whether it exists is for the mail to find out.
pub(crate) fn checked_email(email: &str) -> Result<String, RegistryError> {
    let email = email.trim();
    if email.len() > EMAIL_BYTES_MAX {
        return Err(RegistryError::Invalid("an e-mail address has at most 254 bytes"));
    }
    let (name, domain) = email.rsplit_once('@').unwrap_or_default();
    if name.is_empty() || domain.is_empty() || email.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(RegistryError::Invalid("an e-mail address is such as me@example.com"));
    }
    Ok(email.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_email(email: &str, kept: Option<&str>) {
        assert_eq!(checked_email(email).ok().as_deref(), kept, "{email:?}");
    }

    #[test]
    fn an_address_is_compared_without_case_and_refused_when_it_is_none() {
        check_email(" Me@Example.COM ", Some("me@example.com"));
        check_email("a@b", Some("a@b"));
        for bad in ["", "@", "me@", "@example.com", "me", "me @example.com", "me@exa\0mple.com", "a@b\nc"] {
            check_email(bad, None);
        }
        let longest = format!("{}@b", "a".repeat(252));
        check_email(&longest, Some(&longest));
        check_email(&format!("a{longest}"), None);
    }
}
