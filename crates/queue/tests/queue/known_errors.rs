use std::fs;
use std::path::Path;

use weir_event::{Control, Event, Seq, SiteId, limits};
use weir_queue::{
    AppendError, DecodeError, Entry, Limit, Queue, QueueError, QueueOptions, QueueReader,
    append_control_beside,
};
use weir_sqlite::Trouble;

use crate::fixture::{Folder, Waiting, append, entries, event, options, pending, until};

/// Fills the queue to its limit, finds the next event refused and nothing of it written, and gets in
/// again once `make_room` was called.
fn check_full(options: QueueOptions, limit: u64, make_room: impl Fn(&Queue)) {
    let folder = Folder::new();
    let queue = folder.open_with(options);
    let refused = append(&queue, 0, limit + 1);
    assert!(matches!(refused, Err(AppendError::Full { retry_after_secs: 1..=30, .. })), "{refused:?}");
    assert_eq!(queue.gauges().last_seq, Seq(0), "nothing of a refused append is written");
    append(&queue, 0, limit).expect("the limit fits");
    assert!(append(&queue, limit, 1).is_err(), "one more does not");
    assert_eq!(queue.gauges().refused.sum(), 2);
    assert_eq!(pending(&queue, Seq(0)), entries(0, limit));
    make_room(&queue);
    append(&queue, limit, 1).expect("there is room again");
}

fn full(limit: Limit, retry_after_secs: u32) -> AppendError {
    AppendError::Full { limit, retry_after_secs }
}

fn settle_all(queue: &Queue) {
    queue.settle(queue.gauges().last_seq);
    until(|| queue.gauges().backlog_events == 0);
}

#[test]
fn past_the_backlogs_limit_appends_are_refused_until_something_is_settled() {
    check_full(QueueOptions { backlog_events_max: 50, site_share_max: 1.0, ..options() }, 50, |queue| {
        assert_eq!(queue.gauges().full_by, Some(Limit::Backlog));
        settle_all(queue);
        assert_eq!(queue.gauges().full_by, None);
    });
}

#[test]
fn past_its_share_a_site_is_refused_and_others_are_not() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { backlog_events_max: 50, site_share_max: 0.5, ..options() });
    queue.share_among(2);
    append(&queue, 0, 25).expect("half of it");
    let refused = append(&queue, 25, 1);
    assert!(matches!(refused, Err(AppendError::Full { limit: Limit::SiteShare, .. })), "{refused:?}");
    let other = Entry::Event(Box::new(event(99, 2)));
    queue.append_blocking(vec![other]).expect("another site finds room");
    assert_eq!((queue.gauges().full_by, queue.gauges().largest_site_events), (None, 25));
    queue.share_among(1);
    append(&queue, 25, 24).expect("who shares with nobody may use everything");
    assert_eq!(queue.gauges().refused.by(Limit::SiteShare), 1);
}

#[test]
fn what_waits_for_the_writer_is_bounded() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { waiting_events_max: 3, ..options() });
    let lock = folder.lock();
    let waiting = Waiting::start(&queue, 3);
    assert_eq!(append(&queue, 0, 1), Err(full(Limit::Waiting, 1)));
    assert_eq!(queue.gauges().full_by, Some(Limit::Waiting));
    lock.let_go();
    assert!(waiting.answers().iter().all(Result::is_ok));
    append(&queue, 0, 3).expect("nothing waits any more");
    assert_eq!(append(&queue, 0, 4), Err(full(Limit::Waiting, 1)));
}

#[test]
fn what_waits_for_the_writer_is_bounded_in_bytes_too() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { waiting_bytes_max: 2_000, ..options() });
    let sized = |bytes| {
        let large = Event { props: "x".repeat(bytes), ..event(1, 1) };
        queue.append_blocking(vec![Entry::Event(Box::new(large))])
    };
    sized(1_000).expect("fits");
    assert_eq!(sized(2_000), Err(full(Limit::Waiting, 1)));
    sized(1_000).expect("fits");
}

#[test]
fn a_disk_below_its_reserve_refuses_events_and_still_takes_control_rows() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { disk_reserve_bytes: u64::MAX, ..options() });
    assert_eq!(append(&queue, 0, 1), Err(full(Limit::Disk, 30)));
    assert_eq!(queue.gauges().full_by, Some(Limit::Disk));
    assert_eq!(queue.retry_after_secs(), 30);
    queue.append_blocking(vec![Entry::Control(Control::RemoveSite(SiteId(1)))]).expect("gets through");
}

#[test]
fn a_writer_that_finds_the_file_busy_tries_again() {
    let folder = Folder::new();
    let queue = folder.open();
    let lock = folder.lock();
    let waiting = Waiting::start(&queue, 1);
    until(|| queue.gauges().retries > 0);
    lock.let_go();
    assert_eq!(waiting.answers(), [Ok(Seq(1))]);
}

#[test]
fn past_the_deadline_everyone_in_the_commit_and_behind_it_is_told_and_nothing_is_written() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { deadline_ms: 100, ..options() });
    let lock = folder.lock();
    let waiting = Waiting::start(&queue, 5);
    assert_eq!(waiting.answers(), [Err(AppendError::Failed); 5]);
    assert_eq!((queue.gauges().waiting_events, queue.gauges().backlog_events), (0, 0));
    lock.let_go();
    assert_eq!(append(&queue, 0, 2), Ok(Seq(2)), "it goes on as if nothing had happened");
    assert_eq!(pending(&queue, Seq(0)), entries(0, 2));
}

