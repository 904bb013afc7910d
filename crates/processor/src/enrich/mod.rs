//! What lists know about an event: browser, system, device, source, channel, bot or not.
//!
//! Promises: pure and total. The same event gives the same answer, whatever came before it and
//! whatever the caches hold. Refuses to know: files, clocks, the store; lists are part of the binary
//! (`data/` says where they come from).
//!
//! Invariants: hosts are matched whole or by parent domain, never by a part of their text; a list is
//! read at first use, so that starting costs nothing; no cache grows past its limit.

mod enricher;

mod agents;
mod bots;
mod device;
mod user_agent;

mod arrivals;
mod channel;
mod hosts;
mod sources;

mod texts;

#[cfg(test)]
mod tests;

pub use enricher::{Enriched, Enricher, SiteView};
