//! The real router over a real registry, queue and store in a folder of their own.
#![allow(clippy::unwrap_used)]

mod house;

mod session;

mod guard;

mod site;

mod page_check;
mod query;

mod live;

mod watch;

mod ledger;

mod dead;

mod health;

mod metrics;

mod document;

mod ui;
