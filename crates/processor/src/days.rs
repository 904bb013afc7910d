//! The days that a batch touches, and what each is folded with.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use weir_event::{DayFrame, Event, LocalDay, SiteId, limits};
use weir_registry::Site;
use weir_rollups::FOLD_VERSION;
use weir_store::{Batch, DayState, SiteDay, StoreError};

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
                Some(found) => vacant.insert(found),
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

    /// A day that an earlier step of this batch looked up.
    pub fn known(&self, site: SiteId, day: LocalDay) -> Option<&SiteDay> {
        self.0.get(&(site, day))
    }
}

fn open(batch: &mut Batch<'_>, site: &Site, frame: DayFrame) -> Result<SiteDay, StoreError> {
    let opened = SiteDay {
        frame,
        zone: site.zone.name().to_owned(),
        fold_version: FOLD_VERSION,
        visit_timeout_secs: limits::VISIT_TIMEOUT_SECS,
        state: DayState::Open,
        checksum: None,
    };
    batch.open_day(site.id, &opened)?;
    Ok(opened)
}
