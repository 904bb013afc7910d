use std::collections::HashMap;
use std::time::Instant;

use weir_event::{SiteId, limits};

use crate::QueueOptions;
use crate::delivery::NewRows;
use crate::drain::DrainRate;

/// What the queue holds at this moment, against what it may hold. Events *wait* until they are
/// committed and are *backlog* until they are settled; they are *held* while either.
pub(crate) struct Load {
    options: QueueOptions,
    waiting_events: usize,
    waiting_bytes: usize,
    backlog_events: u64,
    held_by_site: HashMap<SiteId, u64>,
    drain: DrainRate,
    refused: u64,
}

/// The limit that an append would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Waiting,
    Backlog,
    Site { held: u64 },
    Disk,
}

/// What somebody would like to add.
struct Wish<'a> {
    events: usize,
    bytes: usize,
    by_site: &'a [(SiteId, u64)],
}

/// A site that is refused for its share is no reason to call the whole queue full.
const ONE_EVENT_OF_A_NEW_SITE: Wish = Wish { events: 1, bytes: 1, by_site: &[] };

impl Load {
    pub fn new(options: QueueOptions, backlog_by_site: HashMap<SiteId, u64>) -> Self {
        Self {
            options,
            waiting_events: 0,
            waiting_bytes: 0,
            backlog_events: backlog_by_site.values().sum(),
            held_by_site: backlog_by_site,
            drain: DrainRate::default(),
            refused: 0,
        }
    }

    /// Takes the rows in as waiting, or says in how many seconds another try makes sense.
    pub fn admit(&mut self, rows: &NewRows, disk_is_low: bool) -> Result<(), u32> {
        let by_site = rows.events_by_site();
        let wish = Wish { events: rows.events(), bytes: rows.bytes(), by_site: &by_site };
        if let Some(limit) = self.limit_passed_by(&wish, disk_is_low) {
            self.refused += 1;
            return Err(self.secs_until_room(limit));
        }
        self.waiting_events += wish.events;
        self.waiting_bytes += wish.bytes;
        for (site, n) in by_site {
            *self.held_by_site.entry(site).or_default() += n;
        }
        Ok(())
    }

    pub fn committed(&mut self, rows: &NewRows) {
        self.stop_waiting(rows);
        self.backlog_events += rows.events() as u64;
    }

    pub fn failed(&mut self, rows: &NewRows) {
        self.stop_waiting(rows);
        self.let_go(rows.events_by_site());
    }

    pub fn settled(&mut self, by_site: HashMap<SiteId, u64>, now: Instant) {
        let events: u64 = by_site.values().sum();
        self.backlog_events = self.backlog_events.saturating_sub(events);
        self.let_go(by_site);
        self.drain.settled(events, now);
    }

    fn stop_waiting(&mut self, rows: &NewRows) {
        self.waiting_events -= rows.events();
        self.waiting_bytes -= rows.bytes();
    }

    /// Sites of which nothing is held are forgotten: the map is bounded by what is held.
    fn let_go(&mut self, by_site: impl IntoIterator<Item = (SiteId, u64)>) {
        for (site, n) in by_site {
            let held = self.held_by_site.remove(&site).unwrap_or(0).saturating_sub(n);
            if held > 0 {
                self.held_by_site.insert(site, held);
            }
        }
    }

    fn held(&self) -> u64 {
        self.backlog_events + self.waiting_events as u64
    }

    fn limit_passed_by(&self, wish: &Wish, disk_is_low: bool) -> Option<Limit> {
        if wish.events == 0 {
            return None;
        }
        let options = &self.options;
        let held = self.held() + wish.events as u64;
        if disk_is_low {
            return Some(Limit::Disk);
        }
        if held > options.backlog_events_max {
            return Some(Limit::Backlog);
        }
        if let Some(held) = self.site_past_its_share(wish, held) {
            return Some(Limit::Site { held });
        }
        let waits_too_much = self.waiting_events + wish.events > options.waiting_events_max
            || self.waiting_bytes + wish.bytes > options.waiting_bytes_max;
        waits_too_much.then_some(Limit::Waiting)
    }

    /// What such a site would hold.
    fn site_past_its_share(&self, wish: &Wish, held: u64) -> Option<u64> {
        if held <= self.options.backlog_events_max / 4 {
            return None;
        }
        let would_hold = |(site, n): &(SiteId, u64)| self.held_by_site.get(site).unwrap_or(&0) + n;
        wish.by_site.iter().map(would_hold).find(|held| *held > self.options.site_events_max())
    }

    /// Until a tenth of the limit is free, so that those who were sent away do not come back to find
    /// room for one.
    fn secs_until_room(&self, limit: Limit) -> u32 {
        let over = |held: u64, max: u64| held.saturating_sub(max - max / 10);
        let secs = match limit {
            Limit::Waiting => Some(1.0),
            Limit::Backlog => self.drain.secs_for(over(self.held(), self.options.backlog_events_max)),
            Limit::Site { held } => self.drain.secs_for(over(held, self.options.site_events_max())),
            Limit::Disk => None,
        };
        let secs_max = limits::RETRY_AFTER_SECS_MAX;
        secs.map_or(secs_max, |secs| secs.clamp(1.0, f64::from(secs_max)) as u32)
    }

    pub fn is_full(&self, disk_is_low: bool) -> bool {
        self.limit_passed_by(&ONE_EVENT_OF_A_NEW_SITE, disk_is_low).is_some()
    }

    pub fn retry_after_secs(&self, disk_is_low: bool) -> u32 {
        let limit = self.limit_passed_by(&ONE_EVENT_OF_A_NEW_SITE, disk_is_low);
        limit.map_or(1, |limit| self.secs_until_room(limit))
    }

    pub fn waiting_events(&self) -> usize {
        self.waiting_events
    }

    pub fn backlog_events(&self) -> u64 {
        self.backlog_events
    }

    pub fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests;
