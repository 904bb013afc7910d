//! What happens in a round, decided beforehand by its seed.

use weir_event::{Amount, Event, Kind, Millis, Referrer, SiteId, Zone};
use weir_testkit::page_view;

use crate::Dice;
use crate::disk::{Failure, Op};

/// Cuts of one workload.
pub const CUTS_PER_ROUND: u64 = 1_000;

/// The sites of every round; the last one is removed on the way.
pub(super) const SITES: [(&str, &str); 3] =
    [("one.example", "UTC"), ("two.example", "Asia/Kathmandu"), ("gone.example", "America/St_Johns")];

pub(super) const REMOVED: SiteId = SiteId(3);

/// Three hours before a midnight in UTC.
const BEGIN: Millis = Millis(1_780_012_800_000 - 3 * Millis::HOUR);

const STEPS: usize = 44;

/// A tracker gives an event up after a day; what is resent here is younger, also when it arrives.
const RESENT_MS_MAX: i64 = 20 * Millis::HOUR;

pub(super) struct Plan {
    pub deliveries: Vec<Delivery>,
    pub steps: Vec<Step>,
}

/// Events of one request, and when it was received.
#[derive(Clone)]
pub(super) struct Delivery {
    pub now: Millis,
    pub events: Vec<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Deliver(usize),
    /// The first syncs while the others come: they share a commit.
    DeliverTogether(usize, usize),
    /// The commit meets an error until the append fails.
    FailDelivery(usize, Op, Failure),
    Drain,
    /// The delivery is committed while the processor's commit syncs.
    DrainMeanwhile(usize),
    /// The batch's commit fails once.
    FailDrain(Op, Failure),
    /// Another connection checkpoints, as the writer does once its WAL is long enough.
    Checkpoint(&'static str, &'static str),
    RemoveSite,
    Restart,
}

struct Planner {
    dice: Dice,
    now: Millis,
    zones: [Zone; 3],
    sites: usize,
    /// From this step on the last site may be removed; every other round keeps it.
    removes_after: usize,
    events: Vec<Event>,
    plan: Plan,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let zones = SITES.map(|(_, zone)| zone.parse().expect("a zone of the time zone database"));
        let plan = Self { deliveries: Vec::new(), steps: Vec::new() };
        let (mut dice, events) = (Dice::new(seed), Vec::new());
        let removes_after = if dice.flip() { STEPS / 2 + dice.index(STEPS / 4) } else { STEPS };
        let mut planner =
            Planner { dice, now: BEGIN, zones, sites: SITES.len(), removes_after, events, plan };
        while planner.plan.steps.len() < STEPS {
            planner.step();
        }
        planner.plan
    }
}

impl Planner {
    fn step(&mut self) {
        let minutes = [0, 0, 1, 1, 20, 60, 180, 420, 600][self.dice.index(9)];
        self.now = self.now + minutes * Millis::MINUTE + 1_000;
        if self.sites == SITES.len() && self.plan.steps.len() >= self.removes_after {
            self.sites -= 1;
            self.plan.steps.push(Step::RemoveSite);
            return;
        }
        let step = match self.dice.below(21) {
            0..=7 => Step::Deliver(self.delivery()),
            8 => Step::DeliverTogether(self.delivery(), self.others()),
            9..=12 => Step::Drain,
            13 | 14 => {
                let early = self.delivery();
                self.plan.steps.push(Step::Deliver(early));
                Step::DrainMeanwhile(self.delivery())
            }
            15..=17 => {
                let file = ["queue.db", "weir.db"][self.dice.index(2)];
                Step::Checkpoint(file, ["PASSIVE", "RESTART", "TRUNCATE"][self.dice.index(3)])
            }
            18 => return self.failing_delivery(),
            19 => {
                let early = self.delivery();
                self.plan.steps.push(Step::Deliver(early));
                let (op, failure) = self.failure();
                self.plan.steps.push(Step::FailDrain(op, failure));
                Step::Drain
            }
            _ => Step::Restart,
        };
        self.plan.steps.push(step);
    }

    fn failure(&mut self) -> (Op, Failure) {
        let failures = [
            (Op::Write, Failure::Io),
            (Op::Write, Failure::HalfWritten),
            (Op::Write, Failure::Full),
            (Op::Sync, Failure::Io),
        ];
        failures[self.dice.index(failures.len())]
    }

