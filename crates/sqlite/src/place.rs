use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{Error, Trouble};

/// What a database is made of while it is open. Losing any of them loses commits: the WAL holds the
/// latest ones, and without the shared memory two processes no longer see each other's locks.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

/// Where the files of an open database are. SQLite goes on writing to a file that was deleted or
/// replaced, and all of it is gone when the process ends: who promises that a commit stays has to
/// look whether the names still stand for the open files.
#[derive(Debug, Clone)]
pub struct Place {
    path: PathBuf,
    /// `None` where the file system knows no such file: then there is nothing to compare.
    files: [Option<FileId>; ENDINGS.len()],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Place {
    /// Of a database that was opened a moment ago and has been read since.
    pub fn of(path: &Path) -> Self {
        let id = |ending| fs::metadata(with_ending(path, ending)).ok().map(|found| FileId::of(&found));
        Self { path: path.to_owned(), files: ENDINGS.map(id) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// [`Trouble::Missing`] where a file was deleted, [`Trouble::Replaced`] where another one that holds
    /// something stands in its place; both name it.
    pub fn check(&self) -> Result<(), Error> {
        for (ending, open) in ENDINGS.into_iter().zip(self.files) {
            let Some(open) = open else { continue };
            let path = with_ending(&self.path, ending);
            match fs::metadata(&path) {
                Ok(found) if FileId::of(&found) == open => {}
                // Whoever opens a database whose WAL was deleted makes an empty one; shared memory is
                // made anew from the WAL.
                Ok(found) if ending == "-shm" || (ending == "-wal" && found.len() == 0) => {
                    return Err(deleted(&path));
                }
                Ok(_) => return Err(replaced(&path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(deleted(&path)),
                Err(error) => return Err(unseen(&path, &error)),
            }
        }
        Ok(())
    }

    /// Whether another database stands in its place by now: for readers, who then open that one. A
    /// file that is merely gone is still whole for those who have it open.
    pub fn is_superseded(&self) -> bool {
        let Some(open) = self.files[0] else { return false };
        fs::metadata(&self.path).is_ok_and(|found| FileId::of(&found) != open)
    }
}

pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn deleted(path: &Path) -> Error {
    let said = format!("{} was deleted while the server runs", path.display());
    Error::refusal(said).with(Trouble::Missing)
}

fn replaced(path: &Path) -> Error {
    let said = format!(
        "{} was replaced while the server runs: stop the server before putting files in place",
        path.display()
    );
    Error::refusal(said).with(Trouble::Replaced)
}

fn unseen(path: &Path, error: &io::Error) -> Error {
    Error::refusal(format!("{} can't be looked at: {error}", path.display())).with(Trouble::Io)
}
