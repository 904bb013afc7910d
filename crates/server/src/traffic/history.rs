//! Days of visits, past and present.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use weir_event::{Country, DayFrame, Event, LocalDay, Millis, SiteId, Zone};

use super::arrivals::{ARRIVALS, Arrival};
use super::pages::Pages;
use super::people::{AGENTS, BOTS, COUNTRIES};
use super::random::{Random, Weighted, mixed};
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

    /// What was received from the start of `first` until `until`, in the order of receipt.
    pub fn into_history(self, first: LocalDay, until: Millis) -> History {
        let (next_day, coming) = (self.profile.zone.frame(first), BinaryHeap::new());
        History { frame: next_day.clone(), next_day, traffic: self, until, to_begin: Vec::new(), coming }
    }

    /// When the visits of a day begin, the last one first.
    fn beginnings(&self, frame: &DayFrame) -> Vec<Beginning> {
        let Profile { seed, visitors_per_day, growth_per_day, last_day, .. } = self.profile;
        let mut random = Random::new(seed, season::of_day(frame.day, 0));
        let mean = visitors_per_day * season::factor(frame.day, last_day, growth_per_day, seed);
        let ordinary = rounded(mean, &mut random);
        let surge = season::surge(frame.day, seed)
            .map(|more| (self.surges[random.below(self.surges.len())], rounded(mean * more, &mut random)));
        let hours = Weighted::new(frame.hours.iter().map(|hour| season::HOURS[wall_hour(hour.wall_minutes)]));
        let visitors = ordinary + surge.map_or(0, |(_, visitors)| visitors);
        let mut beginnings = Vec::with_capacity(visitors as usize);
        for number in 0..visitors {
            let start = moment(frame, &hours, &mut self.random_of(frame.day, number, 0));
            let surge = surge.filter(|_| number >= ordinary).map(|(arrival, _)| arrival);
            let again = self.visitor(frame, number, start, surge).again;
            beginnings.push(Beginning { at: start, number, start, surge });
            beginnings.extend(again.map(|(at, _)| Beginning { at, number, start, surge }));
        }
        beginnings.sort_unstable_by_key(|beginning| Reverse((beginning.at, beginning.number)));
        beginnings
    }

    /// Somebody whose first visit of the day is at `start`: the same however often one asks.
    pub(super) fn visitor(
        &self,
        frame: &DayFrame,
        number: u64,
        start: Millis,
        surge: Option<&'static Arrival>,
    ) -> Visitor {
        let random = &mut self.random_of(frame.day, number, 1);
        let arrivals = &self.arrivals[season::weekday(frame.day)];
        let arrival = surge.unwrap_or_else(|| &ARRIVALS[arrivals.pick(random)]);
        let person = self.person(number, start, random);
        let again = start + random.between(45.0, 300.0) as i64 * Millis::MINUTE;
        let returns = random.chance(RETURN_SHARE) && again < frame.end;
        // Mostly they remember the address.
        let remembered = if random.chance(0.6) { &ARRIVALS[0] } else { arrival };
        Visitor { person, first: (start, arrival), again: returns.then_some((again, remembered)) }
    }

    /// What a visitor does on the visit that begins at `at`.
    pub(super) fn visit(&self, frame: &DayFrame, visitor: &Visitor, at: Millis) -> Vec<Event> {
        let (start, arrival) = visitor.again.filter(|(again, _)| *again == at).unwrap_or(visitor.first);
        let nth = if start == visitor.first.0 { 2 } else { 3 };
        let Profile { site, ref domain, seed, .. } = self.profile;
        let setting = Setting { site, domain, seed, frame, pages: &self.pages };
        let random = &mut self.random_of(frame.day, visitor.person.number, nth);
        let mut events = Vec::new();
        Visit { setting: &setting, person: visitor.person, arrival, random, events: &mut events }.from(start);
        events
    }

    /// Numbers for one purpose of one visitor's day.
    fn random_of(&self, day: LocalDay, number: u64, purpose: u64) -> Random {
        Random::new(self.profile.seed ^ mixed(number), season::of_day(day, 8 + purpose))
    }

    fn person(&self, number: u64, start: Millis, random: &mut Random) -> Person {
        let utc_hour = start.0.div_euclid(Millis::HOUR).rem_euclid(24) as usize;
        let (country, ..) = COUNTRIES[self.countries[utc_hour].pick(random)];
        let bot = random.chance(BOT_SHARE);
        let agent = if bot { BOTS[random.below(BOTS.len())] } else { AGENTS[self.agents.pick(random)].1 };
        Person { number, agent, country: Country(*country), bot }
    }
}

