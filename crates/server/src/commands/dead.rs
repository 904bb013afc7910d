//! `weir dead`: rows that could not be folded, listed, tried again, or given up.

use anyhow::bail;
use serde_json::json;
use weir_dashboard::{DeadAction, DeadChoice, DeadList, list_dead, pick_dead};
use weir_queue::append_controls_beside;

use super::open;
use crate::Outcome;
use crate::args::{Args, DeadCommand, DeadRows};
use crate::output;

pub(crate) fn run(args: &Args, command: &DeadCommand) -> anyhow::Result<Outcome> {
    match command {
        DeadCommand::List { site } => list(args, site.as_deref()),
        DeadCommand::Replay(rows) => ask(args, rows, DeadAction::Replay),
        DeadCommand::Drop(rows) => ask(args, rows, DeadAction::Drop),
    }
}

fn list(args: &Args, site: Option<&str>) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let list = list_dead(&open::store(&folder)?, &registry, site)?;
    if args.json {
        output::json(&list)?;
    } else {
        print(&list);
    }
    Ok(Outcome::Done)
}

fn print(list: &DeadList) {
    if list.dead.is_empty() {
        output::line("No dead rows.");
        return;
    }
    let rows: Vec<Vec<String>> = list
        .dead
        .iter()
        .map(|row| {
            let kind = row.kind.to_owned();
            vec![row.number.to_string(), row.site.clone(), row.day.clone(), kind, row.error.clone()]
        })
        .collect();
    output::table(&["NUMBER", "SITE", "DAY", "KIND", "ERROR"], &rows);
    if list.total > list.dead.len() as u64 {
        output::line(&format!("These are the oldest {} of {}.", list.dead.len(), list.total));
    }
}

/// The store has one writer, and that is not this process: the wishes go through the queue.
fn ask(args: &Args, rows: &DeadRows, action: DeadAction) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let choice = DeadChoice { numbers: rows.numbers.clone(), all: rows.all, site: rows.site.clone() };
    let wishes = match pick_dead(&open::store(&folder)?, &registry, &choice, action) {
        Ok(wishes) => wishes,
        Err(error) => bail!("{error}: `weir dead list` shows those there are"),
    };
    if !wishes.is_empty() {
        append_controls_beside(&folder.queue(), &wishes)?;
    }
    let is_running = folder.try_lock()?.is_none();
    let when = if is_running { "within a minute" } else { "when the server runs next" };
    if args.json {
        output::json(&json!({ "asked": wishes.len(), "when": when }))?;
    } else {
        let what = if action == DeadAction::Replay { "tried again" } else { "given up" };
        output::line(&format!(
            "{} rows will be {what} {when}; `weir dead list` and `weir ledger` show it.",
            wishes.len()
        ));
    }
    Ok(Outcome::Done)
}
