//! What follows a day's midnight: close, seal, expire. Each day and step is a transaction of its
//! own and can be repeated.

use weir_event::{LocalDay, Millis, SiteId, limits};
use weir_fault::Point;
use weir_store::{Batch, DayState, SiteDay, Store, StoreError};

use crate::recompute::Checksum;

/// How long after a day's key is destroyed its visitors' last events may still be on their way
/// through the queue.
const CLOSE_AFTER_MS: i64 = limits::DAY_KEY_GRACE_MS + Millis::MINUTE;

/// Events are taken for a day after they happened; an hour more, and the day is as it will be.
const SEAL_AFTER_MS: i64 = limits::EVENT_AGE_MS_MAX + Millis::HOUR;

/// Days looked at per step, so that a long absence is worked off piecemeal.
const DAYS_PER_STEP: usize = 100;

/// How long events are kept; statistics outlive them.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    pub raw_days: Option<u32>,
    pub set_aside_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { raw_days: None, set_aside_days: 30 }
    }
}

/// Follows the receipt time.
pub(crate) struct Retire {
    retention: Retention,
    /// The minute of receipt last looked at: nothing here is due more often.
    minute: i64,
    hour: i64,
}

impl Retire {
    pub fn new(retention: Retention) -> Self {
        Self { retention, minute: i64::MIN, hour: i64::MIN }
    }

    pub fn follow(&mut self, store: &mut Store, received: Millis) -> Result<(), StoreError> {
        let minute = received.0.div_euclid(Millis::MINUTE);
        if minute == self.minute {
            return Ok(());
        }
        each_day(store, DayState::Open, received - CLOSE_AFTER_MS, |store, site, day| {
            let mut batch = store.begin()?;
            batch.close_day(site, day.frame.day)?;
            weir_fault::pass(Point::CloseWritten);
            committed(batch)
        })?;
        each_day(store, DayState::Closed, received - SEAL_AFTER_MS, |store, site, day| {
            let mut batch = store.begin()?;
            batch.seal_day(site, day)?;
            weir_fault::pass(Point::SealWritten);
            committed(batch)
        })?;
        let hour = received.0.div_euclid(Millis::HOUR);
        if hour != self.hour {
            self.hourly(store, received)?;
            self.hour = hour;
        }
        self.minute = minute;
        Ok(())
    }

    fn hourly(&self, store: &mut Store, received: Millis) -> Result<(), StoreError> {
        self.expire_set_aside(store, received)?;
        let Some(days) = self.retention.raw_days else { return Ok(()) };
        each_day(store, DayState::Sealed, received - i64::from(days) * Millis::DAY, |store, site, day| {
            let mut batch = store.begin()?;
            let mut checksum = Checksum::default();
            batch.day_rows(site, &day.frame, &mut |key, counters| checksum.add(&key, &counters))?;
            batch.freeze_day(site, day, &checksum.bytes())?;
            weir_fault::pass(Point::FreezeWritten);
            committed(batch)
        })
    }

    /// Rows that were set aside have had their time.
    fn expire_set_aside(&self, store: &mut Store, received: Millis) -> Result<(), StoreError> {
        let limit = received - i64::from(self.retention.set_aside_days) * Millis::DAY;
        let mut batch = store.begin()?;
        for (site, day) in batch.days_with_set_aside(limit, DAYS_PER_STEP)? {
            if let Some(day) = batch.day(site, day)? {
                batch.expire_set_aside(site, &day)?;
                weir_fault::pass(Point::AsideExpired);
            }
        }
        committed(batch)
    }
}

fn committed(batch: Batch<'_>) -> Result<(), StoreError> {
    batch.commit()?;
    weir_fault::pass(Point::RetireCommitted);
    Ok(())
}

fn each_day(
    store: &mut Store,
    state: DayState,
    ended_before: Millis,
    mut step: impl FnMut(&mut Store, SiteId, &SiteDay) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let due: Vec<(SiteId, LocalDay)> = store.begin()?.days_ended(state, ended_before, DAYS_PER_STEP)?;
    for (site, day) in due {
        let found = store.begin()?.day(site, day)?;
        if let Some(day) = found {
            step(store, site, &day)?;
        }
    }
    Ok(())
}
