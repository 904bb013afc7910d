//! What becomes of single events, told to those who ask.

use std::sync::Arc;

use weir_event::{Event, EventId, Kind, Millis, Reason, Referrer, SiteId, Verdict};
use weir_testkit::{TestClock, page_view};
use weir_verdicts::{BotRule, Fate, Seen, Sighting, Verdicts};

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

fn asking(world: &mut World) -> Verdicts {
    let verdicts = Verdicts::new(Arc::new(TestClock::at(NOON)));
    world.tell(verdicts.clone());
    verdicts
}

fn follow(verdicts: &Verdicts, events: &[Event]) {
    let seen = |event: &Event| {
        let (id, site, url, name) = (Some(event.id), Some(event.site), String::new(), String::new());
        Seen { sighting: Sighting { id, site, kind: Kind::PageView, url, name }, refused: None }
    };
    verdicts.begin(None, &events.iter().map(seen).collect::<Vec<_>>());
}

fn fate(verdicts: &Verdicts, id: EventId) -> Option<Fate> {
    verdicts.ask(&[id]).pop().map(|asked| asked.fate)
}

fn view(n: u64, site: SiteId) -> Event {
    page_view(n, site, n, NOON + i64::try_from(n).expect("few"))
}

#[test]
fn each_event_that_is_asked_about_is_told_what_became_of_it() {
    let mut world = World::new();
    let site = world.site("example.com", "UTC").id;
    let verdicts = asking(&mut world);
    let spam = Referrer { host: "semalt.com".to_owned(), path: "/".to_owned() };
    let late = Event { visitor: None, ..view(7, site) };
    let events = [
        view(0, site),
        Event { webdriver: true, ..view(1, site) },
        Event { user_agent: "Mozilla/5.0 HeadlessChrome/140.0.0.0".to_owned(), ..view(2, site) },
        Event { user_agent: String::new(), ..view(3, site) },
        Event { referrer: Some(spam), ..view(4, site) },
        Event { site: SiteId(99), ..view(5, site) },
        late,
        view(8, site),
    ];
    follow(&verdicts, &events[..7]);
    world.take(&events);

    let of = |n: usize| fate(&verdicts, events[n].id);
    assert_eq!(of(0), Some(Fate::of(Verdict::Stored)));
    assert_eq!(of(1), Some(Fate::bot(BotRule::Driven)));
    assert!(
        matches!(of(2).and_then(|fate| fate.rule), Some(BotRule::Pattern(pattern)) if pattern == "headless")
    );
    assert_eq!(of(3), Some(Fate::bot(BotRule::NoUserAgent)));
    assert_eq!(of(4), Some(Fate::of(Verdict::Not(Reason::SpamReferrer))));
    assert_eq!(of(5), Some(Fate::of(Verdict::Not(Reason::SiteRemoved))));
    assert_eq!(of(6), Some(Fate::of(Verdict::Stored)));
    assert_eq!(of(7), None, "nobody asks about it");

    follow(&verdicts, &events[..1]);
    world.take(&events[..1]);
    assert_eq!(of(0), Some(Fate::of(Verdict::Duplicate)));
}

#[test]
fn bots_that_a_site_counts_are_told_that_they_count() {
    let mut world = World::new();
    let site = world.site("example.com", "UTC").id;
    world.set_counting("example.com", 30, true);
    let verdicts = asking(&mut world);
    let bot = Event { webdriver: true, ..view(0, site) };
    follow(&verdicts, std::slice::from_ref(&bot));
    world.take(std::slice::from_ref(&bot));
    assert_eq!(fate(&verdicts, bot.id), Some(Fate::of(Verdict::Stored)));
}
