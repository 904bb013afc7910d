//! Random histories: visitors around midnights and clock changes, and how their events arrive.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use weir_event::{
    Amount, ClickId, Country, Event, EventId, Kind, LocalDay, Millis, Referrer, SiteId, Utm, VisitorId,
};

use crate::naive_model::{day_start, days_since_epoch, local_date};

const HOUR_MS: i64 = 3_600_000;

/// Zones, and days on which something happens there.
pub const PLACES: [(&str, &str, &[&str]); 8] = [
    ("utc.test", "UTC", &["2026-02-28"]),
    ("kathmandu.test", "Asia/Kathmandu", &["2026-05-31", "2026-12-31"]),
    ("newyork.test", "America/New_York", &["2026-03-08", "2026-11-01", "2026-10-31"]),
    ("chatham.test", "Pacific/Chatham", &["2026-04-05", "2026-09-27"]),
    ("lordhowe.test", "Australia/Lord_Howe", &["2026-04-05", "2026-10-04"]),
    ("cairo.test", "Africa/Cairo", &["2026-04-24", "2026-04-23", "2026-10-29"]),
    ("santiago.test", "America/Santiago", &["2026-09-06", "2026-09-05", "2026-04-04"]),
    ("beirut.test", "Asia/Beirut", &["2026-03-29", "2026-03-28", "2026-10-24"]),
];

#[derive(Debug, Clone)]
pub struct History {
    /// The first site's; its days decide what the others see.
    pub place: usize,
    pub day: usize,
    pub further_places: Vec<usize>,
    pub drafts: Vec<Draft>,
    /// All of it is one visitor's within so many seconds: long visits, equal times.
    pub crowded_secs: Option<i64>,
    pub batch_events: usize,
    /// Up to how far an event may be overtaken in the queue.
    pub disorder_ms: i64,
}

/// An event in small numbers, so that a failure shrinks to something readable.
#[derive(Debug, Clone)]
pub struct Draft {
    site: usize,
    visitor: u64,
    anchor: usize,
    offset_secs: i64,
    ms: i64,
    delay_ms: i64,
    overtaken: u8,
    kind: Kind,
    path: usize,
    host: usize,
    from: usize,
    client: usize,
    country: usize,
    sale: Option<(usize, i64)>,
    engaged_ms: u32,
    tie: u32,
    twist: Twist,
    after: After,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Twist {
    None,
    /// Keeps its visitor although its day's key is gone.
    KeepsVisitor,
    Driven,
    /// Comes once more.
    Again(i64),
    /// Comes once more under the same id, but says something else.
    AgainChanged(i64),
}

/// What happens once the event is in the queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum After {
    Nothing,
    Drain,
    DrainAndRestart,
}

/// A site as histories use it.
pub struct Ground {
    pub id: SiteId,
    pub domain: String,
    pub zone: TimeZone,
}

pub fn histories() -> impl Strategy<Value = History> {
    let drafts = proptest::collection::vec(drafts(), 1..40);
    let batches = proptest::sample::select(vec![1usize, 2, 3, 7, 50]);
    let disorder = proptest::sample::select(vec![0, HOUR_MS / 4, 40 * HOUR_MS]);
    let further = proptest::collection::vec(0..PLACES.len(), 0..3);
    let crowded = prop_oneof![3 => Just(None), 1 => Just(Some(5)), 1 => Just(Some(900))];
    (0..PLACES.len(), 0..3usize, further, drafts, crowded, batches, disorder).prop_map(
        |(place, day, further_places, drafts, crowded_secs, batch_events, disorder_ms)| {
            let mut history =
                History { place, day, further_places, drafts, crowded_secs, batch_events, disorder_ms };
            history.crowd();
            history
        },
    )
}

