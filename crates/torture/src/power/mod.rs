//! Power cuts: the real queue, processor and store on the simulated disk, cut at every sync and at
//! positions between, opened again and compared with what the senders know.
//!
//! A round is one workload, made by the seed and the round's number, recorded once and cut
//! [`CUTS_PER_ROUND`] times. A cut is its number: the number gives the round, the position and which
//! of the legal states the disk is in, so that any cut can be repeated by itself.
//!
//! What repeats itself and what doesn't: the writer of the queue is a thread, so each append is awaited
//! before anything else happens, but where a gate of the disk makes two threads meet in a known
//! order. The order in which the queue writes a commit's counts is not known (it may change which
//! byte of a page is torn, never which page); a machine that stands still for a second lets a
//! settlement commit by itself, and positions after it move.
//!
//! The registry lies in folders of its own that lose no power; there are no day keys here, visitors
//! are numbers of the workload.

mod plan;

mod parts;
mod wait;

mod round;

mod known;

mod look;

mod cut;

mod mistakes;
mod run;

pub use cut::Found;
pub use mistakes::{Verdict, check_mistakes};
pub use plan::CUTS_PER_ROUND;
pub use run::{Report, Wanted, run};
