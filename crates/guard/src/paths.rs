use std::path::Path;

use crate::{admit, append, fold, read};

/// Work of one kind, in units that can be counted.
pub(crate) struct HotPath {
    pub name: &'static str,
    pub unit: &'static str,
    /// Makes what a run of so many units begins with. Nobody counts this.
    pub prepare: fn(&Path, usize) -> anyhow::Result<()>,
    pub run: fn(&Path, usize) -> anyhow::Result<()>,
    /// Two runs are compared: the fewer units warm up and pay for the start, the rest is what counts.
    pub few: usize,
    pub many: usize,
}

/// In the order in which an event travels.
pub(crate) const PATHS: [HotPath; 7] = [
    // Deliveries of 10: from their bytes to admitted events, encoded, at the door of the queue.
    HotPath {
        name: "admit",
        unit: "event",
        prepare: admit::prepare,
        run: admit::run,
        few: 1_000,
        many: admit::EVENTS_MAX,
    },
    // A commit for each delivery of 10, as on a server with time on its hands.
    HotPath {
        name: "append",
        unit: "event",
        prepare: append::prepare,
        run: append::of_ten,
        few: 500,
        many: 5_500,
    },
    // A commit for a thousand events, as under load.
    HotPath {
        name: "append_load",
        unit: "event",
        prepare: append::prepare,
        run: append::of_a_thousand,
        few: 1_000,
        many: append::EVENTS_MAX,
    },
    // Rows of the queue to statistics, with days that end meanwhile.
    HotPath { name: "fold", unit: "event", prepare: fold::prepare, run: fold::run, few: 5_000, many: 20_000 },
    // What the dashboard asks for 30 days, from a store that was just opened.
    HotPath {
        name: "read_first",
        unit: "dashboard",
        prepare: read::prepare,
        run: read::plain,
        few: 0,
        many: 1,
    },
    HotPath { name: "read", unit: "dashboard", prepare: read::prepare, run: read::plain, few: 1, many: 11 },
    // The same of one country, which only the log knows. Two threads share it, and which of them reads
    // a day for the first time is chance: some 240 calls come in one run early and in another late.
    HotPath {
        name: "read_filtered",
        unit: "dashboard",
        prepare: read::prepare,
        run: read::filtered,
        few: 1,
        many: 6,
    },
];
