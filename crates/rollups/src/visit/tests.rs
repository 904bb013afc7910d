use weir_event::{DayFrame, Millis, Zone};

use super::*;

const TIMEOUT_SECS: i64 = limits::VISIT_TIMEOUT_SECS;
const NOON: i64 = 12 * 3_600;

/// 2026-05-29 in UTC; times in these tests are seconds since its midnight.
fn day() -> DayFrame {
    Zone::utc().frame("2026-05-29".parse().expect("a day"))
}

fn event(kind: Kind, secs: i64, page: u32) -> UnitEvent {
    UnitEvent {
        time: day().start + secs * 1_000,
        tie: 0,
        kind,
        page: ValueId(page),
        host: ValueId(1),
        client: Client::default(),
        source: Source::default(),
        name: ValueId::NONE,
        amount: None,
        engaged_ms: 0,
    }
}

fn view(secs: i64, page: u32) -> UnitEvent {
    event(Kind::PageView, secs, page)
}

fn engaged(secs: i64, engaged_ms: u32) -> UnitEvent {
    UnitEvent { engaged_ms, ..event(Kind::Engagement, secs, 1) }
}

fn own(event: UnitEvent) -> UnitEvent {
    UnitEvent { source: Source { own: true, ..event.source }, ..event }
}

fn from(source: u32, event: UnitEvent) -> UnitEvent {
    UnitEvent { source: Source { source: ValueId(source), ..event.source }, ..event }
}

fn in_country(country: u32, event: UnitEvent) -> UnitEvent {
    UnitEvent { client: Client { country: ValueId(country), ..event.client }, ..event }
}

fn cut(events: &[UnitEvent]) -> Vec<Visit<'_>> {
    visits(events, &day(), TIMEOUT_SECS)
}

/// The one visit that these events make.
fn one(events: &[UnitEvent]) -> Visit<'_> {
    let mut visits = cut(events);
    assert_eq!(visits.len(), 1, "{visits:#?}");
    visits.remove(0)
}

#[test]
fn a_gap_of_thirty_minutes_belongs_to_the_visit_and_one_second_more_ends_it() {
    let check = |gap_secs, expected: usize| {
        let events = [view(NOON, 1), view(NOON + gap_secs, 2)];
        assert_eq!(cut(&events).len(), expected, "{gap_secs} s");
    };
    check(0, 1);
    check(TIMEOUT_SECS, 1);
    check(TIMEOUT_SECS + 1, 2);
}

#[test]
fn gaps_are_told_in_whole_seconds_as_a_sealed_day_tells_them() {
    let late_in_second = |mut event: UnitEvent| {
        event.time = event.time + 999;
        event
    };
    assert_eq!(cut(&[view(NOON, 1), late_in_second(view(NOON + TIMEOUT_SECS, 2))]).len(), 1);
    assert_eq!(cut(&[late_in_second(view(NOON, 1)), view(NOON + TIMEOUT_SECS + 1, 2)]).len(), 2);
}

#[test]
fn each_gap_counts_from_the_event_before_not_from_the_first() {
    let events: Vec<_> = (0..5).map(|n| view(NOON + n * TIMEOUT_SECS, 1)).collect();
    assert_eq!(one(&events).duration_secs, 4 * TIMEOUT_SECS);
}

#[test]
fn a_ping_reaches_back_over_its_engaged_time() {
    let check = |engaged_ms, expected: usize| {
        let events = [view(NOON, 1), engaged(NOON + TIMEOUT_SECS + 600, engaged_ms)];
        let visits = cut(&events);
        assert_eq!(visits[0].events.len(), expected, "{engaged_ms} ms");
        assert_eq!(visits.len(), 1, "a ping alone is no visit");
    };
    check(600_000, 2);
    check(600_999, 2);
    check(599_999, 1);
}

#[test]
fn pings_alone_make_no_visit() {
    assert_eq!(cut(&[]), []);
    assert_eq!(cut(&[engaged(NOON, 10_000), engaged(NOON + 60, 10_000)]), []);
}

#[test]
fn a_bounce_has_one_page_view_and_no_interactive_event() {
    let check = |kinds: &[Kind], expected: bool| {
        let events: Vec<_> = kinds.iter().zip(0..).map(|(kind, n)| event(*kind, NOON + n, 1)).collect();
        assert_eq!(one(&events).bounce, expected, "{kinds:?}");
    };
    check(&[Kind::PageView], true);
    check(&[Kind::PageView, Kind::Passive, Kind::Engagement], true);
    check(&[Kind::Passive, Kind::PageView], true);
    check(&[Kind::PageView, Kind::PageView], false);
    check(&[Kind::PageView, Kind::Custom], false);
    check(&[Kind::Custom, Kind::PageView], false);
    check(&[Kind::Custom], false);
    check(&[Kind::Passive], false);
}

