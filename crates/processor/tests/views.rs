//! The tables in words, as somebody with a database tool reads them.

use std::collections::BTreeMap;

use weir_event::{Event, Kind, Millis, Zone};
use weir_testkit::page_view;

use crate::world::World;

const VISITORS_BY_DAY: &str = "SELECT strftime('%Y-%m-%d', hour) AS day, SUM(visitors) FROM v_site_stats
    WHERE website_id = ?1 AND hour BETWEEN ?2 AND ?3 GROUP BY day";

/// Visitors who come several times a day, over days among which the clock is turned.
fn check_days(zone: &str, first_day: &str) {
    let mut world = World::new();
    let site = world.site("example.com", zone);
    let zone: Zone = zone.parse().expect("a zone");
    let mut day = first_day.parse().expect("a day");
    let mut events: Vec<Event> = Vec::new();
    for _ in 0..30 {
        let frame = zone.frame(day);
        for (n, hour) in frame.hours.iter().enumerate() {
            for visitor in [0, n / 7, n % 5] {
                let time = Millis::from_secs(hour.start_secs) + visitor as i64;
                let event = page_view(events.len() as u64, site.id, visitor as u64, time);
                events.push(Event { day, received_day: day, ..event });
            }
        }
        day = day.next();
    }
    world.take(&events);
    let range = (site.id.0, format!("{first_day} 00:00:00"), format!("{} 23:59:59", day.previous()));
    let sql = world.sql();
    let mut statement = sql.prepare(VISITORS_BY_DAY).expect("prepared");
    let found = statement.query_map(range, |row| Ok((row.get(0)?, row.get(1)?))).expect("queried");
    let found: BTreeMap<String, i64> = found.collect::<Result<_, _>>().expect("read");
    let days =
        world.rows(site.id).into_iter().filter(|(row, _)| row.table == "site_stats" && row.grain == "day");
    let number = |bucket: i64| weir_event::LocalDay(i32::try_from(bucket).expect("a day")).to_string();
    let expected: BTreeMap<String, i64> =
        days.map(|(row, counters)| (number(row.bucket), counters[0])).collect();
    assert_eq!(found.len(), 30, "{zone}");
    assert_eq!(found, expected, "{zone}");
}

#[test]
fn visitors_by_hour_add_up_to_the_visitors_of_the_day() {
    for (zone, first_day) in [
        ("UTC", "2026-02-15"),
        ("Asia/Kathmandu", "2026-05-20"),
        ("America/New_York", "2026-10-20"),
        ("Australia/Lord_Howe", "2026-03-20"),
        ("Africa/Cairo", "2026-04-10"),
    ] {
        check_days(zone, first_day);
    }
}

#[test]
fn every_view_can_be_read_and_tells_texts() {
    let mut world = World::new();
    let site = world.site("example.com", "Asia/Kathmandu");
    let time = Millis(1_780_056_000_000);
    let view = |n: u64, path: &str| {
        let event = page_view(n, site.id, 1, time + i64::try_from(n).expect("few"));
        Event { path: path.to_owned(), day: site.day_of(time), received_day: site.day_of(time), ..event }
    };
    let signup = Event { kind: Kind::Custom, name: "signup".to_owned(), ..view(3, "/b") };
    world.take(&[view(1, "/a"), view(2, "/b"), signup]);
    let sql = world.sql();
    let mut views = sql.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'").expect("prepared");
    let views: Vec<String> =
        views.query_map([], |row| row.get(0)).expect("queried").collect::<Result<_, _>>().expect("read");
    assert_eq!(views.len(), 21);
    for view in &views {
        let sql_text = format!("SELECT count(*) FROM {view}");
        let rows = world.number(&sql_text);
        let is_empty =
            view.starts_with("v_utm_") || ["v_referrer_stats", "v_amount_stats"].contains(&view.as_str());
        assert_eq!(rows == 0, is_empty, "{view}: {rows} rows");
    }
    let one = |sql_text: &str| sql.query_row(sql_text, [], |row| row.get::<_, String>(0)).expect("one row");
    let entry = "SELECT hour || ' ' || page FROM v_entry_page_stats";
    assert_eq!(one(entry), "2026-05-29 17:00:00 /a", "a clock at the site");
    assert_eq!(
        one("SELECT day || source_page || target_page || visits FROM v_flow_stats"),
        "2026-05-29/a/b1"
    );
    let event = "SELECT kind || page || host || name || browser FROM v_events WHERE name = 'signup'";
    assert_eq!(one(event), "event/bexample.comsignupFirefox");
    assert_eq!(one("SELECT name || events FROM v_event_stats"), "signup1");
}
