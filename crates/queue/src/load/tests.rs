use std::time::Duration;

use proptest::prelude::*;
use weir_event::{Event, Millis};
use weir_testkit::page_view;

use super::*;

fn rows(site: u32, n: u64) -> NewRows {
    let events: Vec<Event> = (0..n).map(|i| page_view(i, SiteId(site), 1, Millis(0))).collect();
    NewRows::of_events(&events)
}

fn options() -> QueueOptions {
    QueueOptions {
        waiting_events_max: 1_000,
        backlog_events_max: 1_000,
        site_share_max: 1.0,
        ..QueueOptions::default()
    }
}

fn load(options: QueueOptions) -> Load {
    Load::new(options, HashMap::new())
}

fn check_full_past(mut load: Load, site: u32, n: u64) {
    let mut one_too_many = load.admit(&rows(site, n + 1), false);
    assert!(one_too_many.is_err(), "{} events are one too many", n + 1);
    assert_eq!(load.admit(&rows(site, n), false), Ok(()), "{n} events fit");
    one_too_many = load.admit(&rows(site, 1), false);
    assert!(one_too_many.is_err(), "one more than {n} does not fit");
    assert_eq!(load.refused(), 2);
}

#[test]
fn each_limit_holds_exactly() {
    check_full_past(load(QueueOptions { waiting_events_max: 10, ..options() }), 1, 10);
    check_full_past(load(QueueOptions { backlog_events_max: 10, ..options() }), 1, 10);
    let bytes = rows(1, 10).bytes();
    check_full_past(load(QueueOptions { waiting_bytes_max: bytes, ..options() }), 1, 10);
    let before = HashMap::from([(SiteId(2), 4)]);
    check_full_past(Load::new(QueueOptions { backlog_events_max: 10, ..options() }, before), 1, 6);
}

#[test]
fn a_site_is_held_to_its_share_once_the_backlog_is_over_a_quarter_full() {
    let options = QueueOptions { backlog_events_max: 100, site_share_max: 0.2, ..options() };
    let mut load = load(options);
    assert_eq!(load.admit(&rows(1, 25), false), Ok(()), "over its share, but there is room");
    assert!(load.admit(&rows(1, 1), false).is_err(), "over its share, and over a quarter");
    assert_eq!(load.admit(&rows(2, 20), false), Ok(()), "another site's share is free");
    assert!(load.admit(&rows(2, 1), false).is_err());
    assert!(!load.is_full(false), "a third site would get in");
}

#[test]
fn control_rows_get_through_a_full_queue() {
    let mut load = load(QueueOptions { backlog_events_max: 0, waiting_events_max: 0, ..options() });
    let control = crate::Entry::Control(weir_event::Control::RemoveSite(SiteId(1)));
    assert_eq!(load.admit(&NewRows::of_entries(&[control]), true), Ok(()));
    assert!(load.is_full(false));
}

#[test]
fn a_low_disk_refuses_events() {
    let mut load = load(options());
    assert_eq!(load.admit(&rows(1, 1), true), Err(limits::RETRY_AFTER_SECS_MAX));
    assert_eq!(load.admit(&rows(1, 1), false), Ok(()));
}

#[test]
fn the_time_to_wait_follows_the_drain_and_stays_within_its_bounds() {
    let mut load = Load::new(options(), HashMap::from([(SiteId(1), 1_300)]));
    assert_eq!(load.retry_after_secs(false), 30, "nothing was measured yet");
    let start = Instant::now();
    let settle = |load: &mut Load, events, at_ms| {
        load.settled(HashMap::from([(SiteId(1), events)]), start + Duration::from_millis(at_ms));
    };
    settle(&mut load, 50, 0);
    settle(&mut load, 50, 1_000);
    assert_eq!(load.retry_after_secs(false), 6, "1,200 to 900 at 50 a second");
    settle(&mut load, 100, 2_000);
    assert_eq!(load.retry_after_secs(false), 3, "1,100 to 900 at 75 a second");
    settle(&mut load, 101, 3_000);
    assert_eq!(load.retry_after_secs(false), 1, "there is room");
    assert_eq!(load.retry_after_secs(true), 30, "nobody knows when a disk gets room");
}

proptest! {
    /// What is admitted ends as committed or failed, and what is committed as settled: afterwards
    /// nothing is held, whatever the order was.
    #[test]
    fn the_figures_return_to_zero(appends in prop::collection::vec((0u32..3, 1u64..20, any::<bool>()), 0..20)) {
        let mut load = load(options());
        let mut waiting = Vec::new();
        for (site, n, fails) in appends {
            let rows = rows(site, n);
            if load.admit(&rows, false).is_ok() {
                waiting.push((site, rows, fails));
            }
        }
        let mut committed: HashMap<SiteId, u64> = HashMap::new();
        for (site, rows, fails) in &waiting {
            if *fails {
                load.failed(rows);
            } else {
                load.committed(rows);
                *committed.entry(SiteId(*site)).or_default() += rows.events() as u64;
            }
        }
        prop_assert_eq!(load.backlog_events(), committed.values().sum::<u64>());
        prop_assert_eq!(load.waiting_events(), 0);
        load.settled(committed, Instant::now());
        prop_assert_eq!(load.backlog_events(), 0);
        prop_assert!(load.held_by_site.is_empty());
    }
}
