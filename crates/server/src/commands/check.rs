//! `weir check`: whether the databases are what they were when they were written.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use weir_sqlite::{Damage, Depth, inspect};
use weir_store::Store;

use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::data_folder::DataFolder;
use crate::output;

/// What was found in a file.
#[derive(Serialize)]
pub(super) struct Checked {
    pub file: &'static str,
    pub ok: bool,
    pub damage: Vec<DamageLine>,
}

#[derive(Serialize)]
pub(super) struct DamageLine {
    /// None where the file can't be read at all.
    pub table: Option<String>,
    pub says: String,
    /// What is affected.
    pub affects: &'static str,
}

pub(crate) fn run(args: &Args, full: bool) -> anyhow::Result<Outcome> {
    let folder = open::folder(args)?;
    // Beside a server a long read would let its logs grow; without one it harms nobody.
    let lock = folder.try_lock()?;
    let depth = if full || lock.is_some() { Depth::Structure } else { Depth::Rows };
    let checked = files(&folder).iter().map(|file| look(file, depth)).collect::<anyhow::Result<Vec<_>>>()?;
    let all_well = checked.iter().all(|file| file.ok);
    if args.json {
        output::json(&serde_json::json!({
            "ok": all_well,
            "depth": if depth == Depth::Structure { "structure" } else { "rows" },
            "files": checked,
        }))?;
    } else {
        print(&checked, depth);
    }
    Ok(if all_well { Outcome::Done } else { Outcome::No })
}

/// In the order in which an event meets them.
pub(super) fn files(folder: &DataFolder) -> [(&'static str, PathBuf); 3] {
    [("registry.db", folder.registry()), ("queue.db", folder.queue()), ("weir.db", folder.store())]
}

pub(super) fn look((file, path): &(&'static str, PathBuf), depth: Depth) -> anyhow::Result<Checked> {
    let bar = output::progress(&format!("Checking {file}"), 0);
    let found = inspect(path, depth, &mut |_, done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let found = found.with_context(|| missing(path))?;
    let damage: Vec<DamageLine> = found.into_iter().map(|damage| line(file, damage)).collect();
    Ok(Checked { file, ok: damage.is_empty(), damage })
}

fn missing(path: &Path) -> String {
    match path.exists() {
        true => format!("{} can't be checked", path.display()),
        false => {
            "a file is missing: put it back from a backup, or start the server to begin a new one".to_owned()
        }
    }
}

fn line(file: &str, damage: Damage) -> DamageLine {
    let affects = match (file, damage.table.as_deref()) {
        (_, None) => "the whole file",
        ("queue.db", Some("ingested_events")) => "acknowledged events that are not folded yet",
        ("queue.db", Some("received")) => "the ledger's count of received events",
        ("weir.db", Some(table)) if Store::is_derived(table) => {
            "statistics, which are made anew from the log"
        }
        ("weir.db", Some("events" | "sealed_visitors")) => "the event log",
        ("weir.db", Some("strings" | "clients" | "sources")) => "what log and statistics are called",
        ("weir.db", Some("ledger")) => "the ledger",
        ("weir.db", Some("seen_ids")) => "the ids by which a second delivery is known",
        ("registry.db", Some(_)) => "sites, users and tokens",
        (_, Some(_)) => "what the table says",
    };
    DamageLine { table: damage.table, says: damage.says, affects }
}

fn print(checked: &[Checked], depth: Depth) {
    for file in checked {
        if file.ok {
            output::line(&format!("{}: nothing is damaged", file.file));
        }
        for damage in &file.damage {
            let table = damage.table.as_deref().map(|table| format!(", table {table}")).unwrap_or_default();
            output::line(&format!("DAMAGED {}{table}: {} ({})", file.file, damage.says, damage.affects));
        }
    }
    if checked.iter().any(|file| !file.ok) {
        output::line(
            "Stop the server and run `weir repair`: it saves what can be read and keeps the old files.",
        );
    } else if depth == Depth::Rows {
        output::line(
            "Every row was read. Indices are checked by `weir check --full`, or while the server is stopped.",
        );
    }
}
