//! A database whose files were deleted lives on in the open connection, and nowhere else. It is
//! written to a new file before the connection lets go of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::place::with_ending;
use crate::{Error, Trouble};

/// A copy that is being written.
const UNFINISHED: &str = ".rescuing";
/// A copy that is whole, and newer than what stands in its place.
const FINISHED: &str = ".rescued";
/// What a connection held when somebody else's file was put in its file's place.
const DISPLACED: &str = ".displaced";

/// Puts all that the connection sees, committed since or not yet checkpointed, where its file stood.
/// The connection goes on writing to the old one: open a new one.
pub(crate) fn put_back(conn: &Connection, path: &Path) -> Result<(), Error> {
    copy(conn, path, FINISHED)?;
    finish(path)
}

/// Keeps what the connection holds beside a file that somebody else put there; returns where. From
/// here on the connection is not to be trusted: whoever opens the other file takes our WAL for its.
pub(crate) fn keep_beside(conn: &Connection, path: &Path) -> Result<PathBuf, Error> {
    let ending = free_ending(path);
    copy(conn, path, &ending)?;
    Ok(with_ending(path, &ending))
}

/// Puts what was kept beside where it belongs, once nothing else stands there.
pub(crate) fn put_kept_back(kept: &Path, path: &Path) -> Result<(), Error> {
    fs::rename(kept, with_ending(path, FINISHED)).map_err(|error| failed(path, &error))?;
    finish(path)
}

/// What an earlier mishap left beside may be somebody's only copy.
fn free_ending(path: &Path) -> String {
    let numbered = (2..).map(|n| format!("{DISPLACED}-{n}"));
    let mut endings = std::iter::once(DISPLACED.to_owned()).chain(numbered);
    endings.find(|ending| !with_ending(path, ending).exists()).expect("there is no end of numbers")
}

/// Completes what a crash may have interrupted. To be called before the file is opened.
pub(crate) fn finish(path: &Path) -> Result<(), Error> {
    let copy = with_ending(path, FINISHED);
    if !copy.exists() {
        return Ok(());
    }
    let done = || {
        // They belong to the file that is gone; the copy holds what they held.
        for ending in ["-wal", "-shm"] {
            remove(&with_ending(path, ending))?;
        }
        fs::rename(&copy, path)?;
        sync_folder(path)
    };
    done().map_err(|error| failed(path, &error))
}

fn copy(conn: &Connection, path: &Path, ending: &str) -> Result<(), Error> {
    let unfinished = with_ending(path, UNFINISHED);
    let made = remove(&unfinished).and_then(|()| create(&unfinished));
    made.map_err(|error| failed(path, &error))?;
    let mut to = Connection::open(&unfinished).map_err(|error| Error::at(&unfinished, error))?;
    let step = Backup::new(conn, &mut to).and_then(|backup| backup.step(-1));
    match step.map_err(|error| Error::at(&unfinished, error))? {
        StepResult::Done => {}
        _ => return Err(Error::refusal(format!("{} is locked", path.display())).with(Trouble::Busy)),
    }
    drop(to);
    let keep = || {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, with_ending(path, ending))?;
        sync_folder(path)
    };
    keep().map_err(|error| failed(path, &error))
}

/// For its owner only: it may hold password hashes, and SQLite keeps the mode.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path).map(drop)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> Error {
    let trouble = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::Full,
        _ => Trouble::Missing,
    };
    let said = format!(
        "{} was deleted while the server runs and can't be written anew yet: {error}. \
         Don't stop the server; let there be its folder, and room in it",
        path.display()
    );
    Error::refusal(said).with(trouble)
}
