use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::http::{Connection, request};
use crate::server::{EVENTS, Server, page_view};
use crate::wait::until;

const SENDERS: usize = 4;

/// How many events are acknowledged before each kill: at once, early, and with much behind it.
const KILL_AFTER: [usize; 5] = [1, 150, 400, 20, 300];

/// The same each time; whoever sends is a tracker with a number.
struct Tracker {
    agent: String,
    state: u64,
    sent: usize,
    /// Without an answer: sent again, under the same ids, until there is one.
    unsure: Option<Vec<usize>>,
    acknowledged: Vec<usize>,
}

impl Tracker {
    fn new(number: usize) -> Self {
        let agent =
            format!("Mozilla/5.0 (X11; Linux x86_64; rv:14{number}.0) Gecko/20100101 Firefox/14{number}.0");
        Self {
            agent,
            state: 20_260_601 + number as u64,
            sent: number,
            unsure: None,
            acknowledged: Vec::new(),
        }
    }

    fn next_delivery(&mut self) -> Vec<usize> {
        if let Some(again) = self.unsure.take() {
            return again;
        }
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let events = 1 + (self.state >> 33) as usize % 10;
        let first = self.sent;
        self.sent += events * SENDERS;
        (first..self.sent).step_by(SENDERS).collect()
    }

    /// Delivers until the server is gone.
    fn send_all(&mut self, address: SocketAddr, acknowledged: &AtomicUsize) {
        let Ok(mut connection) = Connection::try_open(address) else { return };
        loop {
            let numbers = self.next_delivery();
            let events: Vec<Value> = numbers.iter().copied().map(event).collect();
            let body = json!({"events": events}).to_string();
            let bytes = request("POST", EVENTS, &[("user-agent", &self.agent)], body.as_bytes());
            match connection.send(&bytes).and_then(|()| connection.answer()) {
                Ok(answer) => {
                    assert_eq!((answer.status, &answer.json()["accepted"]), (202, &json!(numbers.len())));
                    acknowledged.fetch_add(numbers.len(), Ordering::Relaxed);
                    self.acknowledged.extend(numbers);
                }
                Err(_) => {
                    self.unsure = Some(numbers);
                    return;
                }
            }
        }
    }
}

fn event(number: usize) -> Value {
    let mut event = page_view(&format!("/{number}"));
    event["id"] = json!(format!("01900000-0000-7000-8000-{number:012x}"));
    event
}

/// Lets all trackers send until so many events are acknowledged, then kills the server.
fn kill_under_load(server: Server, trackers: Vec<Tracker>, after: usize) -> Vec<Tracker> {
    let acknowledged = std::sync::Arc::new(AtomicUsize::new(0));
    let address = server.address;
    let senders: Vec<JoinHandle<Tracker>> = trackers
        .into_iter()
        .map(|mut tracker| {
            let acknowledged = acknowledged.clone();
            std::thread::spawn(move || {
                tracker.send_all(address, &acknowledged);
                tracker
            })
        })
        .collect();
    until("enough is acknowledged", || (acknowledged.load(Ordering::Relaxed) >= after).then_some(()));
    server.kill();
    senders.into_iter().map(|sender| sender.join().expect("sends to the end")).collect()
}

/// How often each event is in the statistics, once all that is in the queue has arrived there.
fn counts(folder: &Folder, server: &Server, token: &str) -> BTreeMap<usize, u64> {
    until("everything is folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    let rows = server.query(token, &["pageviews"], &["event:page"]);
    let number = |row: &Value| row["dimensions"][0].as_str().and_then(|path| path[1..].parse().ok());
    let count = |row: &Value| row["metrics"][0].as_u64();
    rows.iter().map(|row| (number(row).expect("a number"), count(row).expect("a count"))).collect()
}

#[test]
fn what_was_acknowledged_is_counted_once_however_often_the_server_is_killed() {
    let folder = Folder::with_site();
    let token = folder.token();
    let mut trackers: Vec<Tracker> = (0..SENDERS).map(Tracker::new).collect();
    for after in KILL_AFTER {
        trackers = kill_under_load(folder.serve(), trackers, after);
        let server = folder.serve();
        let counted = counts(&folder, &server, &token);
        for number in trackers.iter().flat_map(|tracker| &tracker.acknowledged) {
            assert_eq!(counted.get(number), Some(&1), "event {number}");
        }
        // Whether an event without an answer is there or not, it is there at most once.
        assert_eq!(counted.values().find(|count| **count != 1), None);
        server.kill();
    }

    let server = folder.serve();
    let mut expected = BTreeMap::new();
    for mut tracker in trackers {
        let unsure = tracker.unsure.take().expect("each was cut off");
        let again: Vec<Value> = unsure.iter().copied().map(event).collect();
        let body = json!({"events": again}).to_string();
        let answer = server.post(EVENTS, &[("user-agent", &tracker.agent)], body.as_bytes());
        assert_eq!(answer.status, 202, "{answer:?}");
        expected.extend(tracker.acknowledged.into_iter().chain(unsure).map(|number| (number, 1)));
    }
    assert!(expected.len() >= KILL_AFTER.iter().sum());
    assert_eq!(counts(&folder, &server, &token), expected);
    let ledger = folder.json(&["ledger"]);
    assert_eq!(ledger["balanced"], true, "{ledger}");
    server.stop();
    folder.run(&["verify"]).succeeded();
}
