//! `verify` finds what was changed by hand, and `rebuild` restores it.

use weir_event::{Amount, Event, Grain, Kind, Millis, SiteId};
use weir_testkit::page_view;

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

fn filled() -> (World, SiteId) {
    let mut world = World::new();
    let site = world.site("example.com", "UTC").id;
    let view = |n: u64, visitor, after_ms| {
        let event = page_view(n, site, visitor, NOON + after_ms);
        Event { path: format!("/{n}"), ..event }
    };
    let buy = Event {
        kind: Kind::Custom,
        name: "buy".to_owned(),
        amount: Some(Amount { currency: *b"EUR", minor: 1_250 }),
        ..view(5, 1, 3)
    };
    world.take(&[view(1, 1, 0), view(2, 1, 1), view(3, 2, Millis::HOUR), view(4, 3, 2 * Millis::DAY), buy]);
    (world, site)
}

/// What is changed, the row that has to be named (table, grain, bucket, value) and the counter with
/// (what the log says, what the row says).
fn check_named(change: &str, row: (&str, Grain, &str, &str), counter: (&'static str, i64, i64)) {
    let (world, site) = filled();
    let rows = world.rows(site);
    assert_eq!(world.tamper(change), 1, "{change}");
    assert_eq!(world.verify().different, 1, "{change}: no other row is accused");
    let verified = world.verify();
    let of_log = verified.told.iter().find(|told| {
        (told.table, told.grain, told.bucket.as_str(), told.value.as_str()) == row
            && told.counters.contains(&counter)
    });
    assert!(of_log.is_some(), "{change}: {:#?}", verified.told);
    assert_eq!(verified.different, verified.told.len() as u64);
    world.rebuild();
    assert_eq!(world.rows(site), rows, "{change}: rebuilt");
    assert!(world.verify().is_equal(), "{change}: rebuilt");
}

#[test]
fn a_row_changed_by_hand_is_named_and_restored() {
    use Grain::{Day, Hour, Month};
    let page = "(SELECT id FROM strings WHERE dimension = 1 AND text = '/3')";
    for (change, row, counter) in [
        (
            "UPDATE site_stats SET visitors = visitors + 1 WHERE grain = 1 AND visitors = 2".to_owned(),
            ("site_stats", Day, "2026-05-29", ""),
            ("visitors", 2, 3),
        ),
        (
            format!("UPDATE page_stats SET pageviews = 7 WHERE grain = 0 AND role = 0 AND value = {page}"),
            ("page_stats", Hour, "2026-05-29T13:00:00.000Z", "/3"),
            ("pageviews", 1, 7),
        ),
        (
            format!("DELETE FROM page_stats WHERE grain = 1 AND role = 1 AND value = {page}"),
            ("page_stats", Day, "2026-05-29", "/3"),
            ("visits", 1, 0),
        ),
        (
            "UPDATE site_stats SET bounces = 0 WHERE grain = 2".to_owned(),
            ("site_stats", Month, "2026-05", ""),
            ("bounces", 2, 0),
        ),
        (
            "UPDATE event_stats SET amount = 1 WHERE grain = 1 AND second <> 0".to_owned(),
            ("event_stats", Day, "2026-05-29", "buy"),
            ("amount", 1_250, 1),
        ),
        ("DELETE FROM flow_stats".to_owned(), ("flow_stats", Day, "2026-05-29", "/1"), ("visits", 1, 0)),
    ] {
        check_named(&change, row, counter);
    }
}

#[test]
fn a_row_added_by_hand_is_named_and_removed() {
    use Grain::{Day, Hour, Month};
    let add = |grain: i32, bucket: i64| {
        format!(
            "INSERT INTO site_stats SELECT 1, {grain}, 0, {bucket}, id, 0, 0, 0, 5, 0, 0, 0
             FROM strings WHERE dimension = 2"
        )
    };
    let (day, counter) = (i64::from(page_view(0, SiteId(1), 1, NOON).day.0), ("pageviews", 0, 5));
    for (grain, bucket, row) in [
        (1, day, ("site_stats", Day, "2026-05-29", "example.com")),
        (1, day + 1, ("site_stats", Day, "2026-05-30", "example.com")),
        (1, day + 100, ("site_stats", Day, "2026-09-06", "example.com")),
        (0, NOON.secs() + 7, ("site_stats", Hour, "2026-05-29T12:00:07.000Z", "example.com")),
        (0, NOON.secs() + 86_400, ("site_stats", Hour, "2026-05-30T12:00:00.000Z", "example.com")),
        (2, 2_026 * 12 + 4, ("site_stats", Month, "2026-05", "example.com")),
        (2, 2_026 * 12, ("site_stats", Month, "2026-01", "example.com")),
    ] {
        check_named(&add(grain, bucket), row, counter);
    }
}

#[test]
fn what_visitors_did_is_read_from_the_log_by_a_process_that_begins() {
    let (mut world, site) = filled();
    let before = world.number("SELECT visits FROM site_stats WHERE grain = 1");
    world.tamper("UPDATE open_visitors SET events = x'00'");
    world.tamper("INSERT OR IGNORE INTO open_visitors SELECT site, day, 1, x'00' FROM site_days");
    world.restart();
    // The next event of a visitor finds what the visitor did before.
    let event = page_view(9, site, 1, NOON + 5);
    world.take(&[event]);
    assert!(world.verify().is_equal());
    assert_eq!(world.number("SELECT visits FROM site_stats WHERE grain = 1"), before, "no new visit");
}
