//! `event_stats`: custom events by name. Rows with a currency hold what was sold under the name in
//! that currency; rows without one hold the counts.

use crate::{Counters, Seen, UnitEvent, ValueId};

pub(crate) fn name(seen: Seen<'_>) -> Option<ValueId> {
    seen.event.name.some()
}

/// (name, currency, what it adds) of an event with an amount.
pub(crate) fn sale(event: &UnitEvent) -> Option<(ValueId, ValueId, Counters)> {
    let (currency, amount) = event.amount?;
    let name = event.name.some()?;
    Some((name, currency.some()?, Counters { events: 1, amount, ..Counters::default() }))
}
