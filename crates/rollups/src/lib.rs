//! What one visitor's day adds to every statistic.
//!
//! A visitor id lives for one day of its site, so a visitor's day is the unit of truth: every
//! statistic is a sum, over units, of what the pure functions here make of the unit's events, plus
//! the views of events that came too late to have a visitor. Adding an event means: take away what
//! the unit contributed before, add what it contributes now. So bounces un-bounce, exits move and
//! events out of order land where they belong, without a line of code that knows about it.
//!
//! Promises: [`Delta`] depends on nothing but the events given, never on their order of arrival.
//! Refuses to know: where events come from, where counters go, what a [`ValueId`] spells.
//!
//! Invariants: hours add up to their day in every counter but `visitors`; the day's `visitors`
//! equals the sum of its hours' `first_visitors`; entries, exits and visits with a page view are
//! equally many.

mod unit;

mod visit;

mod counters;
mod statistic;

mod site;

mod page;

mod referrer;

mod utm;

mod client;

mod channel;

mod host;

mod event;

mod flow;

mod delta;

pub use counters::Counters;
pub use delta::{Delta, Key};
pub use statistic::{Seen, Statistic, Table};
pub use unit::{Client, Source, UnitEvent, ValueId};
pub use visit::{Visit, visits};

/// Changes whenever the same events would give other statistics; days remember the one that they
/// were folded with.
pub const FOLD_VERSION: u32 = 1;
