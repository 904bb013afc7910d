//! The edge as trackers meet it: the real router over a real queue and registry.

mod harness;

mod accepted;
mod identity;
mod me;
mod older;
mod overload;
mod pixel;
mod plausible;
mod refused;
mod script;
mod servers;
mod socket;
mod times;
mod verdicts;
