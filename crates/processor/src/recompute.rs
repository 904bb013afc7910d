//! A day's statistics from its log alone, the way that proves or restores them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use weir_rollups::{Counters, Delta, Key, UnitEvent};
use weir_store::{LogRow, SiteDay, StoreError};

/// Events of a day held in memory at once; a day of more is read in several passes, each over a
/// share of its visitors.
const HELD_EVENTS_MAX: usize = 250_000;

/// Calls back for every row of the day's log, ascending.
pub(crate) trait ReadDay: FnMut(&mut dyn FnMut(&LogRow<'_>)) -> Result<(), StoreError> {}

impl<F: FnMut(&mut dyn FnMut(&LogRow<'_>)) -> Result<(), StoreError>> ReadDay for F {}

/// What the day's rows of all statistics must be; each visitor's events go to `each_unit`.
pub(crate) fn day(
    day: &SiteDay,
    read: &mut impl ReadDay,
    each_unit: &mut dyn FnMut(u64, &[UnitEvent]),
) -> Result<Delta, StoreError> {
    let mut delta = Delta::default();
    let mut passes = 1;
    let mut pass = 0;
    while pass < passes {
        let Some(share) = share_of(read, pass, passes)? else {
            // Too many for memory: begin again with smaller shares.
            delta.clear();
            (pass, passes) = (0, passes * 2);
            continue;
        };
        for (visitor, mut events) in share.units {
            events.sort_unstable_by_key(UnitEvent::order);
            delta.add_unit(&events, &day.frame, day.visit_timeout_secs);
            each_unit(visitor, &events);
        }
        if pass == 0 {
            share.late.iter().for_each(|event| delta.add_late(event, &day.frame));
        }
        pass += 1;
    }
    Ok(delta)
}

#[derive(Default)]
struct Share {
    units: FxHashMap<u64, Vec<UnitEvent>>,
    late: Vec<UnitEvent>,
    held: usize,
}

/// The counted events of every `passes`-th visitor; `None` when they are more than may be held.
fn share_of(read: &mut impl ReadDay, pass: u64, passes: u64) -> Result<Option<Share>, StoreError> {
    let mut share = Share::default();
    read(&mut |row| {
        if row.set_aside.is_some() || share.held > HELD_EVENTS_MAX {
            return;
        }
        match row.visitor {
            Some(visitor) if visitor % passes == pass => {
                share.units.entry(visitor).or_default().push(row.event);
                share.held += 1;
            }
            Some(_) => {}
            None if pass == 0 => {
                share.late.push(row.event);
                share.held += 1;
            }
            None => {}
        }
    })?;
    let one_visitor_fits = passes < u64::from(u32::MAX);
    Ok((share.held <= HELD_EVENTS_MAX || !one_visitor_fits).then_some(share))
}

/// Of a day's statistics, whatever order they were read in.
pub(crate) fn checksum(rows: &[(Key, Counters)]) -> Vec<u8> {
    let sorted: BTreeMap<&Key, &Counters> = rows.iter().map(|(key, counters)| (key, counters)).collect();
    // FNV-1a over every number: this guards against accidents, not against an attacker, who could
    // rewrite the checksum as well.
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut mix = |number: i64| {
        for byte in number.to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (key, counters) in sorted {
        mix(key.table as i64);
        mix(key.grain as i64);
        mix(i64::from(key.role));
        mix(key.bucket);
        mix(i64::from(key.value.0));
        mix(i64::from(key.second.0));
        counters.values().into_iter().for_each(&mut mix);
    }
    hash.to_le_bytes().to_vec()
}
