//! `weir rebuild`: statistics made anew from the event log.

use anyhow::Context;
use serde_json::json;
use weir_processor::rebuild;
use weir_store::Store;

use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::output;

pub(crate) fn run(args: &Args, site: Option<&str>) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    // Two writers would fold the same events twice.
    let _lock = folder.lock().context("rebuild needs the data folder to itself")?;
    let sites = open::sites(&registry, site)?;
    let mut store = Store::open(&folder.store())?;
    let bar = output::progress("Rebuilding days", 0);
    let days = rebuild(&mut store, &sites, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if args.json {
        output::json(&json!({ "days": days }))?;
    } else {
        output::line(&format!("Rebuilt {days} days. `weir verify` proves it."));
    }
    Ok(Outcome::Done)
}
