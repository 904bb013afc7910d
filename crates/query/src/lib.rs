//! From a question to a shaped answer: parse -> plan -> run -> shape.
//!
//! Promises: the same question to the same store gives the same answer, whether statistics or the
//! log give it; a question that isn't understood, or not supported yet, is refused with a sentence
//! that names the member; the work of one question is bounded.
//! Refuses to know: who asks (dashboard), how statistics come about (rollups, processor), SQL.
//!
//! Invariants: a range is whole seconds, cut by the site's time zone and by nothing else; nothing
//! here writes; wire types stay in `parse::wire` and `shape`.

mod error;

mod parse;

mod range;

mod plan;

mod run;

mod shape;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use error::QueryError;
pub use parse::{Question, QuestionBody};
pub use plan::{Piece, Plan, Reads};
pub use run::{plan, run};
pub use shape::{Answer, Comparison, Echo, Figure, Meta, Row, Warning};
