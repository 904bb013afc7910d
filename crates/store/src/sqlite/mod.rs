//! The store in SQLite: the only files that know its tables.

mod layout;

mod schema;

mod dictionary;

mod batch;

mod units;

mod rows;

mod stats;

mod days;

mod books;

mod reader;

mod retire;

pub use batch::{Batch, Store};
pub use reader::{Reading, StoreReader};