fn drafts() -> impl Strategy<Value = Draft> {
    let when = (0..8usize, offsets(), prop_oneof![Just(0i64), Just(1), Just(500), Just(999)]);
    let delay = prop_oneof![6 => 0..5_000i64, 2 => 0..2 * HOUR_MS, 1 => 0..24 * HOUR_MS, 1 => -60_000..0i64];
    let kind = prop_oneof![
        6 => Just(Kind::PageView), 2 => Just(Kind::Custom), 1 => Just(Kind::Passive), 2 => Just(Kind::Engagement)
    ];
    let sale = proptest::option::of((0..2usize, -500i64..5_000));
    let engaged = prop_oneof![Just(0u32), Just(15_000), Just(1_800_999), 0..4_000_000u32];
    let what = (kind, 0..4usize, prop_oneof![5 => Just(0usize), 1 => Just(1), 1 => Just(2)], sale, engaged);
    let who = (0..3usize, 0..3u64, 0..FROM, 0..4usize, 0..3usize);
    let again = 0..30 * HOUR_MS;
    let twist = prop_oneof![
        16 => Just(Twist::None),
        2 => Just(Twist::KeepsVisitor),
        1 => Just(Twist::Driven),
        1 => again.clone().prop_map(Twist::Again),
        1 => again.prop_map(Twist::AgainChanged),
    ];
    let after =
        prop_oneof![30 => Just(After::Nothing), 12 => Just(After::Drain), 1 => Just(After::DrainAndRestart)];
    // Few ties: events of equal time shall collide.
    let how = (delay, any::<u8>(), prop_oneof![Just(0u32), Just(1), Just(0xff_ffff)], twist, after);
    (who, when, what, how).prop_map(|(who, when, what, how)| Draft {
        site: who.0,
        visitor: who.1,
        from: who.2,
        client: who.3,
        country: who.4,
        anchor: when.0,
        offset_secs: when.1,
        ms: when.2,
        kind: what.0,
        path: what.1,
        host: what.2,
        sale: what.3,
        engaged_ms: what.4,
        delay_ms: how.0,
        overtaken: how.1,
        tie: how.2,
        twist: how.3,
        after: how.4,
    })
}

/// Around the edges of what is defined: seconds, the visit's timeout, hours.
fn offsets() -> impl Strategy<Value = i64> {
    let edges = vec![-3_600, -1_801, -1, 0, 1, 900, 1_799, 1_800, 1_801, 3_599, 3_600, 3_601, 5_400];
    let edge = proptest::sample::select(edges);
    prop_oneof![
        3 => (edge.clone(), edge.clone()).prop_map(|(a, b)| a + b),
        2 => edge,
        1 => -10_000..10_000i64,
    ]
}

impl History {
    fn crowd(&mut self) {
        let Some(secs) = self.crowded_secs else { return };
        for draft in &mut self.drafts {
            (draft.site, draft.visitor, draft.anchor) = (0, 0, 0);
            draft.offset_secs = draft.offset_secs.rem_euclid(secs);
        }
    }

    /// Distinct places, the first one's first.
    pub fn places(&self) -> Vec<usize> {
        let mut places = vec![self.place];
        for place in &self.further_places {
            if !places.contains(place) {
                places.push(*place);
            }
        }
        places
    }

    fn date(&self) -> Date {
        let days = PLACES[self.place].2;
        days[self.day % days.len()].parse().expect("a date")
    }

    /// Every delivery in the order of the queue.
    pub fn deliveries(&self, grounds: &[Ground]) -> Vec<(Event, After)> {
        let mut deliveries: Vec<(i64, Event, After)> = Vec::new();
        for (n, draft) in self.drafts.iter().enumerate() {
            let ground = &grounds[draft.site % grounds.len()];
            let event = draft.event(n, ground, self.date());
            let overtaken = i64::from(draft.overtaken) * self.disorder_ms / 255;
            let again = draft.again(n, &event, ground);
            deliveries.push((event.received.0 + overtaken, event, draft.after));
            deliveries.extend(again.map(|again| (again.received.0, again, draft.after)));
        }
        deliveries.sort_by_key(|(place, ..)| *place);
        deliveries.into_iter().map(|(_, event, after)| (event, after)).collect()
    }
}

impl Draft {
    fn time(&self, ground: &Ground, date: Date) -> i64 {
        let anchors = anchors(&ground.zone, date);
        (anchors[self.anchor % anchors.len()] + self.offset_secs) * 1_000 + self.ms
    }

