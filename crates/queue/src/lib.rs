//! The durable queue: append, pending, settle. The format and the way it works are in
//! `docs/specs/queue.md`.
//!
//! Promises: what [`Queue::append`] answered with a number is on disk, synced, and stays there until
//! it is settled; what it answered with an error was refused, or not committed. Rows come back in
//! the order of their numbers; no number is given twice in one file, whatever was settled since.
//! The appending transaction counts what it appends, so the books begin with a figure that can't be
//! wrong.
//!
//! Refuses to know: duplicates, what an event means, what became of it, the time of day.
//!
//! Invariants: one thread writes; nothing waits without a limit; nothing is answered before its
//! commit; the layout of a row's body is known to `row.rs` alone, and SQL to `file.rs` and
//! `reader.rs` alone.

mod error;
mod limit;
mod options;

mod sync;

mod row;

mod delivery;

mod disk;
mod drain;
mod load;

mod intake;

mod file;
mod progress;
mod writer;

mod queue;

mod reader;

mod salvage;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod schedules;

pub use error::{AppendError, DecodeError, QueueError};
pub use file::{append_control_beside, append_controls_beside};
pub use limit::{Limit, Refused};
pub use options::QueueOptions;
pub use progress::Waited;
pub use queue::{Gauges, Queue};
pub use reader::QueueReader;
pub use row::{Entry, Row};
pub use salvage::salvage;
