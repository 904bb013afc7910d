//! What a person sees: the JSON API, login, live updates and the embedded user interface.
//!
//! Promises: every answer carries the security headers; a request that changes something comes from
//! a page of this server or is refused; a token reads its site and no other; an error is
//! `{"error":"..."}`, and one of the server's own says nothing of its inside.
//! Refuses to know: how statistics are stored or computed, how events are admitted, TLS, proxies
//! (the server says by [`Arrival`] who asks).
//!
//! Invariants: nothing here writes statistics; removing a site is a control row in the queue.
//! Whatever may wait for a disk or a password hash runs off the async threads, a bounded number at
//! once. No secret is logged, kept or compared other than by the registry.

mod parts;
mod routes;

mod headers;

mod origin;

mod caller;

mod answer;
mod tries;

mod session;

mod page_check;
mod site;

mod freshness;

mod query;

mod streams;

mod live;

mod watch;

mod balance;
mod ledger;

mod dead;

mod health;
mod metrics;

mod ui;

pub use balance::{DayBooks, balance};
pub use dead::{DeadAction, DeadChoice, DeadList, DeadRow, PickError, list_dead, pick_dead};
pub use health::{Health, HealthCheck};
pub use ledger::{DayLedger, Ledger, LedgerError, SiteLedger, read_balance, read_ledger};
pub use live::Commit;
pub use parts::{Arrival, Dashboard, DashboardParts, OwnPaths};
pub use routes::{openapi, routes};
pub use streams::OpenStreams;
