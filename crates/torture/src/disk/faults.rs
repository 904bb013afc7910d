//! Errors that the disk gives because a test asked for them.

use rusqlite::ffi;

/// Which files.
#[derive(Debug, Clone)]
pub enum FileMatch {
    Any,
    /// `queue.db-wal`, also with as much of the folder as is needed to tell files apart.
    EndsWith(String),
    /// Everything below a folder.
    Within(String),
}

impl FileMatch {
    pub fn ends_with(end: &str) -> Self {
        Self::EndsWith(end.to_owned())
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::EndsWith(end) => path.ends_with(end),
            Self::Within(folder) => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
        }
    }
}

/// What SQLite asks a disk to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Open,
    Read,
    Write,
    Truncate,
    Sync,
    Delete,
    /// Mapping the memory that connections share.
    Shm,
    Lock,
}

/// How the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The operation reports an error and does nothing.
    Io,
    /// No room: writes and truncations report it, the rest goes on.
    Full,
    /// As a file system that was remounted read-only: nothing can be written, synced or made.
    ReadOnly,
    /// A read gives only the first half.
    ShortRead,
    /// A sync that reports an error, and with it what was written since the last one never reaches
    /// the disk: the kernel takes it for written and has forgotten that it is not. It can still be
    /// read, until the power fails.
    SyncLost,
    /// A write that puts half of its bytes on the disk and then reports an error.
    HalfWritten,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Next(u32),
    UntilHealed,
}

#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub files: FileMatch,
    /// `None`: all that this failure concerns.
    pub op: Option<Op>,
    pub failure: Failure,
    pub times: Times,
}

/// The faults that are switched on.
#[derive(Default)]
pub(super) struct Faults {
    on: Vec<Fault>,
    met: u64,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.on.push(fault);
    }

    pub fn clear(&mut self) {
        self.on.clear();
    }

    pub fn clear_within(&mut self, folder: &str) {
        self.on.retain(|fault| !matches!(&fault.files, FileMatch::Within(of) if of == folder));
    }

    /// How many operations were failed so far.
    pub fn met(&self) -> u64 {
        self.met
    }

    /// How this operation is to fail, if it is.
    pub fn meet(&mut self, path: &str, op: Op) -> Option<Failure> {
        let at = self.on.iter().position(|fault| {
            fault.files.matches(path) && fault.op.is_none_or(|of| of == op) && fault.failure.concerns(op)
        })?;
        let failure = self.on[at].failure;
        if let Times::Next(left) = &mut self.on[at].times {
            *left -= 1;
            if *left == 0 {
                self.on.remove(at);
            }
        }
        self.met += 1;
        Some(failure)
    }
}

impl Failure {
    fn concerns(self, op: Op) -> bool {
        match self {
            Self::Io => true,
            Self::Full => matches!(op, Op::Write | Op::Truncate),
            Self::ReadOnly => matches!(op, Op::Open | Op::Write | Op::Truncate | Op::Delete),
            Self::ShortRead => op == Op::Read,
            Self::HalfWritten => op == Op::Write,
            Self::SyncLost => op == Op::Sync,
        }
    }
}

/// What SQLite's unix VFS would report.
pub(super) fn code(failure: Failure, op: Op) -> i32 {
    match (failure, op) {
        (Failure::Full, _) => ffi::SQLITE_FULL,
        (Failure::ShortRead, _) => ffi::SQLITE_IOERR_SHORT_READ,
        (_, Op::Open) => ffi::SQLITE_CANTOPEN,
        (_, Op::Read) => ffi::SQLITE_IOERR_READ,
        (_, Op::Write) => ffi::SQLITE_IOERR_WRITE,
        (_, Op::Truncate) => ffi::SQLITE_IOERR_TRUNCATE,
        (_, Op::Sync) => ffi::SQLITE_IOERR_FSYNC,
        (_, Op::Delete) => ffi::SQLITE_IOERR_DELETE,
        (_, Op::Shm) => ffi::SQLITE_IOERR_SHMMAP,
        (_, Op::Lock) => ffi::SQLITE_IOERR_LOCK,
    }
}
