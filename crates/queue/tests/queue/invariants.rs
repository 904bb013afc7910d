use std::process::Command;
use std::time::Duration;

use weir_event::{Control, Event, LocalDay, Seq, SiteId};
use weir_queue::{AppendError, Entry, QueueError, QueueOptions, QueueReader, append_control_beside};

use crate::fixture::{Folder, Waiting, append, entries, event, events, options, pending, until};

const NO_TIME: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

#[test]
fn what_was_acknowledged_is_there_for_every_reader_and_after_reopening() {
    let folder = Folder::new();
    let queue = folder.open();
    let reader = queue.reader().expect("opens");
    assert_eq!(append(&queue, 0, 3), Ok(Seq(3)));
    assert_eq!(reader.oldest().expect("reads"), Some(Seq(1)));
    assert_eq!(pending(&queue, Seq(0)), entries(0, 3));
    drop((queue, reader));
    let queue = folder.open();
    assert_eq!(pending(&queue, Seq(0)), entries(0, 3));
    assert_eq!(queue.gauges().backlog_events, 3);
    assert_eq!(queue.gauges().last_seq, Seq(3));
}

#[tokio::test]
async fn the_number_that_an_append_answers_is_its_last_events() {
    let folder = Folder::new();
    let queue = folder.open();
    assert_eq!(queue.append(events(0, 10)).await, Ok(Seq(10)));
    assert_eq!(queue.append(events(10, 1)).await, Ok(Seq(11)));
    assert_eq!(queue.append(Vec::new()).await, Ok(Seq(11)), "nothing to write, nothing to wait for");
    assert_eq!(queue.gauges().commits, 2);
}

#[test]
fn rows_come_in_order_from_where_one_left_off_and_no_more_than_asked_for() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 10).expect("appends");
    let mut reader = queue.reader().expect("opens");
    let mut seqs = |after, max| -> Vec<i64> {
        reader.pending(Seq(after), max).expect("reads").iter().map(|row| row.seq.0).collect()
    };
    assert_eq!(seqs(0, 4), [1, 2, 3, 4]);
    assert_eq!(seqs(4, 100), [5, 6, 7, 8, 9, 10]);
    assert_eq!(seqs(10, 100), [0; 0]);
    assert_eq!(seqs(0, 0), [0; 0]);
}

#[test]
fn one_read_is_bounded_in_bytes_and_still_gets_everywhere() {
    let folder = Folder::new();
    let queue = folder.open();
    let large = |n| Event { props: "x".repeat(1024 * 1024), ..event(n, 1) };
    let all: Vec<Entry> = (0..40).map(|n| Entry::Event(Box::new(large(n)))).collect();
    queue.append_blocking(all).expect("appends");
    let mut reader = queue.reader().expect("opens");
    let first = reader.pending(Seq(0), 100).expect("reads");
    assert_eq!(first.len(), 32, "the row that passes the limit is the last");
    assert_eq!(reader.pending(Seq(32), 100).expect("reads").len(), 8);
}

#[test]
fn those_who_wait_together_share_one_commit() {
    let folder = Folder::new();
    let queue = folder.open();
    let lock = folder.lock();
    let first = Waiting::start(&queue, 1);
    until(|| queue.gauges().retries > 0);
    let others = Waiting::start(&queue, 20);
    lock.let_go();
    let mut seqs = [first.answers(), others.answers()].concat();
    seqs.sort_by_key(|answer| answer.expect("appended"));
    assert_eq!(seqs, (1..=21).map(|seq| Ok(Seq(seq))).collect::<Vec<_>>());
    assert_eq!(queue.gauges().commits, 2, "one for the first, one for all that came meanwhile");
}

#[test]
fn a_settlement_rides_on_the_next_commit() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 10).expect("appends");
    queue.settle(Seq(4));
    append(&queue, 10, 1).expect("appends");
    assert_eq!(queue.gauges().commits, 2);
    assert_eq!(queue.gauges().backlog_events, 7);
    assert_eq!(queue.reader().expect("opens").oldest().expect("reads"), Some(Seq(5)));
}

#[test]
fn a_settlement_of_an_idle_queue_commits_by_itself_and_piece_by_piece() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 2_500).expect("appends");
    queue.settle(Seq(2_500));
    until(|| queue.gauges().backlog_events == 0);
    assert_eq!(queue.gauges().commits, 4, "2,500 rows at 1,000 a commit");
    assert_eq!(queue.reader().expect("opens").oldest().expect("reads"), None);
}

