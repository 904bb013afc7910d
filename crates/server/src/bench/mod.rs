//! `weir bench`: how fast, how long, how large, on this machine.
//!
//! Promises: every figure is measured, by the real parts, in the run that prints it; beside it
//! stands what the disk and one core can do by themselves, since nothing durable is faster than that.

mod run;

mod cpu;
mod disk;
mod floor;

mod figures;
mod measure;
mod report;
mod results;

mod compare;
mod plot;
mod summary;

mod caller;
mod deliveries;
mod exchange;
mod server;

mod flood;
mod gauges;
mod pace;

mod ack;
mod fresh;
mod ingest;
mod overload;
mod together;

mod filling;
mod stored;

mod drain;

mod growth;
mod query;
mod questions;
mod storage;

mod memory;
mod start;

mod verify;

pub(crate) use run::bench;
