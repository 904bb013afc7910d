//! What commands open, beside a server that may be running.

use std::sync::Arc;

use anyhow::Context;
use weir_event::{SiteId, SystemClock};
use weir_registry::Registry;
use weir_store::StoreReader;

use crate::args::Args;
use crate::data_folder::DataFolder;

pub(super) fn folder(args: &Args) -> anyhow::Result<DataFolder> {
    DataFolder::existing(&args.data)
}

/// The registry, the folder made where it is missing: adding a site may be the first thing done.
pub(super) fn new_registry(args: &Args) -> anyhow::Result<(DataFolder, Registry)> {
    let folder = DataFolder::make(&args.data)?;
    folder.check_registry()?;
    let registry = Registry::open_beside(folder.path(), Arc::new(SystemClock))?;
    Ok((folder, registry))
}

pub(super) fn registry(args: &Args) -> anyhow::Result<(DataFolder, Registry)> {
    let folder = folder(args)?;
    folder.check_registry()?;
    let registry = Registry::open_beside(folder.path(), Arc::new(SystemClock))?;
    Ok((folder, registry))
}

pub(super) fn store(folder: &DataFolder) -> anyhow::Result<StoreReader> {
    let hint = || format!("{} holds no statistics yet: has the server run?", folder.path().display());
    StoreReader::open(&folder.store()).with_context(hint)
}

/// The one site asked for, or none for all.
pub(super) fn sites(registry: &Registry, domain: Option<&str>) -> anyhow::Result<Vec<SiteId>> {
    let Some(domain) = domain else { return Ok(Vec::new()) };
    let site = registry.site(domain);
    let site =
        site.with_context(|| format!("there is no site {domain}: `weir site list` shows those there are"))?;
    Ok(vec![site.id])
}
