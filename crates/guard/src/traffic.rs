//! Invented events, the same each time: visitors who overlap, pages with a long tail, what browsers
//! call themselves.

use std::collections::HashSet;

use weir_event::{Country, Event, EventId, Kind, LocalDay, Millis, Referrer, SiteId, VisitorId, Zone};
use weir_registry::Site;
use weir_testkit::page_view;

const PAGES: u64 = 500;
const COUNTRIES: [&[u8; 2]; 12] =
    [b"DE", b"US", b"DE", b"FR", b"GB", b"US", b"IN", b"BR", b"NL", b"ES", b"PL", b"JP"];
const REFERRERS: [&str; 10] = [
    "google.com",
    "duckduckgo.com",
    "news.ycombinator.com",
    "bing.com",
    "reddit.com",
    "t.co",
    "github.com",
    "linkedin.com",
    "blog.example.net",
    "forum.example.org",
];
const NAMES: [&str; 4] = ["signup", "download", "search", "share"];

/// Of every hundred events so many are no page views.
const CUSTOM: u64 = 8;
const ENGAGEMENTS: u64 = 12;

/// Visitors who are there at the same time.
const PRESENT: u64 = 60;
/// Events of a visitor, on average.
const EVENTS_PER_VISITOR: u64 = 4;

/// Events of one site, evenly over days, for ever.
pub(crate) struct Traffic {
    site: SiteId,
    first_day: LocalDay,
    per_day: usize,
    n: u64,
    lots: Lots,
    arrived: HashSet<u64>,
}

impl Traffic {
    pub fn new(site: &Site, first_day: LocalDay, per_day: usize) -> Self {
        Self { site: site.id, first_day, per_day, n: 0, lots: Lots(1), arrived: HashSet::new() }
    }
}

impl Iterator for Traffic {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let n = self.n;
        self.n += 1;
        let per_day = self.per_day as u64;
        let start = Zone::utc().start_of(LocalDay(self.first_day.0 + (n / per_day) as i32));
        let time = start + (n % per_day) as i64 * (Millis::DAY / self.per_day as i64);
        // Nobody stays over midnight: who comes is numbered anew.
        let visitor = (n / per_day) << 32 | ((n % per_day) / EVENTS_PER_VISITOR + self.lots.below(PRESENT));
        Some(self.event(n, time, visitor))
    }
}

impl Traffic {
    fn event(&mut self, n: u64, time: Millis, visitor: u64) -> Event {
        let is_first = self.arrived.insert(visitor);
        let mut person = Lots(visitor);
        let mut rest = [0; 10];
        rest[..8].copy_from_slice(&self.lots.next().to_be_bytes());
        rest[8..].copy_from_slice(&(n as u16).to_be_bytes());
        let mut event = Event {
            id: EventId::from_parts(time.0.unsigned_abs(), rest),
            received: time + 300,
            path: self.path(),
            user_agent: user_agent(&mut person),
            country: Some(Country(*COUNTRIES[person.below(COUNTRIES.len() as u64) as usize])),
            ..page_view(n, self.site, person.next(), time)
        };
        event.visitor = Some(VisitorId(person.next()));
        event.received_day = Zone::utc().day_of(event.received);
        if is_first {
            come_from(&mut event, person.below(20) as usize);
            return event;
        }
        match self.lots.below(100) {
            lot if lot < CUSTOM => {
                event.kind = Kind::Custom;
                event.name = NAMES[lot as usize % NAMES.len()].to_owned();
                event.props = r#"{"plan":"large","seats":3}"#.to_owned();
            }
            lot if lot < CUSTOM + ENGAGEMENTS => {
                event.kind = Kind::Engagement;
                event.engaged_ms = 4_000 + lot as u32;
            }
            _ => {}
        }
        event
    }

    /// Few pages have most of the views.
    fn path(&mut self) -> String {
        let below = self.lots.below(PAGES) + 1;
        match self.lots.below(below) {
            0 => "/".to_owned(),
            page => format!("/articles/{page}/what-was-found-there"),
        }
    }
}

/// Half of all come by themselves, some by a newsletter.
fn come_from(event: &mut Event, lot: usize) {
    if let Some(host) = REFERRERS.get(lot) {
        event.referrer = Some(Referrer { host: (*host).to_owned(), path: "/".to_owned() });
    }
    if lot == REFERRERS.len() {
        event.utm.source = "news".to_owned();
        event.utm.medium = "email".to_owned();
    }
}

fn user_agent(person: &mut Lots) -> String {
    let version = 138 + person.below(8);
    match person.below(6) {
        0 | 1 => format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
        ),
        2 => format!(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Mobile Safari/537.36"
        ),
        3 => format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{0} Mobile/15E148 Safari/604.1",
            version % 8
        ),
        4 => format!(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{} Safari/605.1.15",
            version % 8
        ),
        _ => format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"),
    }
}

/// Where the `n`-th delivery comes from.
pub(crate) fn address(n: usize) -> String {
    let lot = Lots(n as u64).next();
    format!("{}.{}.{}.{}", 80 + lot % 100, lot >> 8 & 255, lot >> 16 & 255, lot >> 24 & 255)
}

/// SplitMix64.
struct Lots(u64);

impl Lots {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}
