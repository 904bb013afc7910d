//! `weir bench`: how fast, how long, how large, on this machine.
//!
//! Promises: every figure is measured, by the real parts, in the run that prints it; beside it
//! stands what the disk itself can do, since nothing durable is faster than that.

mod run;

mod disk;

mod figures;
mod report;

mod deliveries;
mod exchange;
mod server;

mod ack;
mod ingest;

mod drain;
mod year;

mod query;
mod storage;

mod flood;
mod gauges;

mod overload;

pub(crate) use run::bench;
