//! Test parts: a clock that stands where the test puts it, events ready to be changed, bytes to throw
//! at parsers, and threads whose order the test chooses.
//!
//! Promises: deterministic; the same call gives the same event, and the same seed (`SEED`, else 1) the
//! same bytes and the same orders. Only tests depend on this crate.

mod clock;
mod effort;
mod events;

mod mutate;

#[cfg(feature = "schedules")]
pub mod schedules;
#[cfg(feature = "schedules")]
pub mod sync;

pub use clock::TestClock;
pub use effort::{effort, seed};
pub use events::{event_id, page_view};
pub use mutate::replay;
