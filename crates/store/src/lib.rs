//! The event log and the statistics, behind one seam.
//!
//! Promises: a [`Batch`] is all or nothing, and on disk once committed; what a reader sees is one
//! committed state; a number given to a text never means another text.
//! Refuses to know: how statistics are computed (rollups), where events come from (queue), what a
//! site is called (registry), which questions are asked (query).
//!
//! Invariants: one writer; everything that a batch decides (duplicates, `(other)`, ties) is written
//! in the transaction that moves the checkpoint; caches change after COMMIT only; rows that reach
//! zero are gone.

mod day;
mod dimension;
mod error;
mod ledger;
mod log;
mod sums;

mod sqlite;

pub use day::{DayState, RuleDays, SiteDay};
pub use dimension::Dimension;
pub use error::StoreError;
pub use ledger::{BookEntry, Checkpoint, QueueAccount, SeenIds, StoreBooks};
pub use log::{DeadEvent, DeadLine, LogRow, NewRow, RawRow, StatRow, UnitKey};
pub use sqlite::{Batch, Forget, LogPlace, Reading, SealedVisitor, Store, StoreReader};
pub use sums::Sums;
