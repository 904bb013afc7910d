use std::collections::HashMap;
use std::time::Instant;

use weir_event::{SiteId, limits};

use crate::delivery::NewRows;
use crate::drain::DrainRate;
use crate::{Limit, QueueOptions, Refused};

/// What the queue holds at this moment, against what it may hold. Events *wait* until they are
/// committed and are *backlog* until they are settled; they are *held* while either.
pub(crate) struct Load {
    options: QueueOptions,
    /// How many sites share the room. One may use all of it.
    sites: usize,
    waiting_events: usize,
    waiting_bytes: usize,
    backlog_events: u64,
    settled_events: u64,
    by_site: HashMap<SiteId, SiteLoad>,
    drain: DrainRate,
    refused: Refused,
}

/// One site's part of it.
#[derive(Debug, Clone, Copy, Default)]
struct SiteLoad {
    waiting: u64,
    held: u64,
}

/// What somebody would like to add.
struct Wish<'a> {
    events: usize,
    bytes: usize,
    by_site: &'a [(SiteId, u64)],
}

/// A limit that a wish would pass, and what has to be settled until somebody may try again: `None`
/// where that is not what it waits for.
struct Passed {
    limit: Limit,
    to_settle: Option<u64>,
}

/// A site that is refused for its share is no reason to call the whole queue full.
const ONE_EVENT_OF_A_NEW_SITE: Wish = Wish { events: 1, bytes: 1, by_site: &[] };

impl Load {
    pub fn new(options: QueueOptions, backlog_by_site: HashMap<SiteId, u64>) -> Self {
        let backlog_events = backlog_by_site.values().sum();
        let held = |(site, held)| (site, SiteLoad { waiting: 0, held });
        Self {
            options,
            sites: 1,
            waiting_events: 0,
            waiting_bytes: 0,
            backlog_events,
            settled_events: 0,
            by_site: backlog_by_site.into_iter().map(held).collect(),
            drain: DrainRate::default(),
            refused: Refused::default(),
        }
    }

    pub fn share_among(&mut self, sites: usize) {
        self.sites = sites;
    }

    /// Takes the rows in as waiting, or says which limit they would pass and in how many seconds
    /// another try makes sense.
    pub fn admit(&mut self, rows: &NewRows, disk_is_low: bool) -> Result<(), (Limit, u32)> {
        let by_site = rows.events_by_site();
        let wish = Wish { events: rows.events(), bytes: rows.bytes(), by_site: &by_site };
        if let Some(passed) = self.limit_passed_by(&wish, disk_is_low) {
            self.refused.count(passed.limit);
            return Err((passed.limit, self.secs_until_room(&passed)));
        }
        self.waiting_events += wish.events;
        self.waiting_bytes += wish.bytes;
        for (site, n) in by_site {
            let load = self.by_site.entry(site).or_default();
            load.waiting += n;
            load.held += n;
        }
        Ok(())
    }

    /// Refuses whoever comes where not even one event of anybody would fit.
    pub fn turn_away_if_full(&mut self, disk_is_low: bool) -> Result<(), (Limit, u32)> {
        let Some(passed) = self.limit_passed_by(&ONE_EVENT_OF_A_NEW_SITE, disk_is_low) else { return Ok(()) };
        self.refused.count(passed.limit);
        Err((passed.limit, self.secs_until_room(&passed)))
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
        self.settled_events += events;
        self.let_go(by_site);
        self.drain.settled(events, now);
    }

    fn stop_waiting(&mut self, rows: &NewRows) {
        self.waiting_events -= rows.events();
        self.waiting_bytes -= rows.bytes();
        for (site, n) in rows.events_by_site() {
            if let Some(load) = self.by_site.get_mut(&site) {
                load.waiting = load.waiting.saturating_sub(n);
            }
        }
    }

    /// Sites of which nothing is held are forgotten: the map is bounded by what is held.
    fn let_go(&mut self, by_site: impl IntoIterator<Item = (SiteId, u64)>) {
        for (site, n) in by_site {
            let load = self.by_site.remove(&site).unwrap_or_default();
            let held = load.held.saturating_sub(n);
            if held > 0 {
                self.by_site.insert(site, SiteLoad { held, ..load });
            }
        }
    }

