//! Believable visitors of an invented site: for the demo, and for measuring.
//!
//! Promises: the same profile gives the same events, in the order of their receipt, in
//! bounded memory whatever their number. Refuses to know: where events go, what time it is.

mod random;

mod season;

mod arrivals;
mod pages;
mod people;

mod visit;

mod history;
mod live;

pub(crate) use history::{History, Profile, Traffic};
pub(crate) use live::Live;
pub(crate) use random::Random;
