//! The commands, one file each.

mod mistakes;
mod power_cuts;

pub(crate) use mistakes::Mistakes;
pub(crate) use power_cuts::PowerCuts;
