//! A request body becomes a [`Question`], or a sentence that says why not.

mod wire;

mod names;

mod range;

mod filter;

mod question;

pub use question::Question;
pub use wire::QuestionBody;

pub(crate) use filter::{Filter, Leaf, Matcher};
pub(crate) use names::{Dimension, Interval, Metric};
pub(crate) use question::{Direction, Include, Order, Ordered};
pub(crate) use range::Asked;
