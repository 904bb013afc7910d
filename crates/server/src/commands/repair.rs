//! `weir repair`: new files from what can be read of damaged ones. The old ones are kept.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use weir_event::{Clock, LocalDay, Millis, SiteId, SystemClock};
use weir_processor::rebuild;
use weir_registry::Registry;
use weir_sqlite::{Depth, Salvaged};
use weir_store::{BookEntry, Reading, Store, StoreError, StoreReader};

use super::check::{files, look};
use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::data_folder::DataFolder;
use crate::output;

#[derive(Serialize)]
struct Repaired {
    file: &'static str,
    /// Where the damaged file is kept.
    kept: String,
    rows: u64,
    tables: Vec<TableLine>,
}

/// A damaged table.
#[derive(Serialize)]
struct TableLine {
    table: String,
    rows: u64,
    /// Made anew from the event log.
    derived: bool,
    /// Rows between these keys are lost.
    lost_between: Vec<(String, String)>,
}

#[derive(Serialize)]
struct MissingLine {
    site: u32,
    /// Local day of receipt.
    day: String,
    rows: u64,
}

pub(crate) fn run(args: &Args, yes: bool) -> anyhow::Result<Outcome> {
    let folder = open::folder(args)?;
    let _lock = folder.lock().context("repair needs the data folder to itself")?;
    folder.check_registry()?;
    let mut repaired = Vec::new();
    for file in files(&folder) {
        if !file.1.exists() || look(&file, Depth::Structure)?.ok {
            continue;
        }
        match repair(&file, yes)? {
            Some(done) => repaired.push(done),
            None => return Ok(Outcome::No),
        }
    }
    let missing = match repaired.iter().any(|file| file.file == "weir.db") {
        true => make_good(&folder)?,
        false => Vec::new(),
    };
    tell(args, &repaired, &missing)?;
    Ok(Outcome::Done)
}

