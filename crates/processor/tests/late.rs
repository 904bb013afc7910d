//! Late events land in the hour in which they happened, whatever has become of its day meanwhile.

use weir_event::{Event, Grain, Millis, VisitorId, Zone};
use weir_rollups::Statistic;
use weir_store::DayState;
use weir_testkit::page_view;

use crate::world::World;

/// An event of `time`, received so many minutes later, folded when the day is in `state`.
fn check_late(zone: &str, time: &str, late_mins: i64, state: DayState) {
    let mut world = World::new();
    let site = world.site("example.com", zone);
    let pulse = world.site("pulse.test", "UTC").id;
    let zone: Zone = zone.parse().expect("a zone");
    let time = Millis(time.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
    let of = |n: u64, late: i64| {
        let (received, day) = (time + late * Millis::MINUTE, zone.day_of(time));
        let received_day = zone.day_of(received);
        // Its key is gone an hour after the day.
        let known = received < zone.start_of(day.next()) + Millis::HOUR;
        let visitor = known.then_some(VisitorId(n));
        Event { received, received_day, day, visitor, ..page_view(n, site.id, n, time) }
    };
    world.take(&[of(1, 0)]);
    let end = zone.start_of(zone.day_of(time).next());
    let clock = match state {
        DayState::Open => time,
        DayState::Closed => end + 2 * Millis::HOUR,
        DayState::Sealed | DayState::Frozen => end + 26 * Millis::HOUR,
    };
    world.take(&[page_view(2, pulse, 1, clock)]);
    assert_eq!(world.day_states(site.id), [state], "{zone:?} {time}");
    world.take(&[of(3, late_mins)]);
    let frame = zone.frame(zone.day_of(time));
    let hour = frame.hour_of(time.secs());
    let mut hours = Vec::new();
    let read = world.reader.read(|reading| {
        reading.stats(site.id, Statistic::Site, Grain::Hour, i64::MIN, i64::MAX, &mut |row| {
            hours.push((row.bucket, row.counters.pageviews));
        })
    });
    read.expect("read");
    assert_eq!(hours, [(hour, 2)], "{zone:?} {time}, {late_mins} minutes late");
    let verified = world.verify();
    assert!(verified.is_equal(), "{:#?}", verified.told);
    assert_eq!(world.unbalanced(), Vec::<String>::new());
}

#[test]
fn a_late_event_lands_in_its_hour_in_an_open_a_closed_and_a_sealed_day() {
    use DayState::{Closed, Open, Sealed};
    for (zone, time) in [
        ("UTC", "2026-05-29T12:30:00Z"),
        // The last second of a day, and the first.
        ("UTC", "2026-05-29T23:59:59Z"),
        ("Asia/Kathmandu", "2026-05-29T18:15:00Z"),
        // The hour that is there twice, both times, and the hour after the one that is not there.
        ("America/New_York", "2026-11-01T05:30:00Z"),
        ("America/New_York", "2026-11-01T06:30:00Z"),
        ("America/New_York", "2026-03-08T07:30:00Z"),
        // A day without 00:00.
        ("Africa/Cairo", "2026-04-23T22:10:00Z"),
        // Half an hour is turned.
        ("Australia/Lord_Howe", "2026-04-04T14:50:00Z"),
    ] {
        check_late(zone, time, 0, Open);
        for late_mins in [0, 5, 24 * 60] {
            check_late(zone, time, late_mins, Closed);
            check_late(zone, time, late_mins, Sealed);
        }
    }
}
