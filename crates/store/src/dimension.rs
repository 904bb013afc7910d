/// What a text of the dictionary is a value of. Codes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Dimension {
    Page = 1,
    Host = 2,
    Source = 3,
    Referrer = 4,
    Channel = 5,
    UtmSource = 6,
    UtmMedium = 7,
    UtmCampaign = 8,
    UtmContent = 9,
    UtmTerm = 10,
    Country = 11,
    Device = 12,
    Browser = 13,
    Os = 14,
    Event = 15,
    Currency = 16,
}

impl Dimension {
    /// How many new texts one day of a site may bring; `None` where the program itself has few.
    pub fn new_per_day_max(self) -> Option<u32> {
        use weir_event::limits::{NEW_LABELS_PER_DAY_MAX, NEW_PAGES_PER_DAY_MAX};
        match self {
            Self::Page => Some(NEW_PAGES_PER_DAY_MAX),
            Self::Host
            | Self::Source
            | Self::Referrer
            | Self::UtmSource
            | Self::UtmMedium
            | Self::UtmCampaign
            | Self::UtmContent
            | Self::UtmTerm
            | Self::Event => Some(NEW_LABELS_PER_DAY_MAX),
            Self::Channel | Self::Country | Self::Device | Self::Browser | Self::Os | Self::Currency => None,
        }
    }
}
