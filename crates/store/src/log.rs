use weir_event::{EventId, Kind, LocalDay, Millis, QueueId, Reason, Seq, SiteId};
use weir_rollups::{Counters, Key, UnitEvent, ValueId};

/// Names a visitor's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitKey {
    pub site: SiteId,
    pub day: LocalDay,
    /// The visitor id while the day is open or closed, an ordinal once it is sealed.
    pub visitor: u64,
}

/// An event on its way into the log.
#[derive(Debug, Clone, Copy)]
pub struct NewRow<'a> {
    pub site: SiteId,
    pub event: UnitEvent,
    pub visitor: Option<u64>,
    /// Compact JSON object, or empty.
    pub props: &'a str,
    /// Why the fold skips it; `None`: it counts.
    pub set_aside: Option<Reason>,
    /// Local day of receipt minus local day of the event: the ledger needs it when the row expires.
    pub days_late: i32,
}

/// An event in the log.
#[derive(Debug, Clone, Copy)]
pub struct LogRow<'a> {
    pub event: UnitEvent,
    /// `None` where the event came too late to have one.
    pub visitor: Option<u64>,
    pub props: &'a str,
    pub set_aside: Option<Reason>,
    pub days_late: i32,
}

/// An event in the log as it lies there: clients and sources by their numbers.
#[derive(Debug, Clone, Copy)]
pub struct RawRow<'a> {
    pub visitor: Option<u64>,
    pub time: Millis,
    /// Orders events of one time; of a sealed day, those of one visitor.
    pub tie: u32,
    pub kind: Kind,
    pub page: ValueId,
    pub client: u32,
    pub source: u32,
    pub name: ValueId,
    pub engaged_ms: u32,
    pub amount: Option<(ValueId, i64)>,
    pub props: &'a str,
    pub set_aside: Option<Reason>,
    pub days_late: i32,
}

/// A row of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatRow {
    pub bucket: i64,
    pub value: ValueId,
    /// An event's currency, a flow's target; else absent.
    pub second: ValueId,
    pub counters: Counters,
}

/// A queue row that could not be folded, kept whole so that it can be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEvent {
    pub queue: QueueId,
    pub seq: Seq,
    pub site: SiteId,
    pub received_day: LocalDay,
    /// Else a wish, which is in no books.
    pub is_event: bool,
    /// Where the row could be read.
    pub id: Option<EventId>,
    pub error: String,
    pub body: Vec<u8>,
}

/// A dead row as it is listed, without what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLine {
    /// What people call it by; never used again.
    pub number: u64,
    pub queue: QueueId,
    pub seq: Seq,
    pub site: SiteId,
    pub received_day: LocalDay,
    pub is_event: bool,
    pub error: String,
}

impl StatRow {
    pub fn key(&self, of: Key) -> Key {
        Key { bucket: self.bucket, value: self.value, second: self.second, ..of }
    }
}
