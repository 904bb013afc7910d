//! The one folder, and who may write to it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The data folder and what lies in it.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder(PathBuf);

/// Held by the one process that drains the queue. The operating system lets go of it when the
/// process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl DataFolder {
    /// # Errors
    /// The folder isn't there, which for all commands but `serve` and `add` is a mistake.
    pub fn existing(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            bail!(
                "there is no data folder {}: give the server's with --data DIR, or start one with `weir serve`",
                path.display()
            );
        }
        Ok(Self(path.to_owned()))
    }

    /// Makes the folder where it is missing, open to its owner only; one that is there keeps the
    /// permissions that it was given.
    ///
    /// # Errors
    /// It can't be made or written to.
    pub fn make(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("can't make the data folder {shown}"))?;
        let probe = path.join(".weir-probe");
        let written = File::create(&probe).and_then(|mut file| file.write_all(b"weir"));
        // A probe that was not written is not there; one that was must not stay.
        let _ = fs::remove_file(&probe);
        written.with_context(|| {
            format!("can't write to the data folder {shown}: check who owns it and whether its disk is full or read-only")
        })?;
        Ok(Self(path.to_owned()))
    }

    /// # Errors
    /// Another process has it.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        self.try_lock()?.with_context(|| {
            format!(
                "another weir is running on {}: stop it first, or give another folder with --data",
                self.0.display()
            )
        })
    }

    /// `None` while another process has it.
    pub fn try_lock(&self) -> anyhow::Result<Option<Lock>> {
        let path = self.0.join("weir.lock");
        let file = File::options().create(true).write(true).truncate(false).open(&path);
        let file = file.with_context(|| format!("can't open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("can't lock {}", path.display()))
            }
        }
    }

    /// # Errors
    /// The registry is gone and others are there. Nobody could tell whose events these are, and a new
    /// registry would give their sites' numbers to other sites.
    pub fn check_registry(&self) -> anyhow::Result<()> {
        let beside = [self.store(), self.queue()].into_iter().find(|path| path.exists());
        if let Some(beside) = beside.filter(|_| !self.registry().exists()) {
            bail!(
                "{} is missing, and {} is there: put it back from a backup. To begin anew, move all files of the data \
                 folder away",
                self.registry().display(),
                beside.display()
            );
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn queue(&self) -> PathBuf {
        self.0.join("queue.db")
    }

    pub fn store(&self) -> PathBuf {
        self.0.join("weir.db")
    }

    pub fn registry(&self) -> PathBuf {
        self.0.join("registry.db")
    }

    /// Where the running server says which address it listens on.
    pub fn address(&self) -> PathBuf {
        self.0.join("weir.address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_server_at_a_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::make(&dir.path().join("data")).expect("made");
        let lock = folder.lock().expect("free");
        let error = folder.lock().err().expect("taken").to_string();
        assert!(error.contains("another weir is running"), "{error}");
        drop(lock);
        folder.lock().expect("free again");
    }

    #[test]
    fn a_new_folder_is_open_to_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("data");
        DataFolder::make(&path).expect("made");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_registry_may_be_missing_only_where_nothing_else_is_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::make(dir.path()).expect("made");
        folder.check_registry().expect("a new folder");
        for other in [folder.store(), folder.queue()] {
            File::create(&other).expect("made");
            let error = folder.check_registry().expect_err("missing").to_string();
            assert!(error.contains("registry.db is missing") && error.contains("backup"), "{error}");
            File::create(folder.registry()).expect("made");
            folder.check_registry().expect("all there");
            fs::remove_file(folder.registry()).expect("removed");
            fs::remove_file(other).expect("removed");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = DataFolder::existing(Path::new("/nonexistent/data")).expect_err("missing").to_string();
        assert!(error.contains("/nonexistent/data"), "{error}");
    }
}
