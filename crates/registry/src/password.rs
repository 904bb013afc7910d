use std::sync::PoisonError;
use std::time::Duration;

use argon2::password_hash::Error;
use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Argon2, Block, Params};
use subtle::ConstantTimeEq;
use weir_event::limits::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, PASSWORD_HASHES_MAX, PASSWORD_WAIT_MS_MAX};

use crate::RegistryError;
use crate::sync::{Condvar, Mutex};

/// What a hash asks the allocator for: more than it uses. The system's allocator keeps what is freed
/// below 32 MiB for later, in each thread's own heap, and logins would leave hundreds of megabytes
/// behind; above, it maps and unmaps. Pages that are never touched cost nothing.
const ASKED_BYTES: usize = 33 * 1024 * 1024;

/// A hash of the usual cost that no password is known for: an unknown address must take as long as a
/// known one.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBzYWx0ISE$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) fn check(password: &str) -> Result<(), RegistryError> {
    if password.len() < PASSWORD_BYTES_MIN {
        return Err(RegistryError::Invalid("a password has at least 8 characters"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(RegistryError::Invalid("a password has at most 1024 bytes"));
    }
    Ok(())
}

/// Lets few passwords be hashed at once: each takes 19 MiB and a core, and anybody may ask for it.
#[derive(Default)]
pub(crate) struct Gate {
    inside: Mutex<usize>,
    left: Condvar,
}

struct Inside<'a>(&'a Gate);

impl Gate {
    /// Argon2id with the library's defaults, which are OWASP's: 19 MiB, two passes, one lane.
    pub(crate) fn hash(&self, password: &str) -> Result<String, RegistryError> {
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        getrandom::fill(&mut salt)?;
        let _inside = self.enter()?;
        let output = digest(password, &salt)?;
        let parts = PasswordHash {
            salt: Some(Salt::new(&salt).map_err(Error::from)?),
            hash: Some(Output::new(&output).map_err(Error::from)?),
            ..PasswordHash::new(NOBODYS).map_err(Error::from)?
        };
        Ok(parts.to_string())
    }

    /// Whether the password is the one of this hash. Without a hash: no, after the same work.
    pub(crate) fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, RegistryError> {
        let _inside = self.enter()?;
        let kept = PasswordHash::new(hash.unwrap_or(NOBODYS)).map_err(Error::from)?;
        let (Some(salt), Some(output)) = (kept.salt, kept.hash) else {
            return Err(RegistryError::from(Error::PasswordInvalid));
        };
        let is_same = digest(password, &salt)?.ct_eq(output.as_ref());
        Ok(bool::from(is_same) && hash.is_some())
    }

    fn enter(&self) -> Result<Inside<'_>, RegistryError> {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = Duration::from_millis(PASSWORD_WAIT_MS_MAX);
        let (mut inside, _) = self
            .left
            .wait_timeout_while(inside, wait, |inside| *inside >= PASSWORD_HASHES_MAX)
            .unwrap_or_else(PoisonError::into_inner);
        if *inside >= PASSWORD_HASHES_MAX {
            return Err(RegistryError::TooManyTries { retry_after_secs: 1 });
        }
        *inside += 1;
        Ok(Inside(self))
    }
}

/// Argon2id of the cost that [`NOBODYS`] names.
fn digest(password: &str, salt: &[u8]) -> Result<[u8; Params::DEFAULT_OUTPUT_LEN], RegistryError> {
    let argon2 = Argon2::default();
    let mut memory: Vec<Block> = Vec::with_capacity(ASKED_BYTES / Block::SIZE);
    memory.resize(argon2.params().block_count(), Block::new());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let made = argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, &mut memory);
    made.map_err(|error| RegistryError::from(Error::from(error)))?;
    Ok(output)
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use weir_testkit::schedules::{Timeouts, check_schedules, run_once, thread};

    use super::*;

    #[test]
    fn only_the_right_password_matches_its_hash() {
        run_once(Timeouts::Never, || {
            let gate = Gate::default();
            let hash = gate.hash("correct horse").expect("hashes");
            assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
            assert!(gate.verify("correct horse", Some(&hash)).expect("verifies"));
            assert!(!gate.verify("correct horsf", Some(&hash)).expect("verifies"));
            assert_ne!(gate.hash("correct horse").expect("hashes"), hash, "each has a salt of its own");
        });
    }

    #[test]
    fn nobodys_hash_costs_the_same_and_matches_nothing() {
        run_once(Timeouts::Never, check_nobodys_hash);
    }

    fn check_nobodys_hash() {
        let parsed = PasswordHash::new(NOBODYS).expect("a hash");
        let real = Gate::default().hash("correct horse").expect("hashes");
        let real = PasswordHash::new(&real).expect("a hash");
        assert_eq!(
            (parsed.algorithm, parsed.version, &parsed.params),
            (real.algorithm, real.version, &real.params)
        );
        assert_eq!(parsed.hash.map(|h| h.len()), real.hash.map(|h| h.len()));
        assert!(!Gate::default().verify("", None).expect("verifies"));
    }

    #[test]
    fn no_more_are_let_in_than_allowed_and_whoever_waits_comes_next() {
        check_schedules(1_000, Timeouts::Never, || {
            let gate = Arc::new(Gate::default());
            let visit = |gate: Arc<Gate>| {
                thread::spawn(move || {
                    let inside = gate.enter().expect("somebody leaves");
                    let now = *gate.inside.lock().expect("whole");
                    assert!((1..=PASSWORD_HASHES_MAX).contains(&now), "{now} inside");
                    drop(inside);
                })
            };
            let visits: Vec<_> = (0..PASSWORD_HASHES_MAX + 3).map(|_| visit(Arc::clone(&gate))).collect();
            visits.into_iter().for_each(|thread| thread.join().expect("no panic"));
            assert_eq!(*gate.inside.lock().expect("whole"), 0);
        });
    }

    #[test]
    fn whoever_waits_too_long_is_sent_away_and_takes_no_place() {
        run_once(Timeouts::AtAnyTime, || {
            let gate = Gate::default();
            let _inside: Vec<_> = (0..PASSWORD_HASHES_MAX).map(|_| gate.enter().expect("enters")).collect();
            assert!(matches!(gate.enter(), Err(RegistryError::TooManyTries { .. })));
            assert_eq!(*gate.inside.lock().expect("whole"), PASSWORD_HASHES_MAX);
        });
    }

    #[test]
    fn the_length_of_a_password_is_checked_at_its_limits() {
        for (bytes, ok) in [(7, false), (8, true), (1_024, true), (1_025, false)] {
            assert_eq!(check(&"x".repeat(bytes)).is_ok(), ok, "{bytes} bytes");
        }
    }
}
