use proptest::prelude::*;
use weir_event::{Millis, Zone, limits};

use super::*;
use crate::{Client, Source};

const TIMEOUT_SECS: i64 = limits::VISIT_TIMEOUT_SECS;

fn lord_howe() -> DayFrame {
    // A day of 24.5 hours, one of which is half as long as the others.
    let zone: Zone = "Australia/Lord_Howe".parse().expect("a zone");
    zone.frame("2026-04-05".parse().expect("a day"))
}

fn events() -> impl Strategy<Value = Vec<UnitEvent>> {
    let kind = prop_oneof![
        4 => Just(Kind::PageView), 1 => Just(Kind::Custom), 1 => Just(Kind::Passive), 1 => Just(Kind::Engagement)
    ];
    let event = (0..24 * 3_600_000i64, kind, 1..5u32, 1..4u32, any::<bool>(), 0..60_000u32).prop_map(
        |(at_ms, kind, page, source, own, engaged_ms)| UnitEvent {
            time: lord_howe().start + at_ms,
            tie: 0,
            kind,
            page: ValueId(page),
            host: ValueId(page % 2 + 1),
            client: Client { country: ValueId(source), ..Client::default() },
            source: Source { source: ValueId(source), own, ..Source::default() },
            name: ValueId(if kind == Kind::Custom { page } else { 0 }),
            amount: (kind == Kind::Custom).then_some((ValueId(1), i64::from(page))),
            engaged_ms: if kind == Kind::Engagement { engaged_ms } else { 0 },
        },
    );
    proptest::collection::vec(event, 0..40).prop_map(|mut events| {
        for (tie, event) in (0..).zip(&mut events) {
            event.tie = tie;
        }
        events.sort_by_key(UnitEvent::order);
        events
    })
}

fn of(events: &[UnitEvent]) -> Delta {
    let mut delta = Delta::default();
    delta.add_unit(events, &lord_howe(), TIMEOUT_SECS);
    delta
}

fn sorted(delta: &Delta) -> Vec<(Key, Counters)> {
    let mut rows: Vec<_> = delta.rows().map(|(key, counters)| (*key, *counters)).collect();
    rows.sort_by_key(|(key, _)| *key);
    rows
}

proptest! {
    #[test]
    fn what_is_added_and_taken_away_leaves_nothing(events in events()) {
        let mut delta = of(&events);
        delta.take_unit(&events, &lord_howe(), TIMEOUT_SECS);
        prop_assert_eq!(sorted(&delta), []);
    }

    #[test]
    fn differences_in_any_order_of_arrival_sum_to_the_whole(events in events(), order in any::<u64>()) {
        let mut arrivals = events.clone();
        arrivals.sort_by_key(|event| (u64::from(event.tie) + 1).wrapping_mul(order | 1));
        let (mut delta, mut known) = (Delta::default(), Vec::new());
        for event in arrivals {
            delta.take_unit(&known, &lord_howe(), TIMEOUT_SECS);
            known.push(event);
            known.sort_by_key(UnitEvent::order);
            delta.add_unit(&known, &lord_howe(), TIMEOUT_SECS);
        }
        prop_assert_eq!(sorted(&delta), sorted(&of(&events)));
    }

    #[test]
    fn hours_add_up_to_their_day_and_entries_to_exits(events in events()) {
        let mut sums: FxHashMap<Key, Counters> = FxHashMap::default();
        let mut days: FxHashMap<Key, Counters> = FxHashMap::default();
        let (mut entries, mut exits) = (0, 0);
        for (key, counters) in of(&events).rows().filter(|(key, _)| key.table != Table::Flow) {
            if key.grain == Grain::Hour {
                prop_assert!(lord_howe().hours.iter().any(|hour| hour.start_secs == key.bucket));
                let day = Key { grain: Grain::Day, bucket: 0, ..*key };
                *sums.entry(day).or_default() += Counters { visitors: 0, ..*counters };
            } else {
                prop_assert_eq!(counters.visitors, counters.first_visitors);
                days.insert(Key { bucket: 0, ..*key }, Counters { visitors: 0, ..*counters });
                entries += if key.role == 1 && key.table == Table::Page { counters.visits } else { 0 };
                exits += if key.role == 2 && key.table == Table::Page { counters.visits } else { 0 };
            }
        }
        prop_assert_eq!(sums, days);
        prop_assert_eq!(entries, exits);
        let viewed = visits(&events, &lord_howe(), TIMEOUT_SECS).into_iter();
        prop_assert_eq!(entries as usize, viewed.filter(|visit| visit.counts && visit.pageviews > 0).count());
    }
}

#[test]
fn a_bounce_is_undone_by_the_second_page_and_an_exit_moves() {
    let at = |secs: i64, page| UnitEvent {
        time: lord_howe().start + secs * 1_000,
        tie: 0,
        kind: Kind::PageView,
        page: ValueId(page),
        host: ValueId(1),
        client: Client::default(),
        source: Source::default(),
        name: ValueId::NONE,
        amount: None,
        engaged_ms: 0,
    };
    let (first, second) = (at(40_000, 1), at(40_060, 2));
    let row = |delta: &Delta, statistic: Statistic, value| {
        let key = Key {
            table: statistic.table(),
            grain: Grain::Day,
            role: statistic.role(),
            bucket: i64::from(lord_howe().day.0),
            value: ValueId(value),
            second: ValueId::NONE,
        };
        delta.rows().find(|(found, _)| **found == key).map(|(_, counters)| *counters).unwrap_or_default()
    };
    let mut delta = of(&[first]);
    assert_eq!(row(&delta, Statistic::Site, 0).bounces, 1);
    assert_eq!(row(&delta, Statistic::ExitPage, 1).visits, 1);
    delta.take_unit(&[first], &lord_howe(), TIMEOUT_SECS);
    delta.add_unit(&[first, second], &lord_howe(), TIMEOUT_SECS);
    let site = row(&delta, Statistic::Site, 0);
    assert_eq!((site.bounces, site.visits, site.pageviews, site.duration_secs), (0, 1, 2, 60));
    assert_eq!(row(&delta, Statistic::ExitPage, 1), Counters::default());
    assert_eq!(row(&delta, Statistic::ExitPage, 2).visits, 1);
    assert_eq!(row(&delta, Statistic::EntryPage, 1).visits, 1);
}

#[test]
fn a_unit_with_many_values_is_counted_as_one_with_few() {
    // More than are searched from the end, in one visit and over several.
    let view = |n: u32| UnitEvent {
        time: Millis::from_secs(lord_howe().start.secs() + i64::from(n) * 700),
        tie: n,
        kind: Kind::PageView,
        page: ValueId(n % 60 + 1),
        host: ValueId(1),
        client: Client::default(),
        source: Source::default(),
        name: ValueId::NONE,
        amount: None,
        engaged_ms: 0,
    };
    let events: Vec<_> = (0..120).map(view).collect();
    let delta = of(&events);
    let pages =
        delta.rows().filter(|(key, _)| key.table == Table::Page && key.grain == Grain::Day && key.role == 0);
    let pages: Vec<_> = pages.map(|(_, counters)| *counters).collect();
    assert_eq!(pages.len(), 60);
    assert!(
        pages.iter().all(|page| page.pageviews == 2 && page.visits == 1 && page.visitors == 1),
        "{pages:?}"
    );
}