/// `None` where something would be given up and nobody has agreed to that.
fn repair((file, path): &(&'static str, PathBuf), yes: bool) -> anyhow::Result<Option<Repaired>> {
    let new = path.with_extension("db.repairing");
    remove_all(&new)?;
    let salvaged = match salvage(file, path, &new) {
        Ok(salvaged) => salvaged,
        Err(error) => {
            remove_all(&new)?;
            return Err(error).with_context(|| hopeless(file, path));
        }
    };
    let rows = salvaged.iter().map(|table| table.rows).sum();
    let damaged = salvaged.into_iter().filter(|table| !table.is_whole());
    let tables: Vec<TableLine> = damaged.map(table_line).collect();
    let gives_up = tables.iter().any(|table| !table.derived && !table.lost_between.is_empty());
    if gives_up && !yes {
        print_tables(file, rows, &tables);
        output::line(
            "Nothing was changed. `weir repair --yes` goes on without these rows; a backup may have them.",
        );
        remove_all(&new)?;
        return Ok(None);
    }
    let kept = put_in_place(path, &new, SystemClock.now())?;
    Ok(Some(Repaired { file, kept, rows, tables }))
}

/// Of a file whose list of tables can't be read: it stands on the first page, and without it no page
/// can be told from another.
fn hopeless(file: &str, path: &Path) -> String {
    let without = match file {
        "queue.db" => {
            "move it away with its -wal and -shm and start the server, and `weir ledger` names what was acknowledged and \
             not counted yet"
        }
        "weir.db" => {
            "move it away with its -wal and -shm and start the server, which counts what is in the queue and what comes; \
             all that was counted before is lost"
        }
        _ => "begin anew in another folder: whose events the others hold is known to nobody",
    };
    format!(
        "nothing can be saved of {}: its list of tables, on the first page, can't be read. Nothing was changed. Put the \
         file back from a backup; without one, {without}",
        path.display()
    )
}

fn salvage(file: &str, from: &Path, to: &Path) -> anyhow::Result<Vec<Salvaged>> {
    let bar = output::progress(&format!("Reading {file}"), 0);
    let mut progress = |table: &str, rows| {
        bar.set_message(format!("Reading {file}, {table}"));
        bar.set_position(rows);
    };
    let salvaged = match file {
        "registry.db" => Registry::salvage(from, to)?,
        "queue.db" => weir_queue::salvage(from, to, &mut progress)?,
        "weir.db" => Store::salvage(from, to, &mut progress)?,
        other => bail!("{other} is no file of Weir's"),
    };
    bar.finish_and_clear();
    Ok(salvaged)
}

fn table_line(table: Salvaged) -> TableLine {
    let derived = Store::is_derived(&table.table);
    TableLine { derived, table: table.table, rows: table.rows, lost_between: table.gaps }
}

/// The old file first: a crash between leaves it under a name that says what it is, and the new one
/// beside it.
fn put_in_place(path: &Path, new: &Path, now: Millis) -> anyhow::Result<String> {
    let kept = format!("{}.damaged-{}", path.display(), now.to_string().replace(':', ""));
    for ending in ["", "-wal", "-shm"] {
        let from = format!("{}{ending}", path.display());
        if Path::new(&from).exists() {
            fs::rename(&from, format!("{kept}{ending}")).with_context(|| format!("can't move {from}"))?;
        }
    }
    fs::rename(new, path).with_context(|| format!("can't move {} into place", new.display()))?;
    Ok(kept)
}

fn remove_all(path: &Path) -> anyhow::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let file = format!("{}{ending}", path.display());
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("can't remove {file}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Statistics anew from the log that was saved, then what the ledger says of rows that are not there.
fn make_good(folder: &DataFolder) -> anyhow::Result<Vec<MissingLine>> {
    let registry = Registry::open_beside(folder.path(), Arc::new(SystemClock))?;
    let mut store = Store::open(&folder.store())?;
    let bar = output::progress("Rebuilding days", 0);
    rebuild(&mut store, &registry, &[], &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .context("weir.db was saved, and its statistics can't be made anew")?;
    bar.finish_and_clear();
    missing_rows(&store.reader())
}

/// Days of receipt of which the ledger knows more events than the log holds.
fn missing_rows(store: &StoreReader) -> anyhow::Result<Vec<MissingLine>> {
    let (booked, sites) = store.read(|reading| Ok((reading.ledger()?, reading.sites()?)))?;
    let mut days: BTreeMap<(SiteId, LocalDay), i64> = BTreeMap::new();
    for (site, day, entry, n) in booked.entries {
        let in_log = match entry {
            BookEntry::Stored => true,
            BookEntry::SetAside(reason) => reason != weir_event::Reason::SiteRemoved,
            _ => false,
        };
        if in_log {
            *days.entry((site, day)).or_default() += i64::try_from(n).unwrap_or(i64::MAX);
        }
    }
    for site in sites {
        for (day, n) in store.read(|reading| logged(reading, site))? {
            *days.entry((site, day)).or_default() -= n;
        }
    }
    let missing = days.into_iter().filter(|(_, n)| *n > 0);
    Ok(missing
        .map(|((site, day), n)| MissingLine { site: site.0, day: day.to_string(), rows: n.unsigned_abs() })
        .collect())
}

fn logged(reading: &Reading<'_>, site: SiteId) -> Result<BTreeMap<LocalDay, i64>, StoreError> {
    let mut days = BTreeMap::new();
    for day in reading.site_days(site, LocalDay(i32::MIN), LocalDay(i32::MAX))? {
        let frame = &day.frame;
        reading.log(site, frame.start, frame.end, &mut |row| {
            *days.entry(LocalDay(frame.day.0.saturating_add(row.days_late))).or_default() += 1;
        })?;
    }
    Ok(days)
}

fn tell(args: &Args, repaired: &[Repaired], missing: &[MissingLine]) -> anyhow::Result<()> {
    if args.json {
        return output::json(&serde_json::json!({ "repaired": repaired, "missing": missing }));
    }
    if repaired.is_empty() {
        output::line("Nothing is damaged; nothing was changed.");
    }
    for file in repaired {
        print_tables(file.file, file.rows, &file.tables);
        output::line(&format!("The damaged file is kept as {}.", file.kept));
    }
    for day in missing {
        output::line(&format!(
            "{}: {} events of site {} are counted by the ledger and missing in the log",
            day.day, day.rows, day.site
        ));
    }
    Ok(())
}

fn print_tables(file: &str, rows: u64, tables: &[TableLine]) {
    output::line(&format!("{file}: {rows} rows can be read"));
    for table in tables {
        if table.derived {
            output::line(&format!("  {}: made anew from the event log", table.table));
            continue;
        }
        output::line(&format!("  {}: {} rows can be read", table.table, table.rows));
        for (from, to) in &table.lost_between {
            output::line(&format!("  {}: rows are lost from {from} to {to}", table.table));
        }
    }
}