#[test]
fn entry_and_exit_are_the_first_and_the_last_page_viewed() {
    let check = |pages: &[u32], expected: (u32, u32)| {
        let events: Vec<_> = pages.iter().zip(0..).map(|(page, n)| view(NOON + n, *page)).collect();
        let visit = one(&events);
        assert_eq!((visit.entry, visit.exit), (Some(ValueId(expected.0)), Some(ValueId(expected.1))));
        assert_eq!(visit.pageviews, pages.len());
    };
    check(&[1], (1, 1));
    check(&[1, 2], (1, 2));
    check(&[1, 2, 1], (1, 1));
    check(&[1, 2, 3], (1, 3));
    let around = [event(Kind::Custom, NOON, 8), view(NOON + 1, 1), event(Kind::Custom, NOON + 2, 9)];
    let visit = one(&around);
    assert_eq!((visit.entry, visit.exit), (Some(ValueId(1)), Some(ValueId(1))), "only views are entered");
}

#[test]
fn a_visit_of_events_alone_counts_and_has_neither_entry_nor_exit() {
    let events = [event(Kind::Custom, NOON, 1), event(Kind::Passive, NOON + 5, 2)];
    let visit = one(&events);
    assert!(visit.counts && !visit.bounce);
    assert_eq!((visit.entry, visit.exit, visit.pageviews), (None, None, 0));
    assert_eq!(visit.duration_secs, 5);
}

#[test]
fn a_day_that_opens_within_half_an_hour_from_an_own_host_continues_yesterdays_visit() {
    let half_past = limits::CONTINUATION_SECS;
    let check = |opening: UnitEvent, counts: bool| {
        let events = [opening, UnitEvent { time: opening.time + 60_000, ..view(0, 2) }];
        let visit = one(&events);
        assert_eq!(visit.counts, counts, "{opening:?}");
        assert_eq!(visit.entry.is_some(), counts);
        assert_eq!(visit.exit.is_some(), counts);
        assert_eq!(visit.source.is_some(), counts);
        assert_eq!(visit.pageviews, 2, "its views count");
    };
    check(own(view(0, 1)), false);
    check(own(view(half_past - 1, 1)), false);
    check(own(view(half_past, 1)), true);
    check(view(0, 1), true);
    assert!(!one(&[own(view(1, 1))]).bounce, "what is no visit is no bounce");
}

#[test]
fn the_window_of_continuations_begins_with_the_day_where_clocks_jump_over_midnight() {
    let cairo: Zone = "Africa/Cairo".parse().expect("a zone");
    let frame = cairo.frame("2026-04-24".parse().expect("a day"));
    let at = |ms: i64| [UnitEvent { time: frame.start + ms, ..own(view(0, 1)) }];
    let counts = |ms| visits(&at(ms), &frame, TIMEOUT_SECS)[0].counts;
    assert!(!counts(0) && !counts(limits::CONTINUATION_SECS * 1_000 - 1));
    assert!(counts(limits::CONTINUATION_SECS * 1_000));
}

#[test]
fn only_the_first_counted_event_decides_whether_a_day_continues() {
    let pinged = [engaged(0, 5_000), own(view(10, 1))];
    assert!(!one(&pinged).counts, "a ping says nothing of where it came from");
    let second = [view(0, 1), own(view(10, 2))];
    assert!(one(&second).counts);
}

#[test]
fn a_visit_lasts_from_first_to_last_event_or_as_long_as_it_was_engaged() {
    let check = |events: &[UnitEvent], expected: i64| assert_eq!(one(events).duration_secs, expected);
    check(&[view(NOON, 1)], 0);
    check(&[view(NOON, 1), view(NOON + 100, 2)], 100);
    check(&[view(NOON, 1), engaged(NOON + 100, 40_000)], 100);
    check(&[view(NOON, 1), engaged(NOON + 100, 70_000), engaged(NOON + 100, 70_500)], 140);
    check(&[view(NOON, 1), engaged(NOON + 100, 100_999)], 100);
    check(&[view(NOON, 1), engaged(NOON + 100, 101_000)], 101);
}

#[test]
fn the_source_is_the_first_views_and_the_client_the_first_counted_events() {
    let events = [
        in_country(1, engaged(NOON, 0)),
        in_country(2, from(1, event(Kind::Custom, NOON + 1, 1))),
        in_country(3, from(2, view(NOON + 2, 1))),
        in_country(4, from(3, view(NOON + 3, 1))),
    ];
    let visit = one(&events);
    assert_eq!(visit.source.map(|source| source.source), Some(ValueId(2)));
    assert_eq!(visit.client.country, ValueId(2));
    let unseen = one(&events[..2]).source.map(|source| source.source);
    assert_eq!(unseen, Some(ValueId(1)), "without a view the first counted event tells");
}

#[test]
fn a_visit_starts_with_its_first_event_whatever_it_is() {
    let events = [engaged(NOON - 60, 0), view(NOON, 1)];
    assert_eq!(one(&events).start_secs, day().start.secs() + NOON - 60);
    assert_eq!(Millis::from_secs(one(&events).start_secs), events[0].time);
}
