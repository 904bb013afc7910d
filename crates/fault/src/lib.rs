//! Places where a test may break the program: points to die at, and mistakes to plant.
//!
//! Promises: without the feature `armed`, which no release has, every call is an empty inline
//! function and no mistake can be planted. Refuses to know: what the places are good for.
//!
//! Invariants: the lists are closed, so that a torture run can go through all of them; a place that
//! is named here is passed in the code, and the runs say which ones were reached.

mod mistake;
mod point;

pub use mistake::Mistake;
pub use point::Point;

#[cfg(feature = "armed")]
mod armed;

#[cfg(feature = "armed")]
pub use armed::{is_planted, pass, plant, pull_up};

/// Dies here if a test has asked for it.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub fn pass(_point: Point) {}

/// Whether a test has planted this mistake.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn is_planted(_mistake: Mistake) -> bool {
    false
}
