//! From events as sent to events as counted: one ordered list of named steps.

mod delivery;
mod draft;

mod steps;

mod address;
mod content;
mod identity;
mod time;

pub(crate) use delivery::{Client, Delivery, Origin, Sender};
pub(crate) use draft::Refusal;
pub(crate) use steps::admit;
