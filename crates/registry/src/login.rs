use std::fmt;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use weir_event::Millis;
use weir_event::limits::{
    LOGIN_ADDRESSES_MAX, LOGIN_SESSION_MS, LOGIN_SESSIONS_PER_USER_MAX, LOGIN_TRIES_ANY_MAX, LOGIN_TRIES_MAX,
    LOGIN_TRY_ANY_MS, LOGIN_TRY_MS, SETUP_TRIES_MAX, SETUP_TRY_MS,
};

use crate::secret::{self, Proof, Purpose};
use crate::throttle::{Allowance, Rate, Throttle};
use crate::{Registry, RegistryError, User, users};

const ANY: Rate = Rate { tries_max: LOGIN_TRIES_ANY_MAX, try_ms: LOGIN_TRY_ANY_MS };
const EACH: Rate = Rate { tries_max: LOGIN_TRIES_MAX, try_ms: LOGIN_TRY_MS };
const SETUP: Rate = Rate { tries_max: SETUP_TRIES_MAX, try_ms: SETUP_TRY_MS };

/// A login that succeeded. The browser alone knows the token; its hash is kept.
#[derive(Clone)]
pub struct LoginSession {
    pub token: String,
    pub user: User,
    pub expires: Millis,
}

impl Registry {
    /// Logs in. `None` for a wrong address or password, which take the same time; blocks while it
    /// hashes.
    ///
    /// # Errors
    /// [`RegistryError::TooManyTries`] when wrong passwords came too fast.
    pub fn login(&self, email: &str, password: &str) -> Result<Option<LoginSession>, RegistryError> {
        let Some((user, hash)) = self.verified(email, password)? else { return Ok(None) };
        self.start_session(user, &hash)
    }

    /// Whether this is the user's password; tries are limited as for a login.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub fn check_password(&self, email: &str, password: &str) -> Result<bool, RegistryError> {
        Ok(self.verified(email, password)?.is_some())
    }

    /// Who holds this token, while the session lasts.
    pub fn session(&self, token: &str) -> Option<User> {
        let proof = Proof::of(Purpose::LoginSession, bounded(token)?);
        match self.reader().and_then(|reader| Ok(find(&reader, &proof, self.now())?)) {
            Ok(user) => user,
            Err(error) => {
                tracing::warn!(%error, "a login session can't be looked up");
                None
            }
        }
    }

    /// Ends a session; one that has ended already is left alone.
    pub fn logout(&self, token: &str) {
        let Some(token) = bounded(token) else { return };
        let proof = Proof::of(Purpose::LoginSession, token);
        let ended = self.write(|tx| {
            tx.execute(
                "DELETE FROM login_sessions WHERE prefix = ?1 AND hash = ?2",
                params![proof.prefix, proof.hash],
            )?;
            Ok(())
        });
        if let Err(error) = ended {
            tracing::warn!(%error, "a login session can't be ended; it expires by itself");
        }
    }

    /// Starts a session for a user whose password has just been proved to have this `hash`. `None`
    /// if it was changed meanwhile: that ended all sessions, and this must not be one more.
    pub(crate) fn start_session(
        &self,
        user: User,
        hash: &str,
    ) -> Result<Option<LoginSession>, RegistryError> {
        let token = secret::random()?;
        let proof = Proof::of(Purpose::LoginSession, &token);
        let now = self.now();
        let expires = now + LOGIN_SESSION_MS;
        let started = self.write(|tx| {
            tx.execute("DELETE FROM login_sessions WHERE expires <= ?1", [now.0])?;
            let started = tx.execute(
                "INSERT INTO login_sessions (prefix, hash, user, created, expires)
                 SELECT ?1, ?2, id, ?3, ?4 FROM users WHERE id = ?5 AND password = ?6",
                params![proof.prefix, proof.hash, now.0, expires.0, user.id.0, hash],
            )?;
            keep_newest(tx, &user)?;
            Ok(started == 1)
        })?;
        Ok(started.then_some(LoginSession { token, user, expires }))
    }

    fn verified(&self, email: &str, password: &str) -> Result<Option<(User, String)>, RegistryError> {
        let email = users::checked_email(email).ok();
        let tried = email.clone().unwrap_or_default();
        self.parts().tries.take_login(&tried, self.now())?;
        let found = match &email {
            Some(email) => users::find(&*self.reader()?, email)?,
            None => None,
        };
        let is_right = self.parts().gate.verify(password, found.as_ref().map(|(_, hash)| hash.as_str()))?;
        if is_right {
            self.parts().tries.give_back_login(&tried);
        }
        Ok(found.filter(|_| is_right))
    }
}

