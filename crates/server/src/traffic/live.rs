//! Visitors of this minute.

use weir_event::{Event, Millis};

use super::history::{Traffic, wall_hour};
use super::random::Random;
use super::season;

/// However early the morning, somebody comes this often: who tries Weir out wants to see visits.
const VISITS_PER_HOUR_MIN: f64 = 150.0;

/// Numbers of visitors that no history has reached.
const FIRST_NUMBER: u64 = 1 << 40;

/// Visitors as they come, from an instant on.
#[derive(Debug)]
pub(crate) struct Live {
    traffic: Traffic,
    random: Random,
    next_visit: Millis,
    number: u64,
    /// Of visits that have begun, what they are still going to do; the latest receipt first.
    coming: Vec<Event>,
}

impl Live {
    pub fn from(traffic: Traffic, start: Millis) -> Self {
        let random = Random::new(traffic.profile.seed, start.0.unsigned_abs());
        Self { traffic, random, next_visit: start, number: FIRST_NUMBER, coming: Vec::new() }
    }

    /// What was received since the last call, in the order of receipt.
    pub fn until(&mut self, now: Millis) -> Vec<Event> {
        while self.next_visit <= now {
            self.begin_visit();
        }
        let kept = self.coming.partition_point(|event| event.received > now);
        let mut due = self.coming.split_off(kept);
        due.reverse();
        due
    }

    fn begin_visit(&mut self) {
        let zone = &self.traffic.profile.zone;
        let start = self.next_visit;
        let frame = zone.frame(zone.day_of(start));
        let visitor = self.traffic.visitor(&frame, self.number, start, None);
        for (at, _) in [Some(visitor.first), visitor.again].into_iter().flatten() {
            self.coming.extend(self.traffic.visit(&frame, &visitor, at));
        }
        self.coming.sort_by_key(|event| std::cmp::Reverse((event.received, event.id)));
        self.number += 1;
        let hour = (start - frame.start) / Millis::MINUTE;
        let share = season::HOURS[wall_hour(hour as i32)] / season::HOURS.iter().sum::<f64>();
        let per_hour = (self.traffic.profile.visitors_per_day * share).max(VISITS_PER_HOUR_MIN);
        self.next_visit = start + 1 + self.random.wait(Millis::HOUR as f64 / per_hour) as i64;
    }
}

#[cfg(test)]
mod tests {
    use weir_event::SiteId;

    use super::*;
    use crate::traffic::Profile;

    #[test]
    fn every_event_comes_once_and_in_order_however_often_one_asks() {
        let zone: weir_event::Zone = "Europe/Berlin".parse().expect("a zone");
        let last_day = "2026-06-01".parse().expect("a date");
        let start = zone.start_of(last_day) + 23 * Millis::HOUR;
        let live = || {
            let (domain, zone) = ("lakeside.example".to_owned(), zone.clone());
            let profile = Profile {
                site: SiteId(1),
                domain,
                zone,
                visitors_per_day: 100.0,
                growth_per_day: 0.0,
                last_day,
                seed: 5,
            };
            Live::from(Traffic::new(profile), start)
        };
        let end = start + 2 * Millis::HOUR;
        let mut often = live();
        let steps: Vec<Event> =
            (0..=2 * 3_600).flat_map(|n| often.until(start + n * Millis::SECOND)).collect();
        assert_eq!(steps, live().until(end));
        assert!(steps.is_sorted_by_key(|event| event.received));
        assert!(steps.len() > 200, "{}", steps.len());
        assert!(steps.iter().all(|event| event.received <= end));
    }
}
