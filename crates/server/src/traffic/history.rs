//! Days of visits, past and present.

use weir_event::{Country, DayFrame, Event, LocalDay, Millis, SiteId, Zone};

use super::arrivals::{ARRIVALS, Arrival};
use super::pages::Pages;
use super::people::{AGENTS, BOTS, COUNTRIES};
use super::random::{Random, Weighted};
use super::season;
use super::visit::{Person, Setting, Visit};

/// Of all visitors, how many are crawlers.
const BOT_SHARE: f64 = 0.015;

/// Of all people, how many come again on the same day.
const RETURN_SHARE: f64 = 0.16;

/// Whose visitors these are, and how many.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub site: SiteId,
    pub domain: String,
    pub zone: Zone,
    /// Mean of the last days; before, there are fewer by the growth.
    pub visitors_per_day: f64,
    pub growth_per_day: f64,
    pub last_day: LocalDay,
    pub seed: u64,
}

/// Makes visits.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(super) profile: Profile,
    pages: Pages,
    agents: Weighted,
    /// By the hour in UTC: who is awake?
    countries: Vec<Weighted>,
    /// By the weekday.
    arrivals: Vec<Weighted>,
    surges: Vec<&'static Arrival>,
}

impl Traffic {
    pub fn new(profile: Profile) -> Self {
        let awake = |utc_hour: i64, ahead: i64| season::HOURS[(utc_hour + ahead).rem_euclid(24) as usize];
        let countries = |hour| Weighted::new(COUNTRIES.map(|(_, weight, ahead)| weight * awake(hour, ahead)));
        let arrivals = |weekday| Weighted::new(ARRIVALS.iter().map(|arrival| arrival.weight_on(weekday)));
        Self {
            profile,
            pages: Pages::new(),
            agents: Weighted::new(AGENTS.map(|(weight, _)| weight)),
            countries: (0..24).map(countries).collect(),
            arrivals: (0..7).map(arrivals).collect(),
            surges: ARRIVALS.iter().filter(|arrival| arrival.can_surge()).collect(),
        }
    }

    /// What was received from the start of `first` until `until`, a day's worth at a time, each in
    /// the order of receipt and after the one before.
    pub fn history(&self, first: LocalDay, until: Millis) -> impl Iterator<Item = Vec<Event>> + '_ {
        let mut day = first;
        let mut later: Vec<Event> = Vec::new();
        std::iter::from_fn(move || {
            let frame = self.profile.zone.frame(day);
            if until <= frame.start {
                return None;
            }
            day = day.next();
            let mut events = self.visits_of(&frame);
            events.append(&mut later);
            events.sort_by_key(|event| (event.received, event.id));
            later = events.split_off(events.partition_point(|event| event.received < frame.end));
            events.truncate(events.partition_point(|event| event.received < until));
            Some(events)
        })
    }

    /// All that those do who arrive on this day; some of it after its midnight.
    fn visits_of(&self, frame: &DayFrame) -> Vec<Event> {
        let Profile { seed, visitors_per_day, growth_per_day, last_day, .. } = self.profile;
        let mut random = Random::new(seed, season::of_day(frame.day, 0));
        let factor = season::factor(frame.day, last_day, growth_per_day, seed);
        let hours = Weighted::new(frame.hours.iter().map(|hour| season::HOURS[wall_hour(hour.wall_minutes)]));
        let mut events = Vec::new();
        let visitors = rounded(visitors_per_day * factor, &mut random);
        for number in 0..visitors {
            let start = moment(frame, &hours, &mut random);
            self.visitor(frame, number, start, None, &mut random, &mut events);
        }
        let Some(surge) = season::surge(frame.day, seed) else { return events };
        let arrival = self.surges[random.below(self.surges.len())];
        for number in 0..rounded(visitors_per_day * factor * surge, &mut random) {
            let start = moment(frame, &hours, &mut random);
            self.visitor(frame, visitors + number, start, Some(arrival), &mut random, &mut events);
        }
        events
    }

    /// One visitor's visits of the day, the first at `start`.
    pub(super) fn visitor(
        &self,
        frame: &DayFrame,
        number: u64,
        start: Millis,
        arrival: Option<&'static Arrival>,
        random: &mut Random,
        events: &mut Vec<Event>,
    ) {
        let arrivals = &self.arrivals[season::weekday(frame.day)];
        let arrival = arrival.unwrap_or_else(|| &ARRIVALS[arrivals.pick(random)]);
        let person = self.person(number, start, random);
        let Profile { site, ref domain, seed, .. } = self.profile;
        let setting = Setting { site, domain, seed, frame, pages: &self.pages };
        Visit { setting: &setting, person, arrival, random, events }.from(start);
        let again = start + random.between(45.0, 300.0) as i64 * Millis::MINUTE;
        if random.chance(RETURN_SHARE) && again < frame.end {
            // Mostly they remember the address.
            let arrival = if random.chance(0.6) { &ARRIVALS[0] } else { arrival };
            Visit { setting: &setting, person, arrival, random, events }.from(again);
        }
    }

    fn person(&self, number: u64, start: Millis, random: &mut Random) -> Person {
        let utc_hour = start.0.div_euclid(Millis::HOUR).rem_euclid(24) as usize;
        let (country, ..) = COUNTRIES[self.countries[utc_hour].pick(random)];
        let bot = random.chance(BOT_SHARE);
        let agent = if bot { BOTS[random.below(BOTS.len())] } else { AGENTS[self.agents.pick(random)].1 };
        Person { number, agent, country: Country(*country), bot }
    }
}

