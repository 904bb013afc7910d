//! A page's address, made comparable: one page has one spelling.

mod campaign;
mod page;
mod percent;
mod plain;

mod referrer;

pub(crate) use campaign::campaign;
pub(crate) use page::{PageUrl, PathRules, origin_host};
pub(crate) use referrer::referrer;
