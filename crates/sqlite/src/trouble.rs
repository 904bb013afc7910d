use std::path::{Path, PathBuf};

use rusqlite::ffi;

/// What went wrong, by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Another connection holds the lock: try again.
    Busy,
    /// No room on the disk: refuse writes, go on reading, try again later.
    Full,
    /// The file or its folder cannot be written.
    ReadOnly,
    /// The disk reports an error: try again within bounds.
    Io,
    /// The file is damaged, or is no database: stop, and say what helps.
    Corrupt,
    /// The file is not there.
    Missing,
    /// Another file was put in its place while it was open.
    Replaced,
    /// The file is of a newer program, or the SQLite inside is too old.
    Refused,
    /// A mistake of the program.
    Other,
}

/// A driver's error, its kind, and the file it happened in where that is known.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", path.as_ref().map(|p| format!("{}: ", p.display())).unwrap_or_default(), message)]
pub struct Error {
    trouble: Trouble,
    path: Option<PathBuf>,
    message: String,
    #[source]
    source: Option<rusqlite::Error>,
}

impl Error {
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// Whether trying the same again can help by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self.trouble, Trouble::Busy | Trouble::Io | Trouble::Full)
    }

    /// Whether it can end without anybody mending the file itself: the disk gets room, the folder is
    /// mounted again, the server writes the file anew.
    pub fn may_pass(&self) -> bool {
        match self.trouble {
            Trouble::Busy | Trouble::Io | Trouble::Full | Trouble::ReadOnly => true,
            Trouble::Missing | Trouble::Replaced => true,
            Trouble::Corrupt | Trouble::Refused | Trouble::Other => false,
        }
    }

    pub fn at(path: &Path, error: rusqlite::Error) -> Self {
        Self { path: Some(path.to_owned()), ..Self::from(error) }
    }

    /// An error of our own making: nothing was done.
    pub fn refusal(message: String) -> Self {
        Self { trouble: Trouble::Refused, path: None, message, source: None }
    }

    /// The same, with the file's name where it is not known yet.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self.source {
            Some(_) if self.path.is_none() => Self { path: Some(path.to_owned()), ..self },
            _ => self,
        }
    }

    #[must_use]
    pub fn with(self, trouble: Trouble) -> Self {
        Self { trouble, ..self }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|e| e.extended_code);
        let message = match code {
            Some(INDEX_CANNOT_GROW) => "the disk is full: the index of the log can't grow".to_owned(),
            _ => error.to_string(),
        };
        Self { trouble: code.map_or(Trouble::Other, sort), path: None, message, source: Some(error) }
    }
}

/// SQLite calls it an error of the disk, but it needs room and nothing else.
const INDEX_CANNOT_GROW: i32 = ffi::SQLITE_IOERR_SHMSIZE;

fn sort(extended_code: i32) -> Trouble {
    match extended_code & 0xff {
        _ if extended_code == INDEX_CANNOT_GROW => Trouble::Full,
        // The locks of a WAL are being moved by others, and SQLite lost patience.
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => Trouble::Busy,
        ffi::SQLITE_FULL => Trouble::Full,
        ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => Trouble::ReadOnly,
        ffi::SQLITE_IOERR => Trouble::Io,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Trouble::Corrupt,
        _ => Trouble::Other,
    }
}
