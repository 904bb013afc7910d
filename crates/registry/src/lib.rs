//! What an operator sets up, and who a visitor is: sites, users, tokens, settings, day keys.
//!
//! Promises: looking a site up by host, or a token that sends events, costs no SQL; a visitor id is
//! stable for one local day of one site, across restarts, and can't be related to any other day once
//! that day's key is gone; what a command beside a running server changes is seen at its next
//! [`Registry::refresh`].
//! Refuses to know: events, statistics, HTTP.
//!
//! Invariants: key bytes never leave this crate and are in no database; passwords and tokens are kept
//! as hashes only; a site's number is never used again.

mod error;
mod host;
mod suffix;

mod site;
mod snapshot;

mod registry;
mod schema;
mod sites;

mod private_file;

mod key_file;

mod day_keys;

mod secret;
mod sync;

mod throttle;

mod password;
mod users;

mod login;
mod setup;
mod tokens;

mod refusals;
mod salvage;
mod settings;

mod proofs;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use error::RegistryError;
pub use host::normalise_host;
pub use login::LoginSession;
pub use proofs::Proof;
pub use refusals::{GivenUp, Refusals, UnknownHost};
pub use registry::Registry;
pub use site::{Counting, Site, SiteRules};
pub use snapshot::Snapshot;
pub use suffix::{PublicSuffix, SuffixOwner, public_suffix};
pub use tokens::{Access, NewToken, Right, Token, TokenId};
pub use users::{User, UserId};
