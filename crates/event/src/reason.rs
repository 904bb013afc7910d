use std::fmt;

/// What became of an event: every event that was ever sent has exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// On its way: taken, and not in the statistics yet.
    Waiting,
    /// In the log and in the statistics.
    Stored,
    /// Seen before under the same id.
    Duplicate,
    /// Its day's statistics are closed.
    Expired,
    /// It can't be folded, and is kept aside.
    Dead,
    /// Refused before the queue, or set aside behind it.
    Not(Reason),
}

/// Why an event was not counted. Closed: an answer, a ledger line or a log row names one of these
/// and nothing else. Codes are stored and must never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    // Refused at the edge; counted beside the books, best effort.
    /// Not JSON, or not of the documented shape.
    Malformed = 1,
    /// A body over the limit.
    TooLarge = 2,
    /// More events in one delivery than allowed.
    TooMany = 3,
    /// The page's URL is missing, unreadable or has no host.
    InvalidUrl = 4,
    /// No site has the host of the page's URL.
    UnknownHost = 5,
    /// The request came from a page on a host that no site has.
    ForeignOrigin = 6,
    /// The request came from a page of another site than the event names.
    SiteMismatch = 7,
    /// The address is on the operator's list.
    ExcludedIp = 8,
    /// Happened more than 24 hours before it arrived.
    TooOld = 9,
    /// An event name that is empty, too long or has control characters.
    InvalidName = 10,
    /// Properties that are too many, too long or not scalar.
    InvalidProps = 11,
    /// An amount that is no number, too large, or a currency that is no ISO 4217 code.
    InvalidAmount = 12,
    /// Too many requests from one address.
    RateLimited = 13,
    /// The server has more to do than it may hold.
    Overloaded = 14,
    /// A text with characters that no such text has.
    InvalidText = 15,
    /// The delivery shows a token that is none, was revoked, or is not for sending events.
    InvalidToken = 16,
    /// The token is for another site than the event's.
    TokenMismatch = 17,
    /// A visitor's address, given by a sender with a token, that is none.
    InvalidIp = 18,

    // Set aside behind the queue: a log row that the fold skips.
    /// A crawler, a monitor, a driven browser.
    Bot = 64,
    /// The visitor's day holds as many events as it may.
    VisitorFull = 65,
    /// The referrer is on the list of spammers.
    SpamReferrer = 66,
    /// The site was removed after the event was acknowledged.
    SiteRemoved = 67,
}

impl Reason {
    pub const ALL: [Self; 22] = [
        Self::Malformed,
        Self::TooLarge,
        Self::TooMany,
        Self::InvalidUrl,
        Self::UnknownHost,
        Self::ForeignOrigin,
        Self::SiteMismatch,
        Self::ExcludedIp,
        Self::TooOld,
        Self::InvalidName,
        Self::InvalidProps,
        Self::InvalidAmount,
        Self::RateLimited,
        Self::Overloaded,
        Self::InvalidText,
        Self::InvalidToken,
        Self::TokenMismatch,
        Self::InvalidIp,
        Self::Bot,
        Self::VisitorFull,
        Self::SpamReferrer,
        Self::SiteRemoved,
    ];

    /// Whether it is a refusal before the queue; the others are set aside behind it.
    pub fn is_of_the_edge(self) -> bool {
        self.code() < Self::Bot.code()
    }

    pub fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The name that answers, ledgers and metrics use. Stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::InvalidUrl => "invalid_url",
            Self::UnknownHost => "unknown_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::SiteMismatch => "site_mismatch",
            Self::ExcludedIp => "excluded_ip",
            Self::TooOld => "too_old",
            Self::InvalidName => "invalid_name",
            Self::InvalidProps => "invalid_props",
            Self::InvalidAmount => "invalid_amount",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::InvalidText => "invalid_text",
            Self::InvalidToken => "invalid_token",
            Self::TokenMismatch => "token_mismatch",
            Self::InvalidIp => "invalid_ip",
            Self::Bot => "bot",
            Self::VisitorFull => "visitor_full",
            Self::SpamReferrer => "spam_referrer",
            Self::SiteRemoved => "site_removed",
        }
    }
}

impl Verdict {
    /// The name that answers use. Stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Expired => "expired",
            Self::Dead => "dead",
            Self::Not(reason) => reason.name(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_code_and_name() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(Reason::ALL.iter().filter(|other| other.name() == reason.name()).count(), 1);
        }
    }
}