/// Somebody, and their visits of one day.
#[derive(Debug)]
pub(super) struct Visitor {
    pub person: Person,
    pub first: (Millis, &'static Arrival),
    pub again: Option<(Millis, &'static Arrival)>,
}

/// A visit that has not begun, of a visitor whose first one is at `start`.
#[derive(Debug)]
struct Beginning {
    at: Millis,
    number: u64,
    start: Millis,
    surge: Option<&'static Arrival>,
}

/// Events in the order of receipt. Holds the visits under way and when those of one day begin,
/// however many days there are.
#[derive(Debug)]
pub(crate) struct History {
    traffic: Traffic,
    until: Millis,
    /// The day whose visits begin.
    frame: DayFrame,
    next_day: DayFrame,
    /// The next one last.
    to_begin: Vec<Beginning>,
    coming: BinaryHeap<Coming>,
}

impl Iterator for History {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let begins = self.to_begin.last().map_or(self.next_day.start, |beginning| beginning.at);
            let over = self.until <= begins;
            // What has not begun can't be received yet.
            if self.coming.peek().is_some_and(|first| over || first.0.received < begins) {
                let event = self.coming.pop()?.0;
                return (event.received < self.until).then_some(*event);
            }
            if over {
                return None;
            }
            self.begin();
        }
    }
}

impl History {
    /// The next visit, or the next day.
    fn begin(&mut self) {
        if let Some(Beginning { at, number, start, surge }) = self.to_begin.pop() {
            let visitor = self.traffic.visitor(&self.frame, number, start, surge);
            let events = self.traffic.visit(&self.frame, &visitor, at);
            return self.coming.extend(events.into_iter().map(|event| Coming(Box::new(event))));
        }
        let after = self.traffic.profile.zone.frame(self.next_day.day.next());
        self.frame = std::mem::replace(&mut self.next_day, after);
        self.to_begin = self.traffic.beginnings(&self.frame);
    }
}

/// The greatest is received first.
#[derive(Debug)]
struct Coming(Box<Event>);

impl Ord for Coming {
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |coming: &Self| (coming.0.received, coming.0.id);
        place(other).cmp(&place(self))
    }
}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Coming {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Coming {}

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
    use std::collections::{HashMap, HashSet};

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
        Traffic::new(profile).into_history(first, until).collect()
    }

    #[test]
    fn the_same_profile_gives_the_same_events() {
        assert_eq!(history("Europe/Berlin"), history("Europe/Berlin"));
    }

    #[test]
    fn an_earlier_end_gives_the_same_events_up_to_it() {
        let profile = profile("Asia/Kathmandu");
        let first = LocalDay(profile.last_day.0 - 2);
        let until = |day: LocalDay| {
            let end = profile.zone.start_of(day);
            Traffic::new(profile.clone()).into_history(first, end).collect::<Vec<_>>()
        };
        let (short, long) = (until(profile.last_day), until(profile.last_day.next()));
        assert!(short.len() > 1_000 && long.len() > short.len() + 500);
        assert_eq!(short[..], long[..short.len()]);
        assert!(until(first).is_empty());
    }

    #[test]
    fn a_busy_day_is_held_in_memory_only_where_it_is_under_way() {
        let busy = Profile { visitors_per_day: 20_000.0, ..profile("Europe/Berlin") };
        let end = busy.zone.start_of(busy.last_day.next());
        let mut history = Traffic::new(busy.clone()).into_history(busy.last_day, end);
        let (mut events, mut held) = (0, 0);
        while history.next().is_some() {
            events += 1;
            held = held.max(history.coming.len());
        }
        assert!(events > 60_000 && held < 2_000, "{held} of {events}");
    }

    #[test]
    fn some_come_again_on_the_same_day() {
        let mut of_visitors: HashMap<_, Vec<Millis>> = HashMap::new();
        for event in history("Europe/Berlin") {
            of_visitors.entry(event.visitor).or_default().push(event.time);
        }
        let gap = |times: &Vec<Millis>| times.windows(2).any(|two| two[1] - two[0] > 35 * Millis::MINUTE);
        let again = of_visitors.values().filter(|times| gap(times)).count();
        assert!((again * 100 / of_visitors.len()).abs_diff(15) < 6, "{again} of {}", of_visitors.len());
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
