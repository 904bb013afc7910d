//! The writer, those who append, the one who drains and the one who stops, in many orders. The file is
//! a list in memory whose writes fail now and then: what is looked at here is the waiting.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use weir_event::{Event, Millis, Seq, SiteId};
use weir_sqlite::{Error, Trouble};
use weir_testkit::page_view;
use weir_testkit::schedules::rand::{Rng, thread_rng};
use weir_testkit::schedules::{Timeouts, block_on, check_schedules};

use crate::delivery::NewRows;
use crate::file::{Durable, Settle, Settled, Written};
use crate::queue::Found;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, thread};
use crate::{AppendError, Queue, QueueOptions, Waited};

/// What is on disk, and what ever was.
#[derive(Default)]
struct Disk {
    rows: BTreeMap<i64, SiteId>,
    last: i64,
    written: u64,
}

type SharedDisk = Arc<Mutex<Disk>>;

struct MemoryFile {
    disk: SharedDisk,
    /// How many of a hundred writes fail.
    failing: u32,
}

impl Durable for MemoryFile {
    fn write(&mut self, appends: &[&NewRows], settle: Option<Settle>) -> Result<Written, Error> {
        thread::yield_now();
        if thread_rng().gen_ratio(self.failing, 100) {
            let trouble = if thread_rng().gen_bool(0.5) { Trouble::Busy } else { Trouble::Corrupt };
            return Err(Error::refusal("as the test wished".to_owned()).with(trouble));
        }
        let mut disk = self.disk.lock().expect("no panic");
        let settled = settle.map(|settle| disk.settle(settle));
        let last_seqs = appends.iter().map(|rows| disk.append(rows)).collect();
        drop(disk);
        thread::yield_now();
        Ok(Written { last_seqs, settled })
    }

