//! How much room an event takes, by what it is spent on.

use weir_store::StoreReader;

use super::report::{Section, figure};
use super::stored::Stored;

/// What lasts, and what goes by itself within days. What is neither lasts as well.
const LOG: [&str; 2] = ["events", "sealed_visitors"];
const TEXTS: [&str; 6] =
    ["strings", "strings_by_text", "clients", "clients_by_value", "sources", "sources_by_value"];
const PASSING: [&str; 4] = ["seen_ids", "seen_hours", "seen_place", "open_visitors"];

/// Bytes of a store's file by what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Room {
    pub log: f64,
    pub statistics: f64,
    pub texts: f64,
    /// Days, books, what the file is made of.
    pub other: f64,
    /// Ids against duplicates and open visitors: of the last two days, however long the past is.
    pub passing: f64,
}

impl Room {
    pub fn of(tables: &[(String, u64)]) -> Self {
        let mut room = Self::default();
        for (table, bytes) in tables {
            *room.part(table) += *bytes as f64;
        }
        room
    }

    pub fn read(store: &StoreReader) -> anyhow::Result<Self> {
        Ok(Self::of(&store.read(|reading| reading.table_bytes())?))
    }

    fn part(&mut self, table: &str) -> &mut f64 {
        match table {
            _ if LOG.contains(&table) => &mut self.log,
            _ if TEXTS.contains(&table) => &mut self.texts,
            _ if PASSING.contains(&table) => &mut self.passing,
            _ if table.ends_with("_stats") => &mut self.statistics,
            _ => &mut self.other,
        }
    }

    /// Everything but what passes.
    pub fn lasting(&self) -> f64 {
        self.log + self.statistics + self.texts + self.other
    }
}

pub(super) fn measure(stored: &Stored) -> anyhow::Result<Section> {
    let tables = stored.reader()?.read(|reading| reading.table_bytes())?;
    let room = Room::of(&tables);
    let events = stored.about.events as f64;
    let folder = stored.folder()?;
    let mut figures = vec![
        figure("events", events),
        figure("days", f64::from(stored.about.days)),
        figure("bytes_per_event", room.lasting() / events),
        figure("log_bytes_per_event", room.log / events),
        figure("statistics_bytes_per_event", room.statistics / events),
        figure("texts_bytes_per_event", room.texts / events),
        figure("other_bytes_per_event", room.other / events),
        figure("last_two_days_bytes", room.passing),
        figure("store_file_bytes", std::fs::metadata(folder.store())?.len() as f64),
        figure("queue_file_bytes", std::fs::metadata(folder.queue())?.len() as f64),
    ];
    let largest = tables.iter().filter(|(_, bytes)| *bytes as f64 / events >= 0.1);
    figures.extend(
        largest
            .map(|(table, bytes)| figure(format!("table_{table}_bytes_per_event"), *bytes as f64 / events)),
    );
    Ok(Section { name: "storage".to_owned(), figures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_room_for_something() {
        let tables = [
            ("sealed_visitors", 8),
            ("events", 4),
            ("page_stats", 100),
            ("strings", 2),
            ("seen_ids", 50),
            ("site_days", 1),
            ("what_a_later_release_has", 3),
        ];
        let room = Room::of(&tables.map(|(table, bytes)| (table.to_owned(), bytes)));
        assert_eq!(room, Room { log: 12.0, statistics: 100.0, texts: 2.0, other: 4.0, passing: 50.0 });
        assert!((room.lasting() - 118.0).abs() < 1e-9);
    }
}
