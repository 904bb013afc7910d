//! Bytes to events as their sender meant them. The shapes on the wire are known in here and nowhere
//! else.

mod object;
mod scalar;

mod props;
mod revenue;

mod batch;
mod one_event;

mod pixel;
mod plausible;

mod surrogate;

mod delivery;

pub(crate) use delivery::{Body, Fault, Form, decode};
pub(crate) use pixel::from_query;
pub(crate) use plausible::decode_plausible;
pub(crate) use surrogate::mend_surrogates;

use std::borrow::Cow;
use std::net::IpAddr;

use weir_event::{Amount, EventId};

/// An event as sent: well-formed, nothing of it judged yet.
#[derive(Debug, Default)]
pub(crate) struct SentEvent<'a> {
    pub id: Option<EventId>,
    pub action: Action,
    pub time: Option<SentTime>,
    pub url: Cow<'a, str>,
    /// Domains that it is meant for, with commas between, where the sender names any. The page's own
    /// site must be among them.
    pub domains: Cow<'a, str>,
    pub by_hash: bool,
    pub referrer: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub props: Checked<String>,
    pub revenue: Checked<Amount>,
    pub engaged_ms: u32,
    pub webdriver: bool,
    pub visitor: SentVisitor<'a>,
}

/// The visitor whom a sender with a token speaks for. From anybody else it is hearsay, and not even
/// judged: a wrong type costs a browser nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct SentVisitor<'a> {
    pub ip: Checked<IpAddr>,
    pub user_agent: Checked<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Action {
    #[default]
    PageView,
    Custom {
        interactive: bool,
    },
    Engagement,
}

/// When the sender's clock says that it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentTime {
    pub unix_ms: i64,
    /// Whether it is finer than a second, so that two events hardly share it.
    pub sub_second: bool,
}

/// A part that was read and judged in one go, since judging needs each of its members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Checked<T> {
    #[default]
    Absent,
    Good(T),
    Bad,
}

impl<T: Clone> Checked<T> {
    /// This, or where nothing was sent, the other.
    pub(crate) fn or(self, other: &Self) -> Self {
        match self {
            Self::Absent => other.clone(),
            sent => sent,
        }
    }
}

/// Not of the documented shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;