    /// At most one a round: a failing append takes its whole deadline. The tracker sends it again.
    fn failing_delivery(&mut self) {
        if self.plan.steps.iter().any(|step| matches!(step, Step::FailDelivery(..))) {
            return;
        }
        let failed = self.delivery();
        let (op, failure) = self.failure();
        self.plan.steps.push(Step::FailDelivery(failed, op, failure));
        let events = self.plan.deliveries[failed].events.clone();
        self.now = self.now + Millis::MINUTE;
        let again = events.iter().map(|event| self.again(event)).collect();
        let again = self.push(again);
        self.plan.steps.push(Step::Deliver(again));
    }

    /// How many deliveries come while the one before them syncs.
    fn others(&mut self) -> usize {
        let n = 1 + self.dice.index(3);
        (0..n).for_each(|_| {
            self.delivery();
        });
        n
    }

    fn delivery(&mut self) -> usize {
        let n = [1, 1, 2, 3, 5, 8][self.dice.index(6)];
        let events = (0..n).map(|_| if self.dice.one_in(4) { self.resent() } else { self.fresh() });
        let events = events.collect();
        self.push(events)
    }

    fn push(&mut self, events: Vec<Event>) -> usize {
        self.plan.deliveries.push(Delivery { now: self.now, events });
        self.plan.deliveries.len() - 1
    }

    fn resent(&mut self) -> Event {
        let youngest = self.now - RESENT_MS_MAX;
        let sites = self.sites;
        let can = |event: &&Event| event.time > youngest && event.site.0 as usize <= sites;
        let candidates: Vec<&Event> = self.events.iter().filter(can).collect();
        match candidates.get(self.dice.index(candidates.len())) {
            Some(event) => received_at(event, self.now, &self.zones),
            None => self.fresh(),
        }
    }

    fn again(&self, event: &Event) -> Event {
        received_at(event, self.now, &self.zones)
    }

    fn fresh(&mut self) -> Event {
        let n = self.events.len() as u64;
        let site = self.dice.index(self.sites);
        let ago_ms = [0, 300, 5_000, 40 * Millis::MINUTE, 5 * Millis::HOUR][self.dice.index(5)];
        let time = self.now - ago_ms;
        let id = SiteId(u32::try_from(site + 1).expect("three sites"));
        let mut event = page_view(n, id, self.dice.below(4), time);
        event.host = SITES[site].0.to_owned();
        event.path = format!("/page-{}", n / 5);
        event.props = format!("{{\"n\":{n}}}");
        event.day = self.zones[site].day_of(time);
        self.vary(&mut event);
        self.events.push(event.clone());
        received_at(&event, self.now, &self.zones)
    }

    fn vary(&mut self, event: &mut Event) {
        match self.dice.below(10) {
            0 => {
                event.kind = Kind::Custom;
                event.name = "buy".to_owned();
                event.amount = Some(Amount { currency: *b"EUR", minor: 1_999 });
            }
            1 => {
                event.kind = Kind::Passive;
                event.name = "scroll".to_owned();
            }
            2 => {
                event.kind = Kind::Engagement;
                event.engaged_ms = 7_000;
            }
            3 => event.webdriver = true,
            4 => {
                // Longer than a page of the queue has room for.
                let text = "x".repeat(5_000);
                event.props = format!("{{\"n\":{},\"x\":\"{text}\"}}", self.events.len());
            }
            5 => event.referrer = Some(Referrer { host: "news.example".to_owned(), path: "/".to_owned() }),
            _ => {}
        }
    }
}

/// The event as the edge admits it at `now`. An hour past its midnight a day's key is gone: there
/// is no visitor any more.
pub(super) fn received_at(event: &Event, now: Millis, zones: &[Zone; 3]) -> Event {
    let zone = &zones[event.site.0 as usize - 1];
    let has_key = zone.day_of(now - Millis::HOUR) <= event.day;
    let visitor = event.visitor.filter(|_| has_key);
    Event { received: now, received_day: zone.day_of(now), visitor, ..event.clone() }
}

/// Which event of a round this is, by what it carries.
pub(super) fn number_of(props: &str) -> Option<u64> {
    let rest = props.strip_prefix("{\"n\":")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..digits].parse().ok()
}
