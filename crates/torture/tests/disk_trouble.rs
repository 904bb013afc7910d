//! A disk that fails and gets well again, below the real queue: what was acknowledged is there after
//! a power cut, what was refused was told so, and it goes on by itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use weir_event::{Millis, Seq, SiteId};
use weir_queue::{AppendError, Entry, Queue, QueueOptions};
use weir_testkit::page_view;
use weir_torture::disk::{Failure, FileMatch, Op, SimDisk, Times};

const CRASHES: u64 = 50;

fn options() -> QueueOptions {
    QueueOptions { disk_reserve_bytes: 0, deadline_ms: 200, ..QueueOptions::default() }
}

fn entry(n: u64) -> Entry {
    Entry::Event(Box::new(page_view(n, SiteId(1), n, Millis(1_780_000_000_000))))
}

fn until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The events in the queue of a folder, by their numbers.
fn pending(folder: &Path) -> Vec<Entry> {
    let queue = Queue::open(&folder.join("queue.db"), options()).expect("opens");
    let rows = queue.reader().expect("opens").pending(Seq(0), usize::MAX).expect("reads");
    rows.iter().map(|row| row.decode().expect("decodes")).collect()
}

/// Appends while the disk fails and after it is well again; then cuts the power.
fn check_kept(name: &str, op: impl Into<Option<Op>>, failure: Failure, times: Times) {
    let disk = SimDisk::install();
    let folder = PathBuf::from(format!("/trouble/{name}"));
    let recorder = disk.record(&folder);
    let queue = Queue::open(&folder.join("queue.db"), options()).expect("opens");
    let mut acknowledged = Vec::new();
    let mut append = |n: u64| {
        let answer = queue.append_blocking(vec![entry(n)]);
        acknowledged.extend(answer.is_ok().then(|| entry(n)));
        answer
    };
    for n in 0..5 {
        append(n).expect("the disk is well");
    }
    let within = FileMatch::Within(folder.to_string_lossy().into_owned());
    disk.fail(within, op, failure, times);
    let during: Vec<_> = (5..8).map(&mut append).collect();
    if times == Times::UntilHealed {
        assert_eq!(during, [Err(AppendError::Failed); 3], "{name}");
        let trouble = queue.trouble().expect("is told");
        assert!(trouble.contains("queue.db"), "{name}: {trouble}");
    }
    disk.heal_within(&folder);
    // By itself: nobody appends.
    until(|| queue.trouble().is_none());
    for n in 8..12 {
        append(n).expect("the disk is well again");
    }
    let history = recorder.finish();
    drop(queue);
    for seed in 0..CRASHES {
        disk.load(&history.crash(history.len(), seed));
        let kept = pending(&folder);
        for event in &acknowledged {
            let times = kept.iter().filter(|kept| *kept == event).count();
            assert_eq!(times, 1, "{name}, seed {seed}");
        }
    }
}

#[test]
fn what_was_acknowledged_before_within_and_after_trouble_outlives_a_power_cut() {
    check_kept("full", Op::Write, Failure::Full, Times::UntilHealed);
    check_kept("read-only", None, Failure::ReadOnly, Times::UntilHealed);
    check_kept("write", Op::Write, Failure::Io, Times::UntilHealed);
    check_kept("half-written", Op::Write, Failure::HalfWritten, Times::Next(3));
    check_kept("sync", Op::Sync, Failure::Io, Times::UntilHealed);
}

/// After a failed sync the kernel holds the pages for clean: a second sync alone would report success
/// and write nothing.
#[test]
fn after_a_sync_that_failed_nothing_is_acknowledged_that_was_not_written_again() {
    for times in [Times::Next(1), Times::Next(4), Times::UntilHealed] {
        check_kept(&format!("sync-lost-{times:?}"), Op::Sync, Failure::SyncLost, times);
    }
}
