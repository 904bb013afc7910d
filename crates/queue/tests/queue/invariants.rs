use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use weir_event::{Control, Event, LocalDay, Opening, QueueBooks, QueueDay, QueueId, Seq, SiteId, limits};
use weir_queue::{AppendError, Entry, QueueError, QueueOptions, QueueReader, Waited, append_control_beside};

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
    // A commit is counted a moment after its rows leave the backlog.
    until(|| queue.gauges().backlog_events == 0 && queue.gauges().commits >= 4);
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

/// What was received or is pending, whatever the opening.
fn by_day(days: &BTreeMap<QueueDay, u64>) -> Vec<(u32, i32, u64)> {
    let mut sums: BTreeMap<(u32, i32), u64> = BTreeMap::new();
    for (of, n) in days {
        *sums.entry((of.site.0, of.day.0)).or_default() += n;
    }
    sums.into_iter().map(|((site, day), n)| (site, day, n)).collect()
}

#[test]
fn whoever_opens_the_file_begins_an_opening_with_their_first_row() {
    let folder = Folder::new();
    let openings = |folder: &Folder| {
        let mut reader = QueueReader::open(&folder.path()).expect("opens");
        let openings = reader.openings().expect("reads");
        openings.iter().map(|opening| (opening.after.0, opening.last.0)).collect::<Vec<_>>()
    };
    let queue = folder.open();
    assert_eq!(openings(&folder), []);
    append(&queue, 0, 2).expect("appends");
    append(&queue, 2, 1).expect("appends");
    drop(queue);
    drop(folder.open());
    assert_eq!(openings(&folder), [(0, 3)], "nothing was appended since");
    let queue = folder.open();
    append(&queue, 3, 1).expect("appends");
    let beside = append_control_beside(&folder.path(), Control::RemoveSite(SiteId(1)));
    beside.expect("appends");
    append(&queue, 4, 1).expect("appends");
    assert_eq!(openings(&folder), [(0, 3), (3, 4), (4, 6)]);
    let rows = queue.reader().expect("opens").pending(Seq(0), 10).expect("reads");
    let ids: Vec<_> = queue.reader().expect("opens").openings().expect("reads");
    let ids: Vec<_> = ids.iter().map(|opening| opening.queue).collect();
    let of: Vec<_> = rows.iter().map(|row| ids.iter().position(|id| *id == row.queue)).collect();
    assert_eq!(of, [0, 0, 0, 1, 2, 2].map(Some));
    let other = Folder::new();
    append(&other.open(), 0, 1).expect("appends");
    let other = QueueReader::open(&other.path()).expect("opens").openings().expect("reads");
    assert!(!ids.contains(&other[0].queue), "and no two files share one");
}

#[test]
fn a_place_in_an_opening_is_a_place_in_the_file_that_knows_it() {
    let folder = Folder::new();
    append(&folder.open(), 0, 3).expect("appends");
    let queue = folder.open();
    let first = queue.reader().expect("opens").openings().expect("reads")[0].queue;
    append(&queue, 3, 2).expect("appends");
    let second = queue.reader().expect("opens").openings().expect("reads")[1].queue;
    let place = |of, seq| queue.place_of(of, Seq(seq)).expect("reads").map(|seq| seq.0);
    assert_eq!(place(first, 2), Some(2));
    assert_eq!(place(first, 9), Some(3), "a copy was appended to after the third row");
    assert_eq!(place(second, 5), Some(5));
    assert_eq!(place(QueueId([9; 16]), 1), None);
}

/// One opening for each row of the file.
fn check_openings_kept(begun: usize, settled: i64, kept: usize) {
    let folder = Folder::new();
    append(&folder.open(), 0, 1).expect("appends");
    let many = format!(
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {begun})
         INSERT INTO openings (id, after) SELECT randomblob(16), i - 1 FROM n WHERE i <= {begun};
         INSERT INTO received (opening, site, day, n) SELECT n, 1, 7, 1 FROM openings WHERE n > 1;
         INSERT INTO ingested_events (seq, site, day, kind, body)
             SELECT n, 1, 7, 0, x'00' FROM openings WHERE n > 1;
         DELETE FROM ingested_events WHERE seq <= {settled};"
    );
    folder.meddler().execute_batch(&many).expect("fills");
    append(&folder.open(), 1, 1).expect("appends");
    let books = QueueReader::open(&folder.path()).expect("opens").books(Seq(0)).expect("reads");
    assert_eq!(
        (books.openings.len(), books.received.len()),
        (kept, kept),
        "{begun} begun, {settled} settled"
    );
}

#[test]
fn so_many_openings_are_remembered_and_of_older_ones_those_that_have_rows() {
    let max = limits::OPENINGS_MAX;
    let all = i64::try_from(max).expect("few") * 2;
    check_openings_kept(max - 1, all, max);
    check_openings_kept(max, all, max);
    check_openings_kept(max + 5, all, max);
    check_openings_kept(max + 5, 2, max + 4);
}