    fn probe(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn stay_in_place(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn shorten_log(&self) -> Result<(), Error> {
        Ok(())
    }

    fn give_back_pages(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Disk {
    fn append(&mut self, rows: &NewRows) -> Seq {
        for row in rows.iter() {
            self.last += 1;
            self.written += 1;
            self.rows.insert(self.last, row.site);
        }
        Seq(self.last)
    }

    fn settle(&mut self, settle: Settle) -> Settled {
        let goal = settle.goal.0.min(self.last);
        let up_to = goal.min(settle.after.0 + 1).max(settle.after.0);
        let mut by_site = HashMap::new();
        let rest = self.rows.split_off(&(up_to + 1));
        std::mem::replace(&mut self.rows, rest)
            .into_values()
            .for_each(|site| *by_site.entry(site).or_default() += 1);
        Settled { up_to: Seq(up_to), done: up_to >= goal, by_site }
    }
}

const WAITING_MAX: usize = 3;
const BACKLOG_MAX: u64 = 5;
/// No test waits for it: in these schedules time is the scheduler's.
const LONG: Duration = Duration::from_secs(3_600);

fn open(failing: u32) -> (Queue, SharedDisk) {
    let disk = SharedDisk::default();
    let file = MemoryFile { disk: Arc::clone(&disk), failing };
    let found = Found { past: Vec::new(), last: Seq(0), settled: Seq(0), by_site: HashMap::new() };
    let options = QueueOptions {
        waiting_events_max: WAITING_MAX,
        backlog_events_max: BACKLOG_MAX,
        site_share_max: 1.0,
        disk_reserve_bytes: 0,
        ..QueueOptions::default()
    };
    (Queue::start(Path::new("queue.db"), file, found, options).expect("starts"), disk)
}

fn events(n: usize) -> Vec<Event> {
    (0..n).map(|n| page_view(n as u64, SiteId(1), 1, Millis(0))).collect()
}

/// What a sender's appends came to. Each was answered, or this would not exist.
#[derive(Default)]
struct Answers {
    /// The last number of each append and its events.
    accepted: Vec<(i64, usize)>,
    closed: usize,
}

fn send(queue: &Queue, deliveries: &[usize]) -> Answers {
    let mut answers = Answers::default();
    for n in deliveries {
        match block_on(queue.append(events(*n))) {
            Ok(last) => {
                assert!(queue.gauges().last_seq >= last, "an answer comes before its figures");
                answers.accepted.push((last.0, *n));
            }
            Err(AppendError::Closed) => answers.closed += 1,
            Err(AppendError::Full { .. } | AppendError::Failed) => {}
        }
        let gauges = queue.gauges();
        assert!(gauges.waiting_events <= WAITING_MAX, "{gauges:?}");
        assert!(gauges.backlog_events + gauges.waiting_events as u64 <= BACKLOG_MAX, "{gauges:?}");
    }
    answers
}

/// As the processor does it: wait, take what there is, settle it.
fn drain(queue: &Queue, disk: &SharedDisk, stop: &AtomicBool) -> u64 {
    let (mut read, mut drained) = (Seq(0), 0);
    while !stop.load(Ordering::Acquire) {
        if queue.wait_appended(read, LONG) != Waited::Appended {
            continue;
        }
        let rows: Vec<i64> =
            disk.lock().expect("no panic").rows.range(read.0 + 1..).map(|(seq, _)| *seq).collect();
        assert!(!rows.is_empty(), "told of rows past {read} and there are none");
        drained += rows.len() as u64;
        read = Seq(*rows.last().expect("some"));
        queue.settle(read);
    }
    drained
}

/// Everybody was answered truly, and the figures are those of the disk.
fn check_books(queue: &Queue, disk: &SharedDisk, answers: &[Answers]) {
    let disk = disk.lock().expect("no panic");
    let accepted: Vec<_> = answers.iter().flat_map(|answers| answers.accepted.iter().copied()).collect();
    let mut numbers: Vec<i64> = accepted.iter().flat_map(|(last, n)| last - *n as i64 + 1..=*last).collect();
    numbers.sort_unstable();
    let expected: Vec<i64> = (1..=disk.written as i64).collect();
    assert_eq!(numbers, expected, "each row on disk was acknowledged once, and no other");
    let gauges = queue.gauges();
    assert_eq!(gauges.waiting_events, 0, "nothing waits any more");
    assert_eq!(gauges.backlog_events, disk.rows.len() as u64);
    assert_eq!(gauges.last_seq.0, disk.last);
}

/// Three senders, one who drains, and the end of the house once the senders have gone.
fn a_day(failing: u32) {
    let (queue, disk) = open(failing);
    let stop = Arc::new(AtomicBool::new(false));
    let draining = {
        let (queue, disk, stop) = (queue.clone(), Arc::clone(&disk), Arc::clone(&stop));
        thread::spawn(move || drain(&queue, &disk, &stop))
    };
    let sending: Vec<_> = [[1, 2], [2, 1], [3, 1]]
        .into_iter()
        .map(|deliveries| {
            let queue = queue.clone();
            thread::spawn(move || send(&queue, &deliveries))
        })
        .collect();
    let answers: Vec<Answers> = sending.into_iter().map(|sender| sender.join().expect("no panic")).collect();
    stop.store(true, Ordering::Release);
    queue.wake();
    let drained = draining.join().expect("no panic");
    queue.close();
    assert!(answers.iter().all(|answers| answers.closed == 0));
    assert!(drained <= disk.lock().expect("no panic").written);
    check_books(&queue, &disk, &answers);
    assert_eq!(block_on(queue.append(events(1))), Err(AppendError::Closed));
}

#[test]
fn everybody_is_answered_once_and_the_limits_hold_in_every_order() {
    check_schedules(1_000, Timeouts::AtAnyTime, || a_day(0));
}

#[test]
fn nobody_depends_on_a_wait_that_ends_by_itself() {
    check_schedules(1_000, Timeouts::Never, || a_day(0));
}

#[test]
fn writes_that_fail_leave_nobody_waiting_and_nothing_behind() {
    check_schedules(1_000, Timeouts::Never, || a_day(30));
}

#[test]
fn closing_loses_no_delivery_that_was_taken_in() {
    check_schedules(1_000, Timeouts::Never, || {
        let (queue, disk) = open(10);
        let sending: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(move || send(&queue, &[1, 1]))
            })
            .collect();
        let closing = {
            let queue = queue.clone();
            thread::spawn(move || queue.close())
        };
        queue.close();
        closing.join().expect("no panic");
        let answers: Vec<_> = sending.into_iter().map(|sender| sender.join().expect("no panic")).collect();
        check_books(&queue, &disk, &answers);
    });
}

#[test]
fn whoever_waits_for_rows_hears_of_each() {
    check_schedules(500, Timeouts::Never, || {
        let (queue, _disk) = open(0);
        let waiting = {
            let queue = queue.clone();
            thread::spawn(move || {
                assert_eq!(queue.wait_appended(Seq(0), LONG), Waited::Appended, "the first row");
                assert_eq!(queue.wait_appended(Seq(1), LONG), Waited::Appended, "the second row");
            })
        };
        assert_eq!(send(&queue, &[1, 1]).accepted.len(), 2);
        waiting.join().expect("no panic");
    });
}

#[test]
fn waking_ends_the_wait_whichever_of_the_two_comes_first() {
    check_schedules(500, Timeouts::Never, || {
        let (queue, _disk) = open(0);
        let waiting = {
            let queue = queue.clone();
            thread::spawn(move || assert_eq!(queue.wait_appended(Seq(0), LONG), Waited::Woken))
        };
        queue.wake();
        waiting.join().expect("no panic");
    });
}

#[test]
fn a_settlement_is_carried_out_though_nobody_appends_after_it() {
    check_schedules(300, Timeouts::AtAnyTime, || {
        let (queue, _disk) = open(0);
        assert_eq!(send(&queue, &[1]).accepted.len(), 1);
        queue.settle(Seq(1));
        // A writer that sleeps on leaves this to spin until the scheduler has seen enough.
        while queue.gauges().backlog_events > 0 {
            thread::yield_now();
        }
    });
}

#[test]
fn a_sender_who_finds_no_room_hurries_the_settlement_that_makes_some() {
    check_schedules(300, Timeouts::Never, || {
        let (queue, _disk) = open(0);
        assert_eq!(send(&queue, &[3, 2]).accepted.len(), 2, "it is full");
        let settling = {
            let queue = queue.clone();
            thread::spawn(move || queue.settle(Seq(5)))
        };
        while block_on(queue.append(events(1))).is_err() {
            thread::yield_now();
        }
        settling.join().expect("no panic");
    });
}