/// An instant of the day, as likely as its hour is busy.
fn moment(frame: &DayFrame, hours: &Weighted, random: &mut Random) -> Millis {
    let at = hours.pick(random);
    let start = Millis::from_secs(frame.hours[at].start_secs);
    let end = frame.hours.get(at + 1).map_or(frame.end, |next| Millis::from_secs(next.start_secs));
    start + random.below((end - start).unsigned_abs() as usize) as i64
}

pub(super) fn wall_hour(wall_minutes: i32) -> usize {
    (wall_minutes / 60).clamp(0, 23) as usize
}

/// A whole number, the fraction left to chance: half a visitor a day is one every other day.
fn rounded(mean: f64, random: &mut Random) -> u64 {
    (mean + random.unit()) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use weir_event::Kind;

    use super::*;

    fn profile(zone: &str) -> Profile {
        Profile {
            site: SiteId(1),
            domain: "lakeside.example".to_owned(),
            zone: zone.parse().expect("a zone"),
            visitors_per_day: 300.0,
            growth_per_day: 0.003,
            last_day: "2026-03-10".parse().expect("a date"),
            seed: 1,
        }
    }

    fn history(zone: &str) -> Vec<Event> {
        let profile = profile(zone);
        let until = profile.zone.start_of(profile.last_day) + 9 * Millis::HOUR;
        let first = LocalDay(profile.last_day.0 - 4);
        Traffic::new(profile).history(first, until).flatten().collect()
    }

    #[test]
    fn the_same_profile_gives_the_same_events() {
        assert_eq!(history("Europe/Berlin"), history("Europe/Berlin"));
    }

    #[test]
    fn events_come_in_the_order_of_their_receipt_and_end_when_told() {
        // New York turns its clocks within these days.
        let events = history("America/New_York");
        assert!(events.is_sorted_by_key(|event| event.received));
        let zone = profile("America/New_York").zone;
        let until = zone.start_of("2026-03-10".parse().expect("a date")) + 9 * Millis::HOUR;
        assert!(events.iter().all(|event| event.received < until));
        assert!(events.iter().any(|event| event.received > until - 30 * Millis::MINUTE));
    }

    #[test]
    fn days_and_receipts_are_the_zones() {
        for zone in ["America/New_York", "Asia/Kathmandu", "UTC"] {
            let zone_ = profile(zone).zone;
            for event in history(zone) {
                assert!(event.time < event.received, "{event:?}");
                assert_eq!(event.day, zone_.day_of(event.time), "{zone}: {event:?}");
                assert_eq!(event.received_day, zone_.day_of(event.received), "{zone}: {event:?}");
            }
        }
    }

    #[test]
    fn there_is_something_of_everything() {
        let events = history("Europe/Berlin");
        for kind in [Kind::PageView, Kind::Custom, Kind::Passive, Kind::Engagement] {
            assert!(events.iter().any(|event| event.kind == kind), "{kind:?}");
        }
        let distinct: HashSet<_> = events.iter().map(|event| event.id).collect();
        assert!(distinct.len() < events.len(), "some events are sent twice");
        assert!(distinct.len() * 100 > events.len() * 99, "but few are");
        assert!(events.iter().any(|event| event.amount.is_some()));
        assert!(events.iter().any(|event| BOTS.contains(&event.user_agent.as_str())));
        let past_midnight = |event: &&Event| event.received_day != event.day;
        assert!(events.iter().filter(past_midnight).count() < events.len() / 100);
    }
}
