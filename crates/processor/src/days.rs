//! The days that a batch touches, and what each is folded with.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use weir_event::{DayFrame, Event, LocalDay, SiteId};
use weir_registry::{Counting, Site};
use weir_rollups::FOLD_VERSION;
use weir_store::{Batch, DayState, SiteDay, StoreError};

use crate::refold::refold;

/// Days looked up during one batch.
#[derive(Default)]
pub(crate) struct Days(FxHashMap<(SiteId, LocalDay), SiteDay>);

impl Days {
    /// The event's day, opened with the site's present settings if this is its first event. `None`
    /// where the event's time does not lie within its day: such an event would count in a day whose
    /// log does not show it.
    pub fn of(
        &mut self,
        batch: &mut Batch<'_>,
        site: &Site,
        event: &Event,
    ) -> Result<Option<&SiteDay>, StoreError> {
        let day = match self.0.entry((site.id, event.day)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => match batch.day(site.id, event.day)? {
                Some(found) => vacant.insert(current(batch, site, found)?),
                None => {
                    let frame = site.zone.frame(event.day);
                    if !frame.contains(event.time) {
                        return Ok(None);
                    }
                    vacant.insert(open(batch, site, frame)?)
                }
            },
        };
        Ok(day.frame.contains(event.time).then_some(&*day))
    }

    /// Every day that was looked up.
    pub fn all(&self) -> impl Iterator<Item = (SiteId, LocalDay)> {
        self.0.keys().copied()
    }

    /// A day that an earlier step of this batch looked up.
    pub fn known(&self, site: SiteId, day: LocalDay) -> Option<&SiteDay> {
        self.0.get(&(site, day))
    }
}

/// A day that another version of the fold has folded is counted anew first: two versions must not
/// meet within a day.
fn current(batch: &mut Batch<'_>, site: &Site, day: SiteDay) -> Result<SiteDay, StoreError> {
    if day.fold_version == FOLD_VERSION || day.state == DayState::Frozen {
        return Ok(day);
    }
    refold(batch, site.id, day, Some(site.counting))
}

fn open(batch: &mut Batch<'_>, site: &Site, frame: DayFrame) -> Result<SiteDay, StoreError> {
    let Counting { visit_timeout_secs, counts_bots } = site.counting;
    let opened = SiteDay::opened(frame, site.zone.name(), FOLD_VERSION, visit_timeout_secs);
    let opened = SiteDay { counts_bots, ..opened };
    batch.open_day(site.id, &opened)?;
    Ok(opened)
}
