use weir_event::{DayFrame, Kind, limits};

use crate::{Client, Source, UnitEvent, ValueId};

/// Events of one visitor with no gap over the timeout, and what the definitions make of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit<'a> {
    /// Ascending by (time, tie); at least one of them counted.
    pub events: &'a [UnitEvent],
    pub start_secs: i64,
    /// False for the continuation of a visit that began before midnight: its views and its visitor
    /// count, but it is no new visit, entry, bounce or source.
    pub counts: bool,
    pub pageviews: usize,
    /// Exactly one page view and no interactive custom event.
    pub bounce: bool,
    /// The larger of the time between first and last event and the engaged time.
    pub duration_secs: i64,
    pub entry: Option<ValueId>,
    pub exit: Option<ValueId>,
    /// The first counted event's.
    pub client: Client,
    /// The first page view's, else the first counted event's; a continuation has none.
    pub source: Option<Source>,
}

/// Splits one visitor's day into visits. `events` ascend by (time, tie).
pub fn visits<'a>(events: &'a [UnitEvent], day: &DayFrame, timeout_secs: i64) -> Vec<Visit<'a>> {
    events
        .chunk_by(|before, after| after.since_secs() - before.time.secs() <= timeout_secs)
        .filter_map(|events| Visit::of(events, day))
        .collect()
}

impl<'a> Visit<'a> {
    /// `None` where nothing in it counts: a ping of engaged time alone is no visit.
    fn of(events: &'a [UnitEvent], day: &DayFrame) -> Option<Self> {
        let first = events.iter().find(|event| event.is_counted())?;
        let last = events.last()?;
        let start_secs = events[0].time.secs();
        let mut views = events.iter().filter(|event| event.kind == Kind::PageView);
        let entry = views.next();
        let exit = views.next_back().or(entry);
        let pageviews = events.iter().filter(|event| event.kind == Kind::PageView).count();
        let acted = events.iter().any(|event| event.kind == Kind::Custom);
        let engaged_ms: i64 = events.iter().map(|event| i64::from(event.engaged_ms)).sum();
        let counts = !(first.source.own && start_secs < day.start.secs() + limits::CONTINUATION_SECS);
        let page = |view: Option<&UnitEvent>| view.filter(|_| counts).map(|view| view.page);
        Some(Self {
            events,
            start_secs,
            counts,
            pageviews,
            bounce: counts && pageviews == 1 && !acted,
            duration_secs: (last.time.secs() - start_secs).max(engaged_ms / 1_000),
            entry: page(entry),
            exit: page(exit),
            client: first.client,
            source: counts.then(|| entry.unwrap_or(first).source),
        })
    }
}

#[cfg(test)]
mod tests;
