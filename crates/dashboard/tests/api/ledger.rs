use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use weir_dashboard::read_ledger;
use weir_event::{Reason, Seq, Zone};
use weir_registry::Access;

use crate::house::{House, NOON};

#[tokio::test]
async fn every_event_received_has_its_place_in_the_ledger() {
    let (house, cookie) = House::with_owner();
    let empty = json!({"pending": 0, "balanced": true, "sites": [], "refused": {}, "given_up": 0});
    assert_eq!(house.get("/api/ledger", &cookie).await.ok(), empty);

    let site = house.add_site("a.test");
    let third = house.receive(site, 0, 3);
    house.store_events(site, 3, third);
    house.queue.settle(third);
    house.receive(site, 3, 2);
    let day = Zone::utc().day_of(NOON);
    house.registry.count_refusals(Some(site), day, Reason::TooOld, 4);
    house.registry.count_refusals(None, day, Reason::UnknownHost, 5);
    house.registry.count_given_up(Some(site), day, 6);
    house.registry.count_given_up(None, day, 7);
    house.registry.flush_counts().unwrap();

    let ledger = house.get("/api/ledger", &cookie).await.ok();
    assert_eq!(
        ledger["sites"][0]["days"][0],
        json!({
        "day": "2026-06-01", "received": 5, "stored": 3, "set_aside": {}, "duplicate": 0, "erased": 0,
        "expired": 0, "dead": 0, "dropped": 0, "lost": 0, "pending": 2, "balanced": true})
    );
    assert_eq!((&ledger["pending"], &ledger["balanced"]), (&json!(2), &json!(true)));
    assert_eq!(ledger["sites"][0]["domain"], "a.test");
    assert_eq!(ledger["sites"][0]["refused"], json!({"too_old": 4}));
    assert_eq!(ledger["refused"], json!({"unknown_host": 5}));
    assert_eq!(
        (&ledger["sites"][0]["given_up"], &ledger["given_up"]),
        (&json!({"2026-06-01": 6}), &json!(7))
    );
}

#[tokio::test]
async fn an_event_that_is_nowhere_shows() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("a.test");
    let third = house.receive(site, 0, 3);
    house.store_events(site, 2, third);
    let ledger = house.get("/api/ledger", &cookie).await.ok();
    assert_eq!((&ledger["balanced"], &ledger["pending"]), (&json!(false), &json!(0)));
    assert_eq!(ledger["sites"][0]["days"][0]["balanced"], false);
}

#[tokio::test]
async fn a_removed_site_s_books_stay() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("a.test");
    house.receive(site, 0, 1);
    house.registry.remove_site("a.test").unwrap();
    let ledger = house.get("/api/ledger", &cookie).await.ok();
    assert_eq!(ledger["sites"][0]["domain"], format!("(removed site {site})"));
    assert_eq!(ledger["sites"][0]["days"][0]["received"], 1);
}

/// While one thread receives, another stores and settles without a pause; the books balance
/// whenever they are looked at.
#[test]
fn the_books_balance_at_every_moment_of_a_busy_server() {
    let house = House::new();
    let site = house.add_site("a.test");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for first in 0..300 {
                house.receive(site, first * 3, 3);
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            let mut reader = house.queue.reader().unwrap();
            let mut after = Seq(0);
            loop {
                let all = done.load(Ordering::SeqCst);
                let rows = reader.pending(after, 7).unwrap();
                let Some(last) = rows.last() else {
                    if all {
                        return;
                    }
                    std::thread::yield_now();
                    continue;
                };
                after = last.seq;
                house.store_events(site, rows.len() as i64, after);
                house.queue.settle(after);
            }
        });
        let mut reader = house.queue.reader().unwrap();
        let store = house.store.lock().unwrap().reader();
        let mut looks = 0;
        while !done.load(Ordering::SeqCst) || looks == 0 {
            let ledger = read_ledger(&mut reader, &store, &house.registry, Access::All).unwrap();
            assert!(ledger.balanced, "{ledger:?}");
            looks += 1;
        }
    });
    let store = house.store.lock().unwrap().reader();
    let mut reader = house.queue.reader().unwrap();
    let ledger = read_ledger(&mut reader, &store, &house.registry, Access::All).unwrap();
    let day = &ledger.sites[0].days[0];
    assert_eq!((day.received, day.stored, day.pending, day.balanced), (900, 900, 0, true));
}