#[test]
fn settling_past_the_end_or_twice_harms_no_later_row() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 3).expect("appends");
    queue.settle(Seq(1_000));
    assert_eq!(append(&queue, 3, 2), Ok(Seq(5)));
    queue.settle(Seq(2));
    assert_eq!(append(&queue, 5, 1), Ok(Seq(6)));
    assert_eq!(pending(&queue, Seq(0)), entries(3, 3));
}

#[test]
fn a_number_is_never_given_twice_even_when_all_was_settled_before_a_restart() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 5).expect("appends");
    queue.settle(Seq(5));
    queue.close();
    let queue = folder.open();
    assert_eq!(queue.gauges().backlog_events, 0);
    assert_eq!(queue.gauges().last_seq, Seq(5));
    assert_eq!(append(&queue, 5, 1), Ok(Seq(6)));
}

#[test]
fn a_queue_keeps_its_id_and_no_two_share_one() {
    let (one, other) = (Folder::new(), Folder::new());
    let id = one.open().id();
    assert_eq!(one.open().id(), id);
    assert_eq!(QueueReader::open(&one.path()).expect("opens").id().expect("reads"), id);
    assert_ne!(other.open().id(), id);
}

#[test]
fn the_books_count_by_site_and_day_and_outlive_settling() {
    let folder = Folder::new();
    let queue = folder.open();
    let on = |n, site, day| Entry::Event(Box::new(Event { received_day: LocalDay(day), ..event(n, site) }));
    let control = Entry::Control(Control::RemoveSite(SiteId(1)));
    let all = vec![on(0, 1, 10), on(1, 2, 10), control, on(2, 1, 11), on(3, 1, 10)];
    queue.append_blocking(all).expect("appends");
    let books = |after| queue.reader().expect("opens").books(Seq(after)).expect("reads");
    let received =
        vec![(SiteId(1), LocalDay(10), 2), (SiteId(1), LocalDay(11), 1), (SiteId(2), LocalDay(10), 1)];
    assert_eq!(books(0).received, received);
    assert_eq!(books(0).pending, received);
    assert_eq!(books(1).pending.iter().map(|(_, _, n)| n).sum::<u64>(), 3);
    assert_eq!((books(0).id, books(0).last_seq), (queue.id(), Seq(5)));
    queue.settle(Seq(5));
    queue.append_blocking(vec![on(4, 2, 12)]).expect("appends");
    let after = books(5);
    assert_eq!(after.received, [received, vec![(SiteId(2), LocalDay(12), 1)]].concat());
    assert_eq!(after.pending, [(SiteId(2), LocalDay(12), 1)]);
}

#[test]
fn the_books_stand_still_while_somebody_finds_out_from_where_to_count() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 4).expect("appends");
    let mut reader = queue.reader().expect("opens");
    let books = reader.books_with(|id| {
        queue.settle(Seq(3));
        append(&queue, 4, 1).expect("appends");
        Ok::<_, QueueError>((Seq(1), id))
    });
    let (books, id) = books.expect("reads");
    assert_eq!(id, queue.id());
    assert_eq!(books.last_seq, Seq(4));
    assert_eq!(books.pending.iter().map(|(_, _, n)| n).sum::<u64>(), 3, "two of them are settled by now");
}

#[test]
fn no_reader_ever_sees_a_row_that_is_not_counted_or_a_count_without_its_row() {
    let folder = Folder::new();
    let queue = folder.open();
    let writing = {
        let queue = queue.clone();
        std::thread::spawn(move || (0..200).try_for_each(|n| append(&queue, n * 5, 5).map(|_| ())))
    };
    let mut reader = queue.reader().expect("opens");
    loop {
        let over = writing.is_finished();
        let books = reader.books(Seq(0)).expect("reads");
        assert_eq!(books.received, books.pending);
        assert_eq!(books.pending.iter().map(|(_, _, n)| *n as i64).sum::<i64>(), books.last_seq.0);
        if over {
            break;
        }
    }
    assert_eq!(writing.join().expect("no panic"), Ok(()));
    assert_eq!(reader.books(Seq(0)).expect("reads").last_seq, Seq(1_000));
}

