//! `weir rebuild`: statistics made anew from the event log, by the running server or here.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::bail;
use serde_json::json;
use weir_event::{Control, LocalDay, QueueBooks, Seq, SiteId};
use weir_processor::rebuild;
use weir_queue::{QueueReader, append_control_beside};
use weir_registry::Registry;
use weir_store::{DayState, Reading, Store, StoreError, StoreReader};

use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::data_folder::DataFolder;
use crate::output;

/// How often the server's progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const CONNECT_WAIT: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &Args, site: Option<&str>, wait: bool) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let sites = open::sites(&registry, site)?;
    // Two writers would fold the same events twice: where a server has the folder, it does the work.
    match folder.try_lock()? {
        Some(_lock) => here(args, &folder, &registry, &sites),
        None => by_server(args, &folder, &registry, sites, wait),
    }
}

fn here(args: &Args, folder: &DataFolder, registry: &Registry, sites: &[SiteId]) -> anyhow::Result<Outcome> {
    let mut store = Store::open(&folder.store())?;
    let bar = output::progress("Rebuilding days", 0);
    let days = rebuild(&mut store, registry, sites, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    if args.json {
        output::json(&json!({ "days": days, "by": "command", "waiting": 0 }))?;
    } else {
        output::line(&format!("Rebuilt {days} days. `weir verify` proves it."));
    }
    Ok(Outcome::Done)
}

fn by_server(
    args: &Args,
    folder: &DataFolder,
    registry: &Registry,
    sites: Vec<SiteId>,
    wait: bool,
) -> anyhow::Result<Outcome> {
    let sites = if sites.is_empty() { registry.sites().iter().map(|site| site.id).collect() } else { sites };
    let reader = open::store(folder)?;
    let days = reader.read(|reading| days_with_events(reading, &sites))?;
    let mut last = Seq::default();
    for site in &sites {
        last = append_control_beside(&folder.queue(), Control::Refold(*site))?;
    }
    if !wait {
        if args.json {
            output::json(&json!({ "by": "server", "waiting": null }))?;
        } else {
            output::line("The running server rebuilds the days; what comes in meanwhile is counted.");
        }
        return Ok(Outcome::Done);
    }
    follow(folder, &reader, &sites, (last, days))?;
    if args.json {
        output::json(&json!({ "days": days, "by": "server", "waiting": 0 }))?;
    } else {
        output::line(&format!("The server rebuilt {days} days. `weir verify` proves it."));
    }
    Ok(Outcome::Done)
}

/// Days that can be rebuilt.
fn days_with_events(reading: &Reading<'_>, sites: &[SiteId]) -> Result<u64, StoreError> {
    let mut days = 0;
    for site in sites {
        let all = reading.site_days(*site, LocalDay(i32::MIN), LocalDay(i32::MAX))?;
        days += all.iter().filter(|day| day.state != DayState::Frozen).count() as u64;
    }
    Ok(days)
}

/// Waits until the server has read the wish in row `wish` and no day of the sites is due any more.
fn follow(
    folder: &DataFolder,
    reader: &StoreReader,
    sites: &[SiteId],
    (wish, days): (Seq, u64),
) -> anyhow::Result<()> {
    let file =
        QueueBooks { openings: QueueReader::open(&folder.queue())?.openings()?, ..QueueBooks::default() };
    let bar = output::progress("Rebuilding days", days);
    loop {
        let (is_read, waiting) = reader.read(|reading| {
            let taken = reading.taken()?;
            let read = file.resume_after(|queue| taken.get(&queue).copied());
            let waiting = sites.iter().map(|site| reading.stale_days(Some(*site)));
            Ok((read >= wish, waiting.sum::<Result<u64, _>>()?))
        })?;
        bar.set_position(if is_read { days.saturating_sub(waiting) } else { 0 });
        if is_read && waiting == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        check_alive(folder)?;
        wait();
    }
}

/// A server that was killed can't say so: nobody listens at its address any more, and nobody holds the
/// folder. In this order: one that is starting listens before it takes the folder.
fn check_alive(folder: &DataFolder) -> anyhow::Result<()> {
    const WHAT_NOW: &str =
        "it goes on rebuilding when it starts again, or `weir rebuild` does it at once while none runs";
    let Ok(address) = std::fs::read_to_string(folder.address()) else {
        bail!("the server has stopped: {WHAT_NOW}");
    };
    let listens = address
        .trim()
        .parse::<SocketAddr>()
        .map(|address| TcpStream::connect_timeout(&address, CONNECT_WAIT));
    if !matches!(listens, Ok(Ok(_))) && folder.try_lock()?.is_some() {
        bail!("the server has ended without a word, as when it is killed: {WHAT_NOW}");
    }
    Ok(())
}

// Another process's progress can't be waited for in any other way.
#[allow(clippy::disallowed_methods)]
fn wait() {
    std::thread::sleep(LOOK_EVERY);
}
