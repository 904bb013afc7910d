//! Curves of results, as SVG: small files that a page can show as they are.

mod axis;
mod curves;
mod svg;

pub(super) use curves::draw;
