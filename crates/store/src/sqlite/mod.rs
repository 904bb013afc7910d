//! The store in SQLite: the only files that know its tables.

mod layout;

mod schema;

mod dictionary;

mod batch;
mod held;

mod open_units;
mod units;

mod rows;

mod packed;

mod sealed;

mod stats;

mod sums;

mod days;

mod books;
mod queues;

mod dead;

mod seen;

mod reader;

mod retire;

mod salvage;

mod refold;

pub use batch::{Batch, Store};
pub use reader::{Reading, StoreReader};
pub use rows::LogPlace;
pub use sealed::SealedVisitor;
pub use seen::Forget;
