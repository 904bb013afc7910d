//! One visit: pages, pauses, and what is done on the way.

use weir_event::{Amount, Country, DayFrame, Event, EventId, Kind, Millis, Referrer, SiteId, Utm, VisitorId};

use super::arrivals::Arrival;
use super::pages::Pages;
use super::people::{BOTS, DOLLARS};
use super::random::{Random, mixed};

const PAGES_MAX: usize = 12;

/// The event that carries money.
const PURCHASE: &str = "Purchase";

/// The longest that somebody looks at one page.
const PAUSE_MS_MAX: f64 = 20.0 * 60_000.0;

/// Somebody, for a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub number: u64,
    pub agent: &'static str,
    pub country: Country,
    pub bot: bool,
}

/// What all visits of a day have in common.
pub(super) struct Setting<'a> {
    pub site: SiteId,
    pub domain: &'a str,
    pub seed: u64,
    pub frame: &'a DayFrame,
    pub pages: &'a Pages,
}

/// A visit on its way through the site.
pub(super) struct Visit<'a> {
    pub setting: &'a Setting<'a>,
    pub person: Person,
    pub arrival: &'a Arrival,
    pub random: &'a mut Random,
    pub events: &'a mut Vec<Event>,
}

impl Visit<'_> {
    pub fn from(mut self, start: Millis) {
        let mut time = start;
        let entry = self.arrival.landing.unwrap_or_else(|| self.setting.pages.entry(self.random));
        let mut path = entry.to_owned();
        let mut referrer = self.arrival.referrer();
        for n in 0..self.length() {
            let utm = if n == 0 { self.arrival.utm() } else { Utm::default() };
            let click_id = self.arrival.click_id.filter(|_| n == 0);
            let view = Event { referrer: referrer.take(), utm, click_id, ..self.event(time, &path) };
            self.put(view);
            let pause_ms = (2_500.0 + self.random.wait(42_000.0)).min(PAUSE_MS_MAX);
            self.act(time, pause_ms, &path);
            time = time + pause_ms as i64;
            self.leave(time, pause_ms, &path);
            let next = self.setting.pages.next(self.random, &path).to_owned();
            referrer = Some(Referrer { host: self.setting.domain.to_owned(), path });
            path = next;
        }
    }

    /// Many look at one page and leave; few look at many.
    fn length(&mut self) -> usize {
        if self.random.chance(0.43) {
            return 1;
        }
        let mut pages = 2;
        while pages < PAGES_MAX && self.random.chance(0.58) {
            pages += 1;
        }
        pages
    }

    /// What somebody does on a page, if anything.
    fn act(&mut self, time: Millis, pause_ms: f64, path: &str) {
        if self.person.bot {
            return;
        }
        let Some((kind, name, props)) = deed(self.random, path) else { return };
        let amount = (name == PURCHASE).then(|| self.amount());
        let at = time + (pause_ms * 0.6) as i64;
        let (name, props) = (name.to_owned(), props.to_owned());
        let event = Event { kind, name, props, amount, ..self.event(at, path) };
        self.put(event);
    }

    fn amount(&mut self) -> Amount {
        let dollars = DOLLARS.contains(&&self.person.country.0);
        // Many small sums and a few large ones, ending in .90.
        let minor = (900.0 * self.random.between(0.0, 3.2).exp()) as i64 / 100 * 100 + 90;
        Amount { currency: if dollars { *b"USD" } else { *b"EUR" }, minor }
    }

    /// The time that somebody looked, as far as the tracker could tell.
    fn leave(&mut self, time: Millis, pause_ms: f64, path: &str) {
        if self.person.bot || pause_ms < 5_000.0 || !self.random.chance(0.4) {
            return;
        }
        let engaged_ms = (pause_ms * self.random.between(0.4, 0.95)) as u32;
        let event = Event { kind: Kind::Engagement, engaged_ms, ..self.event(time, path) };
        self.put(event);
    }

    /// A page view without an origin.
    fn event(&mut self, time: Millis, path: &str) -> Event {
        let setting = self.setting;
        let day_of = |at: Millis| {
            if at < setting.frame.end { setting.frame.day } else { setting.frame.day.next() }
        };
        let received = time + (140.0 + self.random.wait(160.0).min(4_000.0)) as i64;
        let (day, received_day) = (day_of(time), day_of(received));
        // Nobody is known for longer than a day: who stays past midnight is somebody new.
        let visitor = mixed(setting.seed ^ mixed(self.person.number ^ mixed(day.0 as u64)));
        Event {
            id: EventId::from_parts(time.0.unsigned_abs(), self.random.bytes()),
            site: setting.site,
            received,
            received_day,
            time,
            day,
            visitor: Some(VisitorId(visitor)),
            kind: Kind::PageView,
            host: setting.domain.to_owned(),
            path: path.to_owned(),
            referrer: None,
            utm: Utm::default(),
            click_id: None,
            user_agent: self.person.agent.to_owned(),
            webdriver: self.person.bot && self.person.agent == BOTS[BOTS.len() - 1],
            country: Some(self.person.country),
            name: String::new(),
            props: String::new(),
            amount: None,
            engaged_ms: 0,
        }
    }

    /// One event in 300 is sent again, because its answer was lost.
    fn put(&mut self, event: Event) {
        if self.random.chance(1.0 / 300.0) {
            let received = event.received + self.random.between(1_000.0, 7_500.0) as i64;
            let end = self.setting.frame.end;
            let day = self.setting.frame.day;
            let received_day = if received < end { day } else { day.next() };
            self.events.push(Event { received, received_day, ..event.clone() });
        }
        self.events.push(event);
    }
}

/// (kind, name, properties) of a custom event.
type Deed = (Kind, &'static str, &'static str);

fn deed(random: &mut Random, path: &str) -> Option<Deed> {
    let (likely, deed): (f64, Deed) = match path {
        "/newsletter" => (0.3, (Kind::Custom, "Signup", r#"{"list":"letter"}"#)),
        "/book" => (0.22, (Kind::Custom, PURCHASE, r#"{"what":"stay"}"#)),
        "/lodges" | "/prices" => (0.2, (Kind::Passive, "Section Seen", r#"{"section":"reviews"}"#)),
        _ if path.starts_with("/shop/") => (0.05, (Kind::Custom, PURCHASE, r#"{"what":"goods"}"#)),
        _ if path.starts_with("/trails/") => {
            (0.11, (Kind::Custom, "Download", r#"{"file":"trail-map.pdf"}"#))
        }
        _ => (0.03, (Kind::Custom, "Outbound Link", r#"{"host":"weekendmaps.example"}"#)),
    };
    random.chance(likely).then_some(deed)
}
