//! What must hold, compared with what is found.

use std::path::PathBuf;

use weir_event::{Millis, SiteId};
use weir_store::BookEntry;

use super::furnish::Furniture;
use super::known::{Known, KnownEvent};
use super::look::{Look, is_logged};
use super::server::RAW_DAYS;
use super::wishes::Wish;

/// Differences told in full.
const TOLD_MAX: usize = 20;

/// How long rows set aside are kept.
const ASIDE_DAYS: i64 = 30;

/// A promise that was not kept, and where to look.
#[derive(Debug, thiserror::Error)]
#[error(
    "seed {seed}, house {house}, cycle {cycle} ({what}):\n  {}\nThe data folder is kept: {}\nThe house again: torture kills --seed {seed} --from {} --cycles {}",
    .differences.join("\n  "), .folder.display(), .from, .cycle - .from + 1
)]
pub struct Broken {
    pub seed: u64,
    pub house: u64,
    pub cycle: u64,
    /// The first cycle of the house.
    pub from: u64,
    /// What was done in this cycle.
    pub what: String,
    pub differences: Vec<String>,
    pub folder: PathBuf,
}

/// How much has to be where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Acknowledged events are stored once, or wait; none is stored twice.
    AnyMoment,
    /// Nothing waits.
    Drained,
    /// Nothing waits, and all that is known was acknowledged.
    AllResent,
}

pub(super) fn differences(look: &Look, known: &Known, furniture: &Furniture, how: Strictness) -> Vec<String> {
    let mut found = events(look, known, how);
    found.extend(books(look, furniture));
    if how != Strictness::AnyMoment {
        found.extend(drained(look, known, furniture, how));
    }
    let more = found.len().saturating_sub(TOLD_MAX);
    found.truncate(TOLD_MAX);
    found.extend((more > 0).then(|| format!("... and {more} more")));
    found
}

fn events(look: &Look, known: &Known, how: Strictness) -> Vec<String> {
    let mut found = Vec::new();
    for (number, event) in known.events.iter().enumerate() {
        let stored = look.stored.get(&number).copied().unwrap_or(0);
        let pending = look.pending.get(&number).copied().unwrap_or(0);
        let must = event.is_acknowledged || how == Strictness::AllResent && !event.is_lost;
        if stored > 1 {
            found.push(format!("event {number} is counted {stored} times: {event:?}"));
        } else if must && stored + pending == 0 && !may_be_gone(look, event.time, event.is_past) {
            found.push(format!("event {number} was acknowledged and is lost: {event:?}"));
        }
    }
    let alien = look.stored.keys().chain(look.pending.keys()).filter(|number| **number >= known.events.len());
    found.extend(alien.map(|number| format!("event {number} was never sent")));
    if look.strange > 0 {
        found.push(format!("{} log rows carry no number", look.strange));
    }
    found
}

/// An event of the past may have expired, by itself or with its day.
fn may_be_gone(look: &Look, time: Millis, is_past: bool) -> bool {
    is_past && look.received - time > ASIDE_DAYS * Millis::DAY
}

fn books(look: &Look, furniture: &Furniture) -> Vec<String> {
    let mut found: Vec<String> = look.unbalanced().iter().map(|day| format!("the ledger: {day}")).collect();
    // Rows that the store has never heard of are in no books: it may be fewer.
    let (lost, lost_max) = (look.lost(), furniture.swaps.rows_lost);
    if lost > lost_max {
        found.push(format!("the ledger says {lost} events are lost, {lost_max} were in files that are gone"));
    }
    let sites: Vec<SiteId> = furniture.sites.iter().map(|site| site.id).collect();
    let rows: u64 = look.stored.values().sum();
    let booked = look.booked(&sites, is_logged);
    if booked != rows {
        found.push(format!("the ledger says {booked} events are in the log, {rows} are"));
    }
    found
}

fn drained(look: &Look, known: &Known, furniture: &Furniture, how: Strictness) -> Vec<String> {
    let mut found = Vec::new();
    let sites: Vec<SiteId> = furniture.sites.iter().map(|site| site.id).collect();
    let mut expect = |what: &str, expected: u64, is: u64| {
        found.extend((expected != is).then(|| format!("{what}: {expected} expected, {is} found")));
    };
    expect("pending rows", 0, look.pending_rows as u64);
    let is_gone = |(number, event): &(usize, &KnownEvent)| {
        event.is_past && event.is_acknowledged && !look.stored.contains_key(number)
    };
    let gone = known.events.iter().enumerate().filter(is_gone).count() as u64;
    expect("expired events", gone, look.booked(&sites, |entry| entry == BookEntry::Expired));
    let (mended, dropped) = (furniture.wishes.count(Wish::ReplayMended), furniture.wishes.count(Wish::Drop));
    let dead = furniture.damaged - mended - dropped;
    expect("dead events", dead, look.booked(&sites, |entry| entry == BookEntry::Dead));
    expect("dropped events", dropped, look.booked(&sites, |entry| entry == BookEntry::Dropped));
    let held = look.booked(&furniture.removed, |entry| is_logged(entry) || entry == BookEntry::Dead);
    expect("events held of removed sites", 0, held);
    if how != Strictness::AllResent || known.events.iter().all(|event| event.is_past) {
        return found;
    }
    // A batch was folded just now, so all days that ended this long ago have had their turn.
    let is_old =
        |event: &&KnownEvent| event.is_past && look.received - event.time > (RAW_DAYS + 3) * Millis::DAY;
    let old = known.events.iter().enumerate().filter(|(_, event)| is_old(event));
    let kept = old.filter(|(number, _)| look.stored.contains_key(number)).count() as u64;
    expect("events kept past their time", 0, kept);
    found
}
