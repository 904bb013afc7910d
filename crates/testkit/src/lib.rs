//! Test parts: a clock that stands where the test puts it, and events ready to be changed.
//!
//! Promises: deterministic; the same call gives the same event. Only tests depend on this crate.

mod clock;
mod events;

pub use clock::TestClock;
pub use events::{event_id, page_view};
