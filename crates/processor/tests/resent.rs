//! Whatever is sent again, in whatever order and however often, changes no statistic: not on the same
//! day, nor once the day is closed or sealed.

use proptest::prelude::*;
use weir_event::{Event, Millis, SiteId, Zone};
use weir_store::BookEntry;
use weir_testkit::{effort, page_view};

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

/// A resend: which events, in which order, and how many hours after the one before.
#[derive(Debug, Clone)]
struct Resend {
    events: Vec<usize>,
    after_hours: i64,
}

const EVENTS: u64 = 30;
/// The ids are remembered for 48 hours, and a batch that is older by then is no resend.
const HOURS_MAX: i64 = 46;

fn resends() -> impl Strategy<Value = Vec<Resend>> {
    let events = prop::collection::vec(0..EVENTS as usize, 1..40);
    let resend = (events, 0i64..20).prop_map(|(events, after_hours)| Resend { events, after_hours });
    prop::collection::vec(resend, 1..8)
}

fn first_sent(site: SiteId) -> Vec<Event> {
    let event = |n: u64| {
        let time = NOON + i64::try_from(n).expect("few") * 7 * Millis::MINUTE;
        Event {
            props: format!("{{\"n\":{n}}}"),
            path: format!("/{}", n % 4),
            webdriver: n % 9 == 8,
            ..page_view(n, site, n % 5, time)
        }
    };
    (0..EVENTS).map(event).collect()
}

/// The same event in a later delivery: what the edge decides by the clock is decided anew.
fn sent_again(event: &Event, received: Millis) -> Event {
    let received_day = Zone::utc().day_of(received);
    let key_is_gone = received_day != event.day && received.0.rem_euclid(Millis::DAY) >= Millis::HOUR;
    let visitor = event.visitor.filter(|_| !key_is_gone);
    Event { received, received_day, visitor, ..event.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(effort(24)))]

    #[test]
    fn a_delivery_that_is_sent_again_changes_no_statistic(resends in resends()) {
        let mut world = World::new();
        let site = world.site("example.com", "UTC").id;
        let sent = first_sent(site);
        world.take(&sent);
        let before = world.rows(site);
        let (mut hours, mut copies) = (4, 0);
        for Resend { events, after_hours } in &resends {
            hours = (hours + after_hours).min(HOURS_MAX);
            let received = NOON + hours * Millis::HOUR;
            let again: Vec<Event> = events.iter().map(|n| sent_again(&sent[*n], received)).collect();
            world.take(&again);
            copies += again.len() as u64;
            prop_assert_eq!(&world.rows(site), &before);
            prop_assert_eq!(world.booked(site, BookEntry::Duplicate), copies);
            prop_assert_eq!(world.log(site).len() as u64, EVENTS);
        }
        prop_assert_eq!(world.unbalanced(), Vec::<String>::new());
        prop_assert!(world.verify().is_equal());
    }
}