    fn held(&self) -> u64 {
        self.backlog_events + self.waiting_events as u64
    }

    fn limit_passed_by(&self, wish: &Wish, disk_is_low: bool) -> Option<Passed> {
        if wish.events == 0 {
            return None;
        }
        let options = &self.options;
        let held = self.held() + wish.events as u64;
        if disk_is_low {
            return Some(Passed { limit: Limit::Disk, to_settle: None });
        }
        if held > options.backlog_events_max {
            let to_settle = Some(past_nine_tenths(self.held(), options.backlog_events_max));
            return Some(Passed { limit: Limit::Backlog, to_settle });
        }
        let waits_too_much = self.waiting_events + wish.events > options.waiting_events_max
            || self.waiting_bytes + wish.bytes > options.waiting_bytes_max;
        if waits_too_much {
            return Some(Passed { limit: Limit::Waiting, to_settle: Some(0) });
        }
        wish.by_site.iter().find_map(|(site, n)| self.share_passed_by(*site, *n, held))
    }

    /// Whether the site would fill more of the backlog, or of what waits, than its share of the room
    /// that the others leave. However many sites flood the queue, each leaves a part of what it
    /// found free: one that holds little always gets in.
    fn share_passed_by(&self, site: SiteId, n: u64, held: u64) -> Option<Passed> {
        let share = self.options.site_share_max;
        if self.sites < 2 || share >= 1.0 {
            return None;
        }
        let part = |max: u64, others: u64| (max.saturating_sub(others) as f64 * share) as u64;
        let load = self.by_site.get(&site).copied().unwrap_or_default();
        let wait_together = self.waiting_events as u64 - load.waiting;
        if load.waiting + n > part(self.options.waiting_events_max as u64, wait_together) {
            return Some(Passed { limit: Limit::SiteShare, to_settle: Some(0) });
        }
        let would_hold = load.held + n;
        let site_max = part(self.options.backlog_events_max, held.saturating_sub(would_hold));
        if would_hold <= site_max {
            return None;
        }
        // The processor takes rows in their order: the others' rows between go with the site's.
        let of_all = held as f64 / would_hold as f64;
        let to_settle = past_nine_tenths(load.held, site_max) as f64 * of_all;
        Some(Passed { limit: Limit::SiteShare, to_settle: Some(to_settle as u64) })
    }

    fn secs_until_room(&self, passed: &Passed) -> u32 {
        let secs = match passed.to_settle {
            Some(0) => Some(1.0),
            Some(events) => self.drain.secs_for(events, Instant::now()),
            None => None,
        };
        let secs_max = limits::RETRY_AFTER_SECS_MAX;
        secs.map_or(secs_max, |secs| secs.clamp(1.0, f64::from(secs_max)) as u32)
    }

    /// The limit that one event of a site without a backlog would pass.
    pub fn full_by(&self, disk_is_low: bool) -> Option<Limit> {
        self.limit_passed_by(&ONE_EVENT_OF_A_NEW_SITE, disk_is_low).map(|passed| passed.limit)
    }

    pub fn retry_after_secs(&self, disk_is_low: bool) -> u32 {
        let passed = self.limit_passed_by(&ONE_EVENT_OF_A_NEW_SITE, disk_is_low);
        passed.map_or(1, |passed| self.secs_until_room(&passed))
    }

    pub fn waiting_events(&self) -> usize {
        self.waiting_events
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub fn backlog_events(&self) -> u64 {
        self.backlog_events
    }

    /// What the site that holds most holds.
    pub fn largest_site_events(&self) -> u64 {
        self.by_site.values().map(|load| load.held).max().unwrap_or(0)
    }

    pub fn settled_events(&self) -> u64 {
        self.settled_events
    }

    pub fn settled_per_sec(&self) -> f64 {
        self.drain.per_sec(Instant::now()).unwrap_or(0.0)
    }

    pub fn refused(&self) -> Refused {
        self.refused
    }
}

/// What has to go until a tenth is free, so that those who were sent away do not come back to find
/// room for one.
fn past_nine_tenths(held: u64, max: u64) -> u64 {
    held.saturating_sub(max - max / 10).max(1)
}

#[cfg(test)]
mod tests;
