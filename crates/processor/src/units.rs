//! Visitors' days: what a batch adds to each, and the difference it makes.

use rustc_hash::FxHashMap;
use weir_event::{EventId, LocalDay, Reason, limits};
use weir_rollups::{Delta, UnitEvent};
use weir_store::{Batch, BookEntry, SiteDay, StoreError, UnitKey};

use crate::apply::{Arrival, new_row};

/// Arrivals by visitor's day, each in the order in which they came.
#[derive(Default)]
pub(crate) struct Units<'a>(FxHashMap<UnitKey, Vec<Arrival<'a>>>);

/// Where one arrival went.
pub(crate) struct Booked {
    pub id: EventId,
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

/// Logs the arrivals of all units in the log's own order: it grows at its end then, page after page,
/// where the order of the visitors would tear pages apart all over it.
pub(crate) fn log(
    batch: &mut Batch<'_>,
    units: &mut [(UnitKey, Vec<Arrival<'_>>)],
) -> Result<(), StoreError> {
    let mut order = Vec::new();
    for (unit, (key, arrivals)) in units.iter_mut().enumerate() {
        let held = batch.unit_len(*key)?;
        for (n, arrival) in arrivals.iter_mut().enumerate() {
            arrival.is_too_many = held + n >= limits::UNIT_EVENTS_MAX;
            order.push((key.site, arrival.event.order(), unit, n));
        }
    }
    order.sort_unstable();
    for (site, _, unit, n) in order {
        let (key, arrivals) = &mut units[unit];
        let full = arrivals[n].is_too_many.then_some(Reason::VisitorFull);
        let row = new_row(site, &arrivals[n], Some(key.visitor), full.or(arrivals[n].reason));
        arrivals[n].event.tie = batch.log(&row)?;
    }
    Ok(())
}

/// Adds the arrivals, which are logged, to one visitor's day, and puts the difference that they make
/// into `delta`.
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
    events.extend(arrivals.iter().filter(|arrival| !arrival.is_too_many).map(|arrival| arrival.event));
    batch.add_to_unit(key, &events[before..])?;
    events.sort_unstable_by_key(UnitEvent::order);
    delta.add_unit(&events, &day.frame, day.visit_timeout_secs);
    let booked = |arrival: Arrival<'_>| {
        let entry = match arrival.is_too_many {
            true => BookEntry::SetAside(Reason::VisitorFull),
            false => BookEntry::Stored,
        };
        Booked { id: arrival.id, received_day: arrival.received_day, entry }
    };
    Ok(arrivals.into_iter().map(booked).collect())
}
