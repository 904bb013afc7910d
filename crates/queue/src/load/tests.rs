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

fn limit_of(admitted: Result<(), (Limit, u32)>) -> Option<Limit> {
    admitted.err().map(|(limit, _)| limit)
}

fn check_full_past(mut load: Load, site: u32, n: u64, limit: Limit) {
    let one_too_many = limit_of(load.admit(&rows(site, n + 1), false));
    assert_eq!(one_too_many, Some(limit), "{} events are one too many", n + 1);
    assert_eq!(load.admit(&rows(site, n), false), Ok(()), "{n} events fit");
    let one_too_many = limit_of(load.admit(&rows(site, 1), false));
    assert_eq!(one_too_many, Some(limit), "one more than {n} does not fit");
    assert_eq!((load.refused().by(limit), load.refused().sum()), (2, 2));
}

#[test]
fn each_limit_holds_exactly() {
    check_full_past(load(QueueOptions { waiting_events_max: 10, ..options() }), 1, 10, Limit::Waiting);
    check_full_past(load(QueueOptions { backlog_events_max: 10, ..options() }), 1, 10, Limit::Backlog);
    let bytes = rows(1, 10).bytes();
    check_full_past(load(QueueOptions { waiting_bytes_max: bytes, ..options() }), 1, 10, Limit::Waiting);
    let before = HashMap::from([(SiteId(2), 4)]);
    let filled = Load::new(QueueOptions { backlog_events_max: 10, ..options() }, before);
    check_full_past(filled, 1, 6, Limit::Backlog);
}

/// (backlog limit, share, what others hold) -> what one more site may hold.
fn check_share(backlog_events_max: u64, site_share_max: f64, others: u64, expected: u64) {
    let options = QueueOptions { backlog_events_max, site_share_max, ..options() };
    let mut load = Load::new(options, HashMap::from([(SiteId(2), others)]));
    load.share_among(2);
    check_full_past(load, 1, expected, Limit::SiteShare);
}

#[test]
fn a_site_may_fill_its_share_of_the_room_that_the_others_leave() {
    check_share(100, 0.5, 0, 50);
    check_share(100, 0.2, 0, 20);
    check_share(100, 0.5, 50, 25);
    check_share(100, 0.5, 75, 12);
    check_share(100, 0.9, 90, 9);
}

#[test]
fn the_share_holds_for_what_waits_for_the_writer_too() {
    let options = QueueOptions { waiting_events_max: 10, site_share_max: 0.5, ..options() };
    let mut load = load(options);
    load.share_among(2);
    check_full_past(load, 1, 5, Limit::SiteShare);
}

#[test]
fn a_site_that_shares_with_nobody_may_use_everything() {
    let options = QueueOptions { backlog_events_max: 100, site_share_max: 0.5, ..options() };
    let mut load = load(options);
    load.share_among(1);
    assert_eq!(load.admit(&rows(1, 60), false), Ok(()));
    load.share_among(2);
    assert_eq!(limit_of(load.admit(&rows(1, 1), false)), Some(Limit::SiteShare), "another site came");
    assert_eq!(load.admit(&rows(2, 20), false), Ok(()), "and finds room");
    assert_eq!(load.full_by(false), None, "a third one would");
    load.share_among(1);
    assert_eq!(load.admit(&rows(1, 20), false), Ok(()), "the other one was removed");
    assert_eq!(limit_of(load.admit(&rows(1, 1), false)), Some(Limit::Backlog));
}

#[test]
fn control_rows_get_through_a_full_queue() {
    let mut load = load(QueueOptions { backlog_events_max: 0, waiting_events_max: 0, ..options() });
    let control = crate::Entry::Control(weir_event::Control::RemoveSite(SiteId(1)));
    assert_eq!(load.admit(&NewRows::of_entries(&[control]), true), Ok(()));
    assert_eq!(load.full_by(false), Some(Limit::Backlog));
}

#[test]
fn a_low_disk_refuses_events() {
    let mut load = load(options());
    assert_eq!(load.admit(&rows(1, 1), true), Err((Limit::Disk, limits::RETRY_AFTER_SECS_MAX)));
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

#[test]
fn a_noisy_site_waits_until_its_part_has_gone_and_the_others_rows_between() {
    let options = QueueOptions { site_share_max: 0.5, ..options() };
    let mut load = Load::new(options, HashMap::from([(SiteId(1), 500), (SiteId(2), 500)]));
    load.share_among(2);
    let start = Instant::now();
    load.settled(HashMap::from([(SiteId(2), 250)]), start);
    load.settled(HashMap::from([(SiteId(2), 50)]), start + Duration::from_secs(1));
    // It may hold half of the 800 that the other leaves: 400, nine tenths of which are 360. To lose
    // 140 of its 500 the queue must lose 196 of its 701 in all, at 50 a second.
    assert_eq!(load.admit(&rows(1, 1), false), Err((Limit::SiteShare, 4)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever noisy sites do, a site that holds no more than its part of what they must leave gets
    /// in, and a lone site may fill all there is.
    #[test]
    fn a_quiet_site_gets_in_while_noisy_ones_flood(
        noisy in 1u32..5,
        floods in prop::collection::vec((1u32..5, 1u64..200, any::<bool>()), 1..40),
        share in prop::sample::select(vec![0.25, 0.5, 0.75]),
    ) {
        let mut load = load(QueueOptions { site_share_max: share, ..options() });
        load.share_among(noisy as usize + 1);
        for (site, n, drain) in floods {
            let site = 1 + site % noisy;
            let flood = rows(site, n);
            if load.admit(&flood, false).is_ok() {
                load.committed(&flood);
            }
            if drain {
                let held = load.by_site.get(&SiteId(site)).map_or(0, |load| load.held);
                load.settled(HashMap::from([(SiteId(site), held.min(n / 2))]), Instant::now());
            }
            // Each leaves at least 1 - share of what it finds free.
            let left = 1_000.0 * f64::powi(1.0 - share, noisy as i32);
            let quiet = rows(0, (left * share) as u64);
            prop_assert_eq!(load.admit(&quiet, false), Ok(()), "{} sites", noisy);
            load.failed(&quiet);
        }
    }

    #[test]
    fn a_lone_site_may_fill_all_there_is(floods in prop::collection::vec(1u64..120, 1..40)) {
        let mut load = load(options());
        let mut held = 0;
        for n in floods {
            let flood = rows(1, n);
            let admitted = load.admit(&flood, false).is_ok();
            prop_assert_eq!(admitted, held + n <= 1_000);
            if admitted {
                load.committed(&flood);
                held += n;
            }
        }
    }

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
        prop_assert!(load.by_site.is_empty());
    }
}
