use serde_json::json;
use weir_event::{Control, LocalDay, QueueId, Seq, SiteId, limits};
use weir_queue::Entry;
use weir_store::DeadEvent;

use crate::house::House;

const QUEUE: QueueId = QueueId([7; 16]);

fn bury(house: &House, site: SiteId, seqs: impl IntoIterator<Item = i64>) {
    let mut store = house.store.lock().unwrap();
    let mut batch = store.begin().unwrap();
    for seq in seqs {
        let dead = DeadEvent {
            queue: QUEUE,
            seq: Seq(seq),
            site,
            received_day: LocalDay(20_000),
            is_event: true,
            id: None,
            error: "the row is damaged".to_owned(),
            body: b"secret".to_vec(),
        };
        batch.bury(&dead).unwrap();
    }
    batch.commit().unwrap();
}

fn wishes(house: &House) -> Vec<Entry> {
    let rows = house.queue.reader().unwrap().pending(Seq(0), 10_000).unwrap();
    rows.iter().map(|row| row.decode().unwrap()).collect()
}

#[tokio::test]
async fn dead_rows_are_listed_without_what_they_hold_for_those_who_may_read_every_site() {
    let (house, cookie) = House::with_owner();
    let (a, b) = (house.add_site("a.test"), house.add_site("b.test"));
    assert_eq!(house.get("/api/dead", &cookie).await.ok(), json!({"total": 0, "dead": []}));
    bury(&house, a, [5]);
    bury(&house, b, [6]);
    let list = house.get("/api/dead", &cookie).await.ok();
    let first = json!({"number": 1, "site": "a.test", "day": "2024-10-04", "kind": "event",
        "error": "the row is damaged"});
    assert_eq!((&list["total"], &list["dead"][0]), (&json!(2), &first));
    let of_b = house.get("/api/dead?site=b.test", &cookie).await.ok();
    assert_eq!((&of_b["total"], &of_b["dead"][0]["number"]), (&json!(1), &json!(2)));
    house.get("/api/dead?site=c.test", &cookie).await.refused(404);
    house.get("/api/dead?bodies=1", &cookie).await.refused(400);
    assert_eq!(house.get("/api/dead", &house.token("all", None)).await.ok(), list);
    house.get("/api/dead", &house.token("one", Some("a.test"))).await.refused(401);
    house.get("/api/dead", "").await.refused(401);
    assert!(wishes(&house).is_empty(), "looking asks for nothing");
}

#[tokio::test]
async fn what_is_asked_of_dead_rows_goes_through_the_queue() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("a.test");
    bury(&house, site, [5, 6, 7]);
    let asked = house.post("/api/dead/replay", &cookie, json!({"numbers": [1, 3]})).await;
    assert_eq!((asked.status.as_u16(), asked.json()), (202, json!({"asked": 2})));
    let asked = house.post("/api/dead/drop", &cookie, json!({"all": true, "site": "a.test"})).await;
    assert_eq!(asked.json(), json!({"asked": 3}));
    let replay = |seq| Entry::Control(Control::ReplayDead { queue: QUEUE, seq: Seq(seq) });
    let drop = |seq| Entry::Control(Control::DropDead { queue: QUEUE, seq: Seq(seq) });
    assert_eq!(wishes(&house), [replay(5), replay(7), drop(5), drop(6), drop(7)]);
}

#[tokio::test]
async fn a_choice_that_means_nothing_is_refused_and_asks_for_nothing() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("a.test");
    house.add_site("b.test");
    bury(&house, site, [5]);
    let max = limits::DEAD_LISTED_MAX as u64;
    for (body, status) in [
        (json!({}), 400),
        (json!({"all": true, "numbers": [1]}), 400),
        (json!({"numbers": [1, 2]}), 404),
        (json!({"numbers": [1], "site": "b.test"}), 404),
        (json!({"all": true, "site": "c.test"}), 404),
        (json!({"numbers": vec![1; limits::DEAD_LISTED_MAX + 1]}), 400),
        (json!({"number": 1}), 400),
    ] {
        for path in ["/api/dead/replay", "/api/dead/drop"] {
            house.post(path, &cookie, body.clone()).await.refused(status);
        }
    }
    assert!(wishes(&house).is_empty());
    let at_limit =
        house.post("/api/dead/replay", &cookie, json!({"numbers": vec![1; limits::DEAD_LISTED_MAX]}));
    assert_eq!(at_limit.await.json(), json!({"asked": max}));
    bury(&house, site, 6..=max.cast_signed() + 5);
    let list = house.get("/api/dead", &cookie).await.ok();
    assert_eq!(list["total"], max + 1);
    assert_eq!(list["dead"].as_array().unwrap().len() as u64, max);
}

#[tokio::test]
async fn the_demo_shows_dead_rows_and_refuses_to_touch_them() {
    let house = House::demo();
    house.post("/api/dead/drop", "", json!({"all": true})).await.refused(403);
    assert_eq!(house.get("/api/dead", "").await.ok(), json!({"total": 0, "dead": []}));
}
