//! `weir serve`: the parts, wired in the order in which an event travels.

mod house;

mod books;
mod health;
mod metrics;

mod descriptors;

mod connections;
mod http;

mod pipeline;

mod memory;
mod nightly;

mod signals;

mod run;

pub(crate) use house::{House, HouseOptions};
pub(crate) use run::{listen, run, serve};
pub(crate) use signals::asked_to_stop;
