use std::io;
use std::path::{Path, PathBuf};

use weir_sqlite::Trouble;

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{domain:?} is no domain for a site: {why}")]
    InvalidDomain { domain: String, why: &'static str },
    #[error("the site {0} exists already")]
    SiteExists(String),
    #[error("there is no site {0}")]
    NoSuchSite(String),
    /// A text that the caller gave is not acceptable; the sentence says which and why.
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the user {0} exists already")]
    UserExists(String),
    #[error("there is no user {0}")]
    NoSuchUser(String),
    #[error("the set-up code is wrong")]
    WrongSetupCode,
    #[error("there is an owner already")]
    AlreadySetUp,
    #[error("a token named {0:?} exists already")]
    TokenExists(String),
    #[error("there is no token {0:?}")]
    NoSuchToken(String),
    /// Passwords or codes were tried too often.
    #[error("too many tries: wait {retry_after_secs} s")]
    TooManyTries { retry_after_secs: u32 },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The operating system gave no random bytes: nothing secret may be made.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(#[from] getrandom::Error),
    #[error("the password can't be hashed: {0}")]
    Hashing(#[from] argon2::password_hash::Error),
    #[error(transparent)]
    Database(#[from] weir_sqlite::Error),
}

impl RegistryError {
    /// What a caller can do about it where the database or its disk is the cause.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Database(error) => Some(error.trouble()),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for RegistryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(weir_sqlite::Error::from(error).in_file(Path::new("registry.db")))
    }
}
