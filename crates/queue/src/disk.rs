use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Asking the file system is a system call; once a second is often enough, since a second's events
/// are far smaller than the reserve.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Watches that the disk keeps its reserve: a full disk would stop the store and the operator's
/// other programs, too.
pub(crate) struct DiskReserve {
    folder: PathBuf,
    reserve_bytes: u64,
    checked: Mutex<Option<Instant>>,
    is_low: AtomicBool,
}

impl DiskReserve {
    pub fn new(folder: &Path, reserve_bytes: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            reserve_bytes,
            checked: Mutex::new(None),
            is_low: AtomicBool::new(false),
        }
    }

    /// What the disk has free; `None` where it can not be told.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(&self.folder)
    }

    pub fn is_low(&self) -> bool {
        // Whoever finds the lock taken uses the last answer: nobody queues up to ask the disk.
        if let Ok(mut checked) = self.checked.try_lock()
            && checked.is_none_or(|at| at.elapsed() >= CHECK_INTERVAL)
        {
            *checked = Some(Instant::now());
            let is_low = free_bytes(&self.folder).is_some_and(|free| free < self.reserve_bytes);
            self.is_low.store(is_low, Ordering::Relaxed);
        }
        self.is_low.load(Ordering::Relaxed)
    }
}

/// What an unprivileged program may still write. `None` where it can not be told: then only a write
/// that fails says that the disk is full.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use weir_testkit::schedules::{Timeouts, run_once};

    use super::*;

    #[test]
    fn a_disk_below_its_reserve_is_low_and_one_without_a_reserve_never_is() {
        run_once(Timeouts::Never, || {
            let dir = tempfile::tempdir().expect("a folder");
            assert!(DiskReserve::new(dir.path(), u64::MAX).is_low());
            assert!(!DiskReserve::new(dir.path(), 0).is_low());
        });
    }

    #[test]
    fn a_folder_that_can_not_be_asked_is_not_low() {
        run_once(Timeouts::Never, || {
            assert!(!DiskReserve::new(Path::new("/nonexistent"), u64::MAX).is_low())
        });
    }
}
