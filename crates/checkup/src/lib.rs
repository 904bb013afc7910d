//! Whether a site's page loads this server's script, and what keeps it from working.
//!
//! Promises: a finding is read off the page as the site sent it, never guessed; what a page can't show,
//! such as a script that a tag manager adds later, is said to be unseen. Nothing but a public address is
//! connected to, on port 80 or 443, and only for hosts of the site; the address that was looked at is the
//! address that is connected to, at each redirect anew. Time, bytes, headers and redirects are bounded.
//! Refuses to know: sites, accounts, who asks, how events are taken.
//!
//! Invariants: no text of a page leaves this crate, only findings about it, with names of hosts and
//! paths of scripts. Where an address is private it answers as where nothing is reachable.

mod check;

mod reach;

mod address;

mod fetch;

mod content;

mod server;

mod judge;

mod csp;

mod fusionaly;

mod blocked;

mod finding;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use check::{Ask, AskError, Report, Verdict, check};
pub use finding::{Finding, Level};
pub use reach::Reach;
pub use server::{NoAddress, Server};
