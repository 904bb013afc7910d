//! A disk in memory below SQLite, for the process's default VFS: what is opened by path lies on it,
//! and no part knows.
//!
//! Promises: SQLite meets what its own unix VFS would give it (locks, shared memory, error codes,
//! the same device characteristics). Every write, truncation, creation, deletion and sync of a
//! recorded folder is kept in the order in which they happened. [`History::crash`] gives, of any
//! position and seed, one legal state after a power cut, always the same one.
//!
//! What a cut leaves:
//! - what was written to a file before its last sync is there, to the byte;
//! - of what was written or cut off since, anything may be: none of it, all, a beginning whose last
//!   write is torn, an end without its beginning, each write by itself, each sector of 512 bytes by
//!   itself. A file's length goes with the write that grew it, or ahead of it: then zeros lie there;
//! - a name stands for what it stood for when the folder was last synced, or at any time since, each
//!   name by itself. As with SQLite's unix VFS, a folder is synced with the first sync of a journal
//!   or WAL over the handle that may have made it, and when a deletion asks for it. Nothing syncs
//!   the folder for a main file: its name lasts since the first sync of its journal;
//! - shared memory and locks are gone.
//!
//! What it can't say: what a drive does that lies about flushes, what bit rot or a torn sector does
//! (a sector here is old or new), what garbage a file system may show in a file's new end, and how a
//! file system repairs itself.

mod content;
mod history;

mod faults;
mod gate;
mod locks;

mod state;

mod io;
mod vfs;

mod sim_disk;

pub use faults::{Failure, FileMatch, Op, Times};
pub use history::{History, Image};
pub use sim_disk::{Gate, Recorder, SimDisk};
