//! From bytes to admitted events to an answer.
//!
//! Promises: an event is answered with 202 only after the queue has it on disk; an event that is not
//! taken has a [`weir_event::Reason`], which the answer names and the registry counts. What the edge
//! has to decide (whose event it is, when it happened, who sent it, from where) is decided here,
//! once, and written into the event.
//!
//! Refuses to know: statistics, the store, SQL, what a user agent or a referrer means.
//!
//! Invariants: the client's IP address never leaves a request: what is kept of it is a country and a
//! visitor id. No cookie is read or set. Every answer, errors included, carries the CORS headers
//! without which a page on another origin could not read it.

mod config;

mod text;

mod decode;

mod client_ip;
mod geo;
mod money;
mod page_url;

mod admit;

mod crowd;
mod rate_limit;

mod ingest;

mod http;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use client_ip::{TrustedProxies, sender_network};
pub use config::{ConfigError, IngestConfig, RateLimit};
pub use geo::Geo;
pub use http::{EVENTS_PATH, SCRIPT_PATH, deliver_directly, is_delivery, routes};
pub use ingest::{Gauges, Ingest};
