use std::io::{self, Write};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::secret::{Proof, Purpose};
use crate::{LoginSession, Registry, RegistryError, password, private_file, users};

const FILE: &str = "setup-code";

/// Digits and letters that nobody confuses: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Registry {
    /// The code that lets whoever reads the server's output become its owner; `None` once there is a
    /// user. Asked again it is the same one: it is kept in a file next to the database.
    ///
    /// # Errors
    /// What the database or the file report.
    pub fn setup_code(&self) -> Result<Option<String>, RegistryError> {
        let code = self.write(|tx| {
            if users::any(tx)? {
                self.forget_setup_code(tx)?;
                return Ok(None);
            }
            if let Some(code) = self.kept_setup_code(tx)? {
                return Ok(Some(code));
            }
            let code = random_code()?;
            self.write_setup_file(&code).map_err(|source| self.setup_file_failed(source))?;
            let hash = Proof::of(Purpose::SetupCode, &plain(&code)).hash;
            tx.execute("INSERT OR REPLACE INTO setup_code (only, hash) VALUES (1, ?1)", [hash])?;
            Ok(Some(code))
        })?;
        if code.is_none() {
            self.remove_setup_file();
        }
        Ok(code)
    }

    /// Makes the first user and logs it in. Blocks while it hashes.
    ///
    /// # Errors
    /// [`RegistryError::AlreadySetUp`], [`RegistryError::WrongSetupCode`],
    /// [`RegistryError::TooManyTries`] or [`RegistryError::Invalid`].
    pub fn set_up_owner(
        &self,
        code: &str,
        email: &str,
        password: &str,
    ) -> Result<LoginSession, RegistryError> {
        if users::any(&*self.reader()?)? {
            return Err(RegistryError::AlreadySetUp);
        }
        self.parts().tries.take_setup(self.now())?;
        let proof = Proof::of(Purpose::SetupCode, &plain(code));
        require(&*self.reader()?, &proof)?;
        self.parts().tries.give_back_setup();

        let email = users::checked_email(email)?;
        password::check(password)?;
        let hash = self.parts().gate.hash(password)?;
        let user = self.write_shown(|tx| {
            // Asked again under the lock: of two who have the code, one becomes the owner.
            if users::any(tx)? {
                return Err(RegistryError::AlreadySetUp);
            }
            require(tx, &proof)?;
            self.forget_setup_code(tx)?;
            users::insert(tx, &email, &hash, self.now())
        })?;
        self.remove_setup_file();
        self.start_session(user, &hash)?.ok_or(RegistryError::AlreadySetUp)
    }

    pub(crate) fn forget_setup_code(&self, tx: &Transaction<'_>) -> Result<(), RegistryError> {
        tx.execute("DELETE FROM setup_code", [])?;
        Ok(())
    }

    /// After the commit that made the code worthless, so that failing here harms nobody.
    pub(crate) fn remove_setup_file(&self) {
        if let Err(error) = private_file::remove(&self.setup_file()) {
            tracing::warn!(%error, "the used set-up code's file can't be removed");
        }
    }

    /// The code in the file, if it is the one that the database expects.
    fn kept_setup_code(&self, tx: &Transaction<'_>) -> Result<Option<String>, RegistryError> {
        let code = match std::fs::read_to_string(self.setup_file()) {
            Ok(text) => text.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.setup_file_failed(error)),
        };
        let proof = Proof::of(Purpose::SetupCode, &plain(&code));
        match require(tx, &proof) {
            Ok(()) => Ok(Some(code)),
            Err(RegistryError::WrongSetupCode) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write_setup_file(&self, code: &str) -> io::Result<()> {
        let mut file = private_file::create(&self.setup_file())?;
        writeln!(file, "{code}")?;
        file.sync_all()
    }

    fn setup_file(&self) -> PathBuf {
        self.parts().data.join(FILE)
    }

    fn setup_file_failed(&self, source: io::Error) -> RegistryError {
        RegistryError::File { path: self.setup_file(), source }
    }
}

fn require(conn: &Connection, proof: &Proof) -> Result<(), RegistryError> {
    let mut statement = conn.prepare_cached("SELECT hash FROM setup_code")?;
    let kept: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
    if kept.is_some_and(|kept| proof.matches(&kept)) { Ok(()) } else { Err(RegistryError::WrongSetupCode) }
}

/// 80 random bits in four groups of four.
fn random_code() -> Result<String, RegistryError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let letters: Vec<u8> = bytes.iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect();
    let groups: Vec<_> = letters.chunks(4).map(String::from_utf8_lossy).collect();
    Ok(groups.join("-"))
}

/// A code as it is compared: however a person groups it and whichever look-alikes they read in it.
fn plain(code: &str) -> String {
    let letter = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    // Longer than any code; the rest can't make it right.
    code.chars().filter(|c| c.is_ascii_alphanumeric()).take(17).map(letter).collect()
}