fn find(conn: &Connection, proof: &Proof, now: Millis) -> rusqlite::Result<Option<User>> {
    let mut statement = conn.prepare_cached(
        "SELECT u.id, u.email, u.created, s.hash FROM login_sessions s JOIN users u ON u.id = s.user
         WHERE s.prefix = ?1 AND s.expires > ?2",
    )?;
    let found = statement
        .query_row(params![proof.prefix, now.0], |row| Ok((users::read(row)?, row.get::<_, Vec<u8>>(3)?)))
        .optional()?;
    Ok(found.filter(|(_, hash)| proof.matches(hash)).map(|(user, _)| user))
}

fn keep_newest(conn: &Connection, user: &User) -> rusqlite::Result<()> {
    conn.execute(
        "DELETE FROM login_sessions WHERE user = ?1 AND prefix NOT IN (
             SELECT prefix FROM login_sessions WHERE user = ?1 ORDER BY created DESC, rowid LIMIT ?2)",
        params![user.id.0, LOGIN_SESSIONS_PER_USER_MAX as i64],
    )?;
    Ok(())
}

/// Refuses at once what is longer than any token: it would be hashed for nothing.
fn bounded(token: &str) -> Option<&str> {
    Some(token).filter(|token| token.len() <= 128)
}

/// Wrong passwords and codes of late. In memory: a restart forgives.
pub(crate) struct Tries(Mutex<TriesLeft>);

struct TriesLeft {
    each: Throttle<String>,
    any: Allowance,
    setup: Allowance,
}

impl Default for Tries {
    fn default() -> Self {
        let each = Throttle::new(EACH, LOGIN_ADDRESSES_MAX);
        Self(Mutex::new(TriesLeft { each, any: Allowance::default(), setup: Allowance::default() }))
    }
}

impl Tries {
    fn take_login(&self, email: &str, now: Millis) -> Result<(), RegistryError> {
        let mut left = self.left();
        left.each.take(&email.to_owned(), now).map_err(too_many)?;
        left.any.take(ANY, now).map_err(too_many)
    }

    fn give_back_login(&self, email: &str) {
        let mut left = self.left();
        left.each.give_back(&email.to_owned());
        left.any.give_back(ANY);
    }

    pub(crate) fn take_setup(&self, now: Millis) -> Result<(), RegistryError> {
        self.left().setup.take(SETUP, now).map_err(too_many)
    }

    pub(crate) fn give_back_setup(&self) {
        self.left().setup.give_back(SETUP);
    }

    fn left(&self) -> std::sync::MutexGuard<'_, TriesLeft> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(wait_ms: i64) -> RegistryError {
    let secs = (wait_ms + Millis::SECOND - 1) / Millis::SECOND;
    RegistryError::TooManyTries { retry_after_secs: u32::try_from(secs).unwrap_or(u32::MAX) }
}

impl fmt::Debug for LoginSession {
    /// Without the token, which must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginSession").field("user", &self.user).field("expires", &self.expires).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use weir_testkit::TestClock;
    use weir_testkit::schedules::{Timeouts, run_once};

    use super::*;

    #[test]
    fn a_password_changed_during_a_login_starts_no_session() {
        run_once(Timeouts::Never, || {
            let folder = tempfile::tempdir().expect("a folder");
            let clock = Arc::new(TestClock::at(Millis(0)));
            let registry = Registry::open(folder.path(), clock).expect("opens");
            registry.add_user("me@example.com", "correct horse").expect("adds");
            let (user, hash) =
                registry.verified("me@example.com", "correct horse").expect("no error").expect("right");
            registry.set_password("me@example.com", "battery staple").expect("sets");
            assert!(registry.start_session(user, &hash).expect("no error").is_none());
        });
    }
}
