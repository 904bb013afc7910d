//! Commands beside `serve`. Those that read work beside a running server; those that change go
//! through it or its queue, or refuse and say why.

pub(crate) mod site;
pub(crate) mod site_check;

pub(crate) mod user;

pub(crate) mod token;

pub(crate) mod verify;

pub(crate) mod rebuild;

pub(crate) mod ledger;

pub(crate) mod dead;

pub(crate) mod health;

pub(crate) mod check;
pub(crate) mod repair;

mod open;