#[test]
fn a_file_from_before_openings_is_one_opening() {
    let folder = Folder::new();
    let version_1 = "
        CREATE TABLE queue (id BLOB NOT NULL) STRICT;
        INSERT INTO queue (id) VALUES (x'0102030405060708090a0b0c0d0e0f10');
        CREATE TABLE ingested_events (seq INTEGER PRIMARY KEY AUTOINCREMENT, site INTEGER NOT NULL,
            day INTEGER NOT NULL, kind INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
        CREATE TABLE received (site INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
            PRIMARY KEY (site, day)) STRICT, WITHOUT ROWID;
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA user_version = 1;";
    folder.meddler().execute_batch(version_1).expect("made");
    let rows = "INSERT INTO ingested_events VALUES (4, 1, 7, 0, x'00'), (5, 1, 7, 0, x'00');
        INSERT INTO received VALUES (1, 7, 5);";
    folder.meddler().execute_batch(rows).expect("filled");
    let queue = folder.open();
    let books = queue.reader().expect("opens").books(Seq(4)).expect("reads");
    let queue_id = QueueId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(books.openings, [Opening { queue: queue_id, after: Seq(0), last: Seq(5) }]);
    assert_eq!((by_day(&books.received), by_day(&books.pending)), (vec![(1, 7, 5)], vec![(1, 7, 1)]));
    assert_eq!(append(&queue, 0, 1), Ok(Seq(6)));
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
    let received = vec![(1, 10, 2), (1, 11, 1), (2, 10, 1)];
    assert_eq!(by_day(&books(0).received), received);
    assert_eq!(by_day(&books(0).pending), received);
    assert_eq!(books(1).pending.values().sum::<u64>(), 3);
    assert_eq!((books(0).openings[0].last, books(0).settled), (Seq(5), Seq(0)));
    queue.settle(Seq(5));
    queue.append_blocking(vec![on(4, 2, 12)]).expect("appends");
    let after = books(5);
    assert_eq!(by_day(&after.received), [received, vec![(2, 12, 1)]].concat());
    assert_eq!((by_day(&after.pending), after.settled), (vec![(2, 12, 1)], Seq(5)));
    let mut reader = queue.reader().expect("opens");
    let days: Vec<_> = after.received.keys().copied().collect();
    let counts: Vec<_> = after.received.values().copied().collect();
    assert_eq!(reader.received(&days).expect("reads"), counts);
    let strange = QueueDay { queue: QueueId([9; 16]), ..days[0] };
    assert_eq!(reader.received(&[strange]).expect("reads"), [0]);
}

#[test]
fn the_books_stand_still_while_somebody_finds_out_from_where_to_count() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 4).expect("appends");
    let mut reader = queue.reader().expect("opens");
    let books = reader.books_with(|books| {
        queue.settle(Seq(3));
        append(&queue, 4, 1).expect("appends");
        Ok::<_, QueueError>((Some(Seq(1)), books.clone()))
    });
    let (books, before) = books.expect("reads");
    assert_eq!(books.openings[0].last, Seq(4));
    assert_eq!(books.pending.values().sum::<u64>(), 3, "two of them are settled by now");
    assert_eq!(before, QueueBooks { pending: BTreeMap::new(), ..books });
    let (unasked, ()) = reader.books_with(|_| Ok::<_, QueueError>((None, ()))).expect("reads");
    assert_eq!(unasked.pending, BTreeMap::new(), "what is pending is not counted unasked");
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
        let last = books.openings.last().map_or(0, |opening| opening.last.0);
        assert_eq!(books.pending.values().sum::<u64>().cast_signed(), last);
        if over {
            break;
        }
    }
    assert_eq!(writing.join().expect("no panic"), Ok(()));
    assert_eq!(reader.openings().expect("reads")[0].last, Seq(1_000));
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
    assert_eq!(queue.wait_appended(Seq(0), NO_TIME), Waited::TimedOut, "nothing there");
    append(&queue, 0, 2).expect("appends");
    assert_eq!(queue.wait_appended(Seq(0), LONG), Waited::Appended, "rows are there already");
    assert_eq!(queue.wait_appended(Seq(1), LONG), Waited::Appended);
    assert_eq!(queue.wait_appended(Seq(2), NO_TIME), Waited::TimedOut);
    queue.wake();
    assert_eq!(queue.wait_appended(Seq(2), LONG), Waited::Woken, "a wake-up before the wait ends it");
    assert_eq!(queue.wait_appended(Seq(2), NO_TIME), Waited::TimedOut, "but only once");
    let waiting = {
        let queue = queue.clone();
        std::thread::spawn(move || queue.wait_appended(Seq(2), LONG))
    };
    append(&queue, 2, 1).expect("appends");
    let waited = waiting.join().expect("no panic");
    assert_eq!(waited, Waited::Appended, "a row that comes meanwhile ends it");
}

#[test]
fn a_wait_from_the_start_does_not_spin_on_numbers_whose_rows_are_gone() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 2).expect("appends");
    queue.settle(Seq(2));
    until(|| queue.gauges().backlog_events == 0);
    assert_eq!(queue.wait_appended(Seq(0), NO_TIME), Waited::TimedOut);
    queue.close();
    let queue = folder.open();
    assert_eq!(queue.wait_appended(Seq(0), NO_TIME), Waited::TimedOut);
    append(&queue, 2, 1).expect("appends");
    assert_eq!(queue.wait_appended(Seq(0), LONG), Waited::Appended);
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