#[test]
fn an_error_that_no_retry_mends_fails_at_once_and_rolls_all_of_it_back() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 2).expect("appends");
    // The rows go in first, then the counts: this fails half way.
    folder.meddler().execute_batch("ALTER TABLE received RENAME TO elsewhere").expect("renames");
    assert_eq!(append(&queue, 2, 2), Err(AppendError::Failed));
    assert_eq!(queue.gauges().retries, 0);
    assert_eq!(pending(&queue, Seq(0)), entries(0, 2), "the rows are not there without their count");
    folder.meddler().execute_batch("ALTER TABLE elsewhere RENAME TO received").expect("renames");
    assert_eq!(append(&queue, 2, 2), Ok(Seq(4)));
    assert_eq!(queue.gauges().backlog_events, 4);
}

#[test]
fn a_settlement_that_fails_is_made_good_by_the_next() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 4).expect("appends");
    folder.meddler().execute_batch("ALTER TABLE received RENAME TO elsewhere").expect("renames");
    queue.settle(Seq(2));
    assert_eq!(append(&queue, 4, 1), Err(AppendError::Failed));
    assert_eq!(queue.gauges().backlog_events, 4);
    folder.meddler().execute_batch("ALTER TABLE elsewhere RENAME TO received").expect("renames");
    queue.settle(Seq(3));
    append(&queue, 4, 1).expect("appends");
    assert_eq!(pending(&queue, Seq(0)), entries(3, 2));
}

#[test]
fn tries_end_at_the_deadline_even_when_some_are_left() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { deadline_ms: 300, ..options() });
    let _lock = folder.lock();
    assert_eq!(append(&queue, 0, 1), Err(AppendError::Failed));
    // Ten pauses would last over four seconds.
    assert!(queue.gauges().retries < u64::from(limits::WRITE_RETRIES_MAX));
}

#[test]
fn a_queue_that_can_not_settle_still_closes() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 4).expect("appends");
    folder.meddler().execute_batch("ALTER TABLE ingested_events RENAME TO elsewhere").expect("renames");
    queue.settle(Seq(4));
    let closing = std::thread::spawn(move || queue.close());
    until(|| closing.is_finished());
}

#[test]
fn after_closing_appends_are_refused() {
    let folder = Folder::new();
    let queue = folder.open();
    queue.close();
    assert_eq!(append(&queue, 0, 1), Err(AppendError::Closed));
    queue.close();
}

#[test]
fn a_row_that_can_not_be_read_does_not_keep_the_others_from_being_read() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 4).expect("appends");
    let meddler = folder.meddler();
    meddler.execute_batch("UPDATE ingested_events SET body = x'01ffff' WHERE seq = 2").expect("damages");
    meddler.execute_batch("UPDATE ingested_events SET body = x'02' WHERE seq = 3").expect("changes");
    let rows = queue.reader().expect("opens").pending(Seq(0), 10).expect("reads");
    let [first, damaged, newer, last] =
        rows.iter().map(|row| row.decode()).collect::<Vec<_>>().try_into().expect("four rows");
    assert_eq!(
        [first, last].map(|entry| entry.expect("decodes")),
        [&entries(0, 1)[0], &entries(3, 1)[0]].map(Clone::clone)
    );
    assert!(matches!(damaged, Err(DecodeError::Damaged(_))), "{damaged:?}");
    assert_eq!(newer, Err(DecodeError::Newer(2)));
}

fn check_not_opened(path: &Path, trouble: Trouble) {
    let Err(QueueError::Sqlite(error)) = Queue::open(path, options()) else {
        panic!("{} was opened", path.display());
    };
    assert_eq!(error.trouble(), trouble, "{error}");
    assert!(!error.to_string().is_empty());
}

#[test]
fn a_file_that_can_not_be_made_or_is_no_queue_is_refused_by_name() {
    let folder = Folder::new();
    let beside = folder.path().with_extension("txt");
    fs::write(&beside, "no database, only a text that is long enough to be taken for one").expect("writes");
    check_not_opened(&beside, Trouble::Corrupt);
    check_not_opened(&beside.join("queue.db"), Trouble::ReadOnly);
    check_not_opened(&folder.path().join("missing").join("queue.db"), Trouble::ReadOnly);
    // A folder that nobody can write in, not even root.
    #[cfg(target_os = "linux")]
    check_not_opened(Path::new("/proc/queue.db"), Trouble::ReadOnly);
    let Err(error) = Queue::open(&beside.join("queue.db"), options()) else { panic!("was opened") };
    assert!(error.to_string().contains("queue.txt"), "{error}");
}

#[test]
fn a_file_of_a_newer_program_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    append(&folder.open(), 0, 1).expect("appends");
    folder.meddler().pragma_update(None, "user_version", 99).expect("changes");
    check_not_opened(&folder.path(), Trouble::Refused);
    folder.meddler().pragma_update(None, "user_version", 2).expect("changes");
    assert_eq!(pending(&folder.open(), Seq(0)), entries(0, 1));
}

#[test]
fn a_missing_queue_is_neither_read_nor_made_from_beside() {
    let folder = Folder::new();
    let read = QueueReader::open(&folder.path()).err();
    let append = append_control_beside(&folder.path(), Control::RemoveSite(SiteId(1))).err();
    for error in [read, append] {
        let Some(QueueError::Sqlite(error)) = error else { panic!("no error") };
        assert_eq!(error.trouble(), Trouble::Missing);
        assert!(error.to_string().contains("queue.db"), "{error}");
    }
    assert!(!folder.path().exists());
}
