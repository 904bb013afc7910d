//! The commands, one file each.

mod kills;
mod mistakes;
mod power_cuts;

pub(crate) use kills::Kills;
pub(crate) use mistakes::Mistakes;
pub(crate) use power_cuts::PowerCuts;
