//! The words every other part speaks: events, ids, time, days, reasons and limits.
//!
//! Promises: every type here means one thing everywhere; converting between them is total or says
//! why not. Refuses to know: files, sockets, threads, SQL, any wire or row format.
//!
//! Invariants: time is UTC milliseconds ([`Millis`]) until a site's [`Zone`] turns it into a
//! [`LocalDay`]; a [`DayFrame`] partitions its day into hours without gap or overlap, whatever the
//! zone's clocks do.

mod clock;
mod ids;
mod time;

mod calendar;

mod event;
mod reason;

mod books;
mod control;

pub mod limits;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use books::{Opening, QueueBooks, QueueDay};
pub use calendar::{DayFrame, Grain, Hour, LocalDay, Month, Zone, ZoneError};
pub use clock::{Clock, SystemClock};
pub use control::Control;
pub use event::{Amount, ClickId, Country, Event, Kind, Referrer, Utm};
pub use ids::{EventId, QueueId, Seq, SiteId, VisitorId};
pub use reason::{Reason, Verdict};
pub use time::Millis;
