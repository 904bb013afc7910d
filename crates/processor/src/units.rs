//! Visitors' days: what a batch adds to each, and the difference it makes.

use rustc_hash::FxHashMap;
use weir_event::{LocalDay, Reason, limits};
use weir_rollups::{Delta, UnitEvent};
use weir_store::{Batch, BookEntry, SiteDay, StoreError, UnitKey};

use crate::apply::{Arrival, new_row};

/// Arrivals by visitor's day, each in the order in which they came.
#[derive(Default)]
pub(crate) struct Units<'a>(FxHashMap<UnitKey, Vec<Arrival<'a>>>);

/// Where one arrival went.
pub(crate) struct Booked {
    pub received_day: LocalDay,
    pub entry: BookEntry,
}

impl<'a> Units<'a> {
    pub fn add(&mut self, key: UnitKey, arrival: Arrival<'a>) {
        self.0.entry(key).or_default().push(arrival);
    }

    /// In the order of the keys, which is the order of the rows they are kept in.
    pub fn into_sorted(self) -> Vec<(UnitKey, Vec<Arrival<'a>>)> {
        let mut units: Vec<_> = self.0.into_iter().collect();
        units.sort_unstable_by_key(|(key, _)| *key);
        units
    }
}

/// Logs the arrivals of one visitor's day and puts the difference they make into `delta`.
pub(crate) fn fold(
    batch: &mut Batch<'_>,
    key: UnitKey,
    day: &SiteDay,
    arrivals: Vec<Arrival<'_>>,
    delta: &mut Delta,
) -> Result<Vec<Booked>, StoreError> {
    let mut events = batch.unit(key)?;
    delta.take_unit(&events, &day.frame, day.visit_timeout_secs);
    let before = events.len();
    let mut booked = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let full = (events.len() >= limits::UNIT_EVENTS_MAX).then_some(Reason::VisitorFull);
        let tie = batch.log(&new_row(key.site, &arrival, Some(key.visitor), full.or(arrival.reason)))?;
        if full.is_none() {
            events.push(UnitEvent { tie, ..arrival.event });
        }
        let entry = full.map_or(BookEntry::Stored, BookEntry::SetAside);
        booked.push(Booked { received_day: arrival.received_day, entry });
    }
    batch.add_to_unit(key, &events[before..])?;
    events.sort_unstable_by_key(UnitEvent::order);
    delta.add_unit(&events, &day.frame, day.visit_timeout_secs);
    Ok(booked)
}
