//! The days that a batch touches, and what each is folded with.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use weir_event::{LocalDay, SiteId, limits};
use weir_registry::Site;
use weir_rollups::FOLD_VERSION;
use weir_store::{Batch, DayState, SiteDay, StoreError};

/// Days looked up during one batch.
#[derive(Default)]
pub(crate) struct Days(FxHashMap<(SiteId, LocalDay), SiteDay>);

impl Days {
    /// The day, opened with the site's present settings if this is its first event.
    pub fn get(&mut self, batch: &mut Batch<'_>, site: &Site, day: LocalDay) -> Result<&SiteDay, StoreError> {
        match self.0.entry((site.id, day)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => Ok(vacant.insert(match batch.day(site.id, day)? {
                Some(found) => found,
                None => open(batch, site, day)?,
            })),
        }
    }

    pub fn state(
        &mut self,
        batch: &mut Batch<'_>,
        site: &Site,
        day: LocalDay,
    ) -> Result<DayState, StoreError> {
        self.get(batch, site, day).map(|day| day.state)
    }

    /// A day that an earlier step of this batch looked up.
    pub fn known(&self, site: SiteId, day: LocalDay) -> Option<&SiteDay> {
        self.0.get(&(site, day))
    }
}

fn open(batch: &mut Batch<'_>, site: &Site, day: LocalDay) -> Result<SiteDay, StoreError> {
    let opened = SiteDay {
        frame: site.zone.frame(day),
        zone: site.zone.name().to_owned(),
        fold_version: FOLD_VERSION,
        visit_timeout_secs: limits::VISIT_TIMEOUT_SECS,
        state: DayState::Open,
        checksum: None,
    };
    batch.open_day(site.id, &opened)?;
    Ok(opened)
}
