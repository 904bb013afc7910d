use crate::{UnitEvent, ValueId, Visit, channel, client, event, host, page, referrer, site, utm};

/// A statistic: the events of a site, told apart by one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Statistic {
    Site,
    Page,
    EntryPage,
    ExitPage,
    Source,
    Referrer,
    Channel,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmContent,
    UtmTerm,
    Country,
    Device,
    Browser,
    Os,
    Host,
    Event,
    /// Steps from page to page; by day only, and counted by its own rule.
    Flow,
}

/// The tables that statistics live in. Where one table holds several statistics, the row's `role`
/// tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Site,
    Page,
    Ref,
    Utm,
    Country,
    Device,
    Browser,
    Os,
    Event,
    Channel,
    Host,
    Flow,
}

/// An event and the visit it belongs to; none for an event without a visitor.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub visit: Option<&'a Visit<'a>>,
    pub event: &'a UnitEvent,
}

impl Statistic {
    /// Those that tell events apart by a value; [`Statistic::Flow`] counts pairs and is not among
    /// them.
    pub const BY_VALUE: [Self; 18] = [
        Self::Site,
        Self::Page,
        Self::EntryPage,
        Self::ExitPage,
        Self::Source,
        Self::Referrer,
        Self::Channel,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
        Self::UtmContent,
        Self::UtmTerm,
        Self::Country,
        Self::Device,
        Self::Browser,
        Self::Os,
        Self::Host,
        Self::Event,
    ];

    /// The value under which an event counts; `None` where it does not count here at all.
    pub fn value_of(self, seen: Seen<'_>) -> Option<ValueId> {
        match self {
            Self::Site => site::site(seen),
            Self::Page => page::page(seen),
            Self::EntryPage => page::entry(seen),
            Self::ExitPage => page::exit(seen),
            Self::Source => referrer::source(seen),
            Self::Referrer => referrer::referrer(seen),
            Self::Channel => channel::channel(seen),
            Self::UtmSource => utm::source(seen),
            Self::UtmMedium => utm::medium(seen),
            Self::UtmCampaign => utm::campaign(seen),
            Self::UtmContent => utm::content(seen),
            Self::UtmTerm => utm::term(seen),
            Self::Country => client::country(seen),
            Self::Device => client::device(seen),
            Self::Browser => client::browser(seen),
            Self::Os => client::os(seen),
            Self::Host => host::host(seen),
            Self::Event => event::name(seen),
            Self::Flow => None,
        }
    }

    /// Whether all events of a visit show the same value, or none does.
    pub fn is_of_visit(self) -> bool {
        !matches!(self, Self::Page | Self::Host | Self::Event | Self::Flow)
    }

    pub fn table(self) -> Table {
        self.place().0
    }

    /// The row's `role` in its table; a flow's is its step instead.
    pub fn role(self) -> u8 {
        self.place().1
    }

    fn place(self) -> (Table, u8) {
        match self {
            Self::Site => (Table::Site, 0),
            Self::Page => (Table::Page, 0),
            Self::EntryPage => (Table::Page, 1),
            Self::ExitPage => (Table::Page, 2),
            Self::Source => (Table::Ref, 0),
            Self::Referrer => (Table::Ref, 1),
            Self::Channel => (Table::Channel, 0),
            Self::UtmSource => (Table::Utm, 0),
            Self::UtmMedium => (Table::Utm, 1),
            Self::UtmCampaign => (Table::Utm, 2),
            Self::UtmContent => (Table::Utm, 3),
            Self::UtmTerm => (Table::Utm, 4),
            Self::Country => (Table::Country, 0),
            Self::Device => (Table::Device, 0),
            Self::Browser => (Table::Browser, 0),
            Self::Os => (Table::Os, 0),
            Self::Host => (Table::Host, 0),
            Self::Event => (Table::Event, 0),
            Self::Flow => (Table::Flow, 1),
        }
    }
}

impl Table {
    pub const ALL: [Self; 12] = [
        Self::Site,
        Self::Page,
        Self::Ref,
        Self::Utm,
        Self::Country,
        Self::Device,
        Self::Browser,
        Self::Os,
        Self::Event,
        Self::Channel,
        Self::Host,
        Self::Flow,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Site => "site_stats",
            Self::Page => "page_stats",
            Self::Ref => "ref_stats",
            Self::Utm => "utm_stats",
            Self::Country => "country_stats",
            Self::Device => "device_stats",
            Self::Browser => "browser_stats",
            Self::Os => "os_stats",
            Self::Event => "event_stats",
            Self::Channel => "channel_stats",
            Self::Host => "host_stats",
            Self::Flow => "flow_stats",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_statistics_share_a_table_and_a_role() {
        let places: Vec<_> = Statistic::BY_VALUE.iter().map(|s| (s.table(), s.role())).collect();
        let distinct: std::collections::HashSet<_> = places.iter().collect();
        assert_eq!(distinct.len(), places.len());
    }
}
