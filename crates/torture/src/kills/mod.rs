//! Kills: the real program under load, killed between its steps and at random, started again, and
//! its files compared with what the senders know.
//!
//! Cycles come in houses: a house is one data folder with several sites. The plan of a cycle (what is
//! laid into the folder, what is sent, how and where the kill comes) is made by the seed, the house
//! and the cycle alone, so a house can be lived again from its start. What the machine does between
//! two instructions is nobody's plan: a repeated house is the same plan, not the same instant.

mod plan;

mod known;

mod client;

mod server;

mod furnish;

mod wishes;

mod swap;

mod look;

mod check;

mod cycle;

mod house;

mod tally;

mod run;

pub use check::Broken;
pub use run::{Wanted, run};
pub use server::Program;
pub use tally::Report;
