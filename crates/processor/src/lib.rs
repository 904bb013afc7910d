//! From the queue to the store: drain, enrich, fold, apply.
//!
//! Promises: a batch, its statistics and the checkpoint are one transaction, so a crash anywhere
//! repeats the batch and changes nothing; what depends on lists (browser, system, device, source,
//! channel, bot or not) is decided once, here, and written into the row; a row is condemned only by
//! what is wrong with the row, never by trouble of the disk.
//! Refuses to know: HTTP, how statistics are read, what time it is.
//!
//! Invariants: rows are taken in the order of their numbers, and a row once, whichever copy of which
//! queue file it is found in; expiry, a day's close and lateness
//! follow the highest receipt time read, so a replay decides as the first run did.

mod enrich;

mod drain;
mod receipt;
mod reconcile;
mod rest;

mod asking;
mod dead;

mod apply;
mod intern;

mod days;
mod units;

mod retire;

mod recompute;

mod gaps;

mod refold;

mod steady;
mod verify;

mod error;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use drain::{Committed, Drained, Processor, ProcessorOptions};
pub use enrich::{Enriched, Enricher, SiteView};
pub use error::ProcessorError;
pub use refold::rebuild;
pub use retire::Retention;
pub use verify::{Difference, Verified, verify, verify_day};
