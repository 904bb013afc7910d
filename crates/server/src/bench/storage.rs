//! How much room an event takes, by what it is spent on.

use std::collections::BTreeMap;

use super::report::{Section, figure};
use super::year::Year;

/// What lasts, and what goes by itself within days.
const LOG: [&str; 2] = ["events", "sealed_events"];
const TEXTS: [&str; 6] =
    ["strings", "strings_by_text", "clients", "clients_by_value", "sources", "sources_by_value"];
const PASSING: [&str; 2] = ["seen_ids", "open_visitors"];

pub(super) fn measure(year: &Year) -> anyhow::Result<Section> {
    let tables = year.house.store.read(|reading| reading.table_bytes())?;
    let mut parts: BTreeMap<&str, u64> = BTreeMap::new();
    for (table, bytes) in &tables {
        *parts.entry(part_of(table)).or_default() += bytes;
    }
    let events = year.events as f64;
    let part = |name| parts.get(name).copied().unwrap_or(0) as f64;
    let lasting = part("log") + part("statistics") + part("texts");
    let file = std::fs::metadata(year.house.folder.store())?.len() as f64;
    let queue = std::fs::metadata(year.house.folder.queue())?.len() as f64;
    let mut figures = vec![
        figure("events", events),
        figure("bytes_per_event", lasting / events),
        figure("log_bytes_per_event", part("log") / events),
        figure("statistics_bytes_per_event", part("statistics") / events),
        figure("texts_bytes_per_event", part("texts") / events),
        figure("dedup_window_and_open_days_bytes", part("passing")),
        figure("other_bytes", part("other")),
        figure("store_file_bytes", file),
        figure("queue_file_bytes", queue),
    ];
    let largest = tables.iter().filter(|(_, bytes)| *bytes as f64 / events >= 0.1);
    figures.extend(
        largest.map(|(table, bytes)| figure(format!("{table}_bytes_per_event"), *bytes as f64 / events)),
    );
    Ok(Section { name: "storage_of_a_year".to_owned(), figures })
}

fn part_of(table: &str) -> &'static str {
    match table {
        _ if LOG.contains(&table) => "log",
        _ if TEXTS.contains(&table) => "texts",
        _ if PASSING.contains(&table) => "passing",
        _ if table.ends_with("_stats") => "statistics",
        _ => "other",
    }
}
