//! What threads share by hand is built on these. In this crate's unit tests they are a scheduler's,
//! which tries many orders of the threads: what a test then sees is the code that a release runs.

#[cfg(not(test))]
pub(crate) use std::sync::{Condvar, Mutex};

#[cfg(test)]
pub(crate) use weir_testkit::sync::{Condvar, Mutex};
