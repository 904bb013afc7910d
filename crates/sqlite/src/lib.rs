//! SQLite opened one way: every connection gets the same pragmas, one connection writes, a bounded
//! pool reads, and every driver error is sorted by what a caller can do about it.
//!
//! Promises: a committed transaction is on disk (`synchronous=FULL`, WAL); the SQLite inside is
//! one without the WAL-reset race; a schema is exactly at the version the program expects; a file
//! that is deleted under its writer loses nothing.
//! Refuses to know: any table.
//!
//! Invariants: pragmas live here and nowhere else; no connection is opened another way.

mod open;
mod trouble;

mod migrate;
mod readers;
mod sync;

mod place;

mod rescue;

mod own;

mod retry;

mod table;

mod inspect;
mod salvage;

pub use inspect::{Damage, Depth, inspect};
pub use migrate::{Migration, migrate};
pub use open::{Tuning, VERSION_MIN, check_version, open_reader, open_writer, wal_bytes};
pub use own::OwnFile;
pub use place::Place;
pub use readers::{Lease, Readers};
pub use retry::{Patience, back_off};
pub use salvage::{Salvaged, salvage};
pub use trouble::{Error, Trouble};