#[test]
fn closing_commits_and_answers_what_waits_and_refuses_what_comes_later() {
    let folder = Folder::new();
    let queue = folder.open_with(QueueOptions { waiting_events_max: 3, ..options() });
    let lock = folder.lock();
    let waiting = Waiting::start(&queue, 3);
    let closing = {
        let queue = queue.clone();
        std::thread::spawn(move || queue.close())
    };
    // Full until it is closed: answered at once either way.
    until(|| append(&queue, 0, 1) == Err(AppendError::Closed));
    lock.let_go();
    closing.join().expect("no panic");
    assert_eq!(waiting.answers().iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(folder.open().gauges().backlog_events, 3);
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_any_more_is_kept() {
    let folder = Folder::new();
    let queue = folder.open();
    let lock = folder.lock();
    {
        let append = queue.append(events(0, 2));
        let impatient = tokio::time::timeout(NO_TIME, append).await;
        assert!(impatient.is_err(), "the file is locked");
    }
    lock.let_go();
    drop(queue);
    assert_eq!(pending(&folder.open(), Seq(0)), entries(0, 2));
}

#[test]
fn a_wait_ends_with_a_row_past_the_number_or_a_wake_up_and_misses_neither() {
    let folder = Folder::new();
    let queue = folder.open();
    assert!(!queue.wait_appended(Seq(0), NO_TIME), "nothing there");
    append(&queue, 0, 2).expect("appends");
    assert!(queue.wait_appended(Seq(0), LONG), "rows are there already");
    assert!(queue.wait_appended(Seq(1), LONG));
    assert!(!queue.wait_appended(Seq(2), NO_TIME));
    queue.wake();
    assert!(!queue.wait_appended(Seq(2), LONG), "a wake-up before the wait ends it");
    assert!(!queue.wait_appended(Seq(2), NO_TIME), "but only once");
    let waiting = {
        let queue = queue.clone();
        std::thread::spawn(move || queue.wait_appended(Seq(2), LONG))
    };
    append(&queue, 2, 1).expect("appends");
    assert!(waiting.join().expect("no panic"), "a row that comes meanwhile ends it");
}

#[test]
fn a_wait_from_the_start_does_not_spin_on_numbers_whose_rows_are_gone() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 2).expect("appends");
    queue.settle(Seq(2));
    until(|| queue.gauges().backlog_events == 0);
    assert!(!queue.wait_appended(Seq(0), NO_TIME));
    queue.close();
    let queue = folder.open();
    assert!(!queue.wait_appended(Seq(0), NO_TIME));
    append(&queue, 2, 1).expect("appends");
    assert!(queue.wait_appended(Seq(0), LONG));
}

const QUEUE_TO_READ: &str = "WEIR_TEST_QUEUE";

/// The other process of the next test: this very program, told to run this test alone.
#[test]
#[ignore = "runs as the other process of another test"]
fn other_process() {
    let Ok(path) = std::env::var(QUEUE_TO_READ) else { return };
    let rows = QueueReader::open(path.as_ref()).expect("opens").pending(Seq(0), 100).expect("reads");
    let seq = append_control_beside(path.as_ref(), Control::RemoveSite(SiteId(9))).expect("appends");
    assert_eq!(seq, Seq(8));
    println!("read {} rows", rows.len());
}

#[test]
fn another_process_can_read_and_append_a_control_row_beside_a_running_writer() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 7).expect("appends");
    let output = Command::new(std::env::current_exe().expect("is a program"))
        .args(["--exact", "invariants::other_process", "--ignored", "--nocapture"])
        .env(QUEUE_TO_READ, folder.path())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("read 7 rows"), "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(pending(&queue, Seq(7)), [Entry::Control(Control::RemoveSite(SiteId(9)))]);
    let last = |queue: &weir_queue::Queue| queue.reader().and_then(|reader| reader.last_seq());
    assert_eq!(last(&queue).expect("read"), Seq(8), "seen although the writer has not met it yet");
    assert_eq!(append(&queue, 7, 1), Ok(Seq(9)), "numbers are shared with the other process");
    queue.settle(Seq(8));
    append(&queue, 8, 1).expect("appends");
    assert_eq!(queue.gauges().backlog_events, 2, "a control row is no event");
}
