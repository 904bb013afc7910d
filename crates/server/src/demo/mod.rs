//! `weir demo`: a site with a past and live visitors, no set-up, nothing left behind.

mod run;

mod history;
mod live;

pub(crate) use run::demo;
