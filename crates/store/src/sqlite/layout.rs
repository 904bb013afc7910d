//! Which columns a table of statistics has.

use weir_rollups::{Counters, Table};

/// What a row holds beside its key. A column that is always zero costs a byte in every row, and rows
/// are what a year of history is made of.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// The key ends in a second value: an event's currency, a flow's target.
    pub has_second: bool,
    /// Places in [`Counters::NAMES`] of the counters that can be other than zero.
    pub counters: &'static [usize],
}

impl Layout {
    pub fn of(table: Table) -> Self {
        match table {
            Table::Flow => Self { has_second: true, counters: &[2] },
            Table::Event => Self { has_second: true, counters: &[0, 1, 2, 3, 4, 5, 6, 7] },
            Table::Site
            | Table::Page
            | Table::Ref
            | Table::Utm
            | Table::Country
            | Table::Device
            | Table::Browser
            | Table::Os
            | Table::Channel
            | Table::Host => Self { has_second: false, counters: &[0, 1, 2, 3, 4, 5, 6] },
        }
    }

    /// The columns of the primary key.
    pub fn key(self) -> &'static str {
        if self.has_second {
            "site, grain, role, bucket, value, second"
        } else {
            "site, grain, role, bucket, value"
        }
    }

    pub fn key_columns(self) -> usize {
        if self.has_second { 6 } else { 5 }
    }

    /// What the values of a row are grouped by within a bucket.
    pub fn values(self) -> &'static str {
        if self.has_second { "value, second" } else { "value" }
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.counters.iter().map(|place| Counters::NAMES[*place])
    }

    /// Each counter's name put through `write`, joined by `by`.
    pub fn each(self, by: &str, write: impl Fn(&str) -> String) -> String {
        self.names().map(write).collect::<Vec<_>>().join(by)
    }

    /// A row's columns as they are read: the key's after the role, then the counters.
    pub fn read(self) -> String {
        format!("bucket, {}, {}", self.values(), self.each(", ", str::to_owned))
    }
}