    fn event(&self, n: usize, ground: &Ground, date: Date) -> Event {
        let time = Millis(self.time(ground, date));
        let received = Millis(time.0 + self.delay_ms);
        let date = local_date(&ground.zone, time.secs());
        let end = day_start(&ground.zone, date.tomorrow().expect("a date")) * 1_000;
        let too_late = received.0 >= end + HOUR_MS && self.twist != Twist::KeepsVisitor;
        let named = matches!(self.kind, Kind::Custom | Kind::Passive);
        let (referrer, utm, click_id) = from(self.from, &ground.domain);
        Event {
            id: id(n, self.tie),
            site: ground.id,
            received,
            received_day: local_day(&ground.zone, received),
            time,
            day: local_day(&ground.zone, time),
            visitor: (!too_late).then_some(VisitorId(self.visitor)),
            kind: self.kind,
            host: format!("{}{}", ["", "www.", "shop."][self.host], ground.domain),
            path: ["/", "/a", "/b", "/c#d"][self.path].to_owned(),
            referrer,
            utm,
            click_id,
            user_agent: AGENTS[self.client].to_owned(),
            webdriver: self.twist == Twist::Driven,
            country: [None, Some(Country(*b"DE")), Some(Country(*b"NP"))][self.country],
            name: if named { ["signup", "buy"][self.path % 2].to_owned() } else { String::new() },
            props: format!("{{\"n\":{n}}}"),
            amount: self
                .sale
                .filter(|_| named)
                .map(|(currency, minor)| Amount { currency: [*b"EUR", *b"JPY"][currency], minor }),
            engaged_ms: if self.kind == Kind::Engagement { self.engaged_ms } else { 0 },
        }
    }

    fn again(&self, n: usize, first: &Event, ground: &Ground) -> Option<Event> {
        let later = match self.twist {
            Twist::Again(later) | Twist::AgainChanged(later) => later,
            _ => return None,
        };
        let received = first.received + later;
        let mut event = Event { received, received_day: local_day(&ground.zone, received), ..first.clone() };
        event.props = format!("{{\"n\":{n},\"again\":true}}");
        if matches!(self.twist, Twist::AgainChanged(_)) {
            event.path = "/changed".to_owned();
            event.kind = Kind::PageView;
        }
        Some(event)
    }
}

/// Instants around which things happen: midnights, half past, noon, and the clock's turns.
fn anchors(zone: &TimeZone, date: Date) -> Vec<i64> {
    let (start, end) = (day_start(zone, date), day_start(zone, date.tomorrow().expect("a date")));
    let noon = start + 12 * 3_600;
    let mut anchors = vec![start, start + 1_800, noon, end, end + 1_800];
    let from = jiff::Timestamp::from_second(start - 1).expect("a time");
    let turns = zone.following(from).map(|turn| turn.timestamp().as_second());
    anchors.extend(turns.take_while(|turn| *turn <= end));
    anchors
}

fn local_day(zone: &TimeZone, time: Millis) -> LocalDay {
    LocalDay(i32::try_from(days_since_epoch(local_date(zone, time.secs()))).expect("a day"))
}

fn id(n: usize, tie: u32) -> EventId {
    let mut rest = [0; 10];
    rest[3..7].copy_from_slice(&u32::try_from(n).expect("few").to_be_bytes());
    rest[7..].copy_from_slice(&tie.to_be_bytes()[1..]);
    EventId::from_parts(1_780_000_000_000, rest)
}

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 \
     Mobile/15E148 Safari/604.1",
    "",
];

const FROM: usize = 9;

fn from(which: usize, domain: &str) -> (Option<Referrer>, Utm, Option<ClickId>) {
    let referrer = |host: String, path: &str| Some(Referrer { host, path: path.to_owned() });
    let tags = Utm {
        source: "newsletter".into(),
        medium: "email".into(),
        campaign: "spring".into(),
        content: "top".into(),
        term: "shoes".into(),
        ..Utm::default()
    };
    let none = Utm::default();
    match which {
        0 => (None, none, None),
        1 => (referrer("google.com".into(), "/"), none, None),
        2 => (referrer(domain.to_owned(), "/a"), none, None),
        3 => (referrer(format!("shop.{domain}"), "/"), none, None),
        4 => (referrer("blog.example.org".into(), "/post"), none, None),
        5 => (None, tags, None),
        6 => (None, Utm { plain_ref: "producthunt".into(), ..none }, None),
        7 => (referrer(domain.to_owned(), "/b"), Utm { medium: String::new(), ..tags }, None),
        _ => (None, none, Some(ClickId::Google)),
    }
}
