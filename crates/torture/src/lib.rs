//! Where all fire is made: a disk in memory that loses power, and what is done with it.
//!
//! Promises: what a run found is found again by its seed. A planted mistake is found, else a run
//! without one proves nothing.
//! Refuses to know: how any part works. It uses parts as the server does, and looks at what is left.

mod dice;

pub mod disk;

pub mod power;

pub mod kills;

pub use dice::Dice;
