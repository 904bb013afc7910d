use std::fs;
use std::path::PathBuf;

use weir_event::Seq;
use weir_queue::{AppendError, QueueError};
use weir_sqlite::Trouble;

use crate::fixture::{Folder, append, entries, pending, until};

fn with_ending(folder: &Folder, ending: &str) -> PathBuf {
    let mut name = folder.path().into_os_string();
    name.push(ending);
    name.into()
}

/// What a start would find if the process were killed now.
fn check_kept_after_a_kill(folder: &Folder, n: u64) {
    let killed = Folder::new();
    for ending in ["", "-wal"] {
        fs::copy(with_ending(folder, ending), with_ending(&killed, ending)).expect("copied");
    }
    assert_eq!(pending(&killed.open(), Seq(0)), entries(0, n));
}

fn check_deleted(endings: &[&str]) {
    let folder = Folder::new();
    let queue = folder.open();
    let mut reader = queue.reader().expect("opens");
    append(&queue, 0, 3).expect("appends");
    assert_eq!(reader.pending(Seq(0), 10).expect("reads").len(), 3);
    endings.iter().for_each(|ending| fs::remove_file(with_ending(&folder, ending)).expect("removed"));
    assert_eq!(reader.pending(Seq(0), 10).expect("reads on").len(), 3);
    assert_eq!(append(&queue, 3, 2), Ok(Seq(5)), "{endings:?}");
    check_kept_after_a_kill(&folder, 5);
    assert_eq!(reader.pending(Seq(0), 10).expect("reads the new file").len(), 5);
    assert_eq!(append(&queue, 5, 1), Ok(Seq(6)));
    check_kept_after_a_kill(&folder, 6);
    queue.settle(Seq(6));
    until(|| queue.gauges().backlog_events == 0);
}

#[test]
fn a_file_that_is_deleted_under_the_running_queue_loses_nothing() {
    check_deleted(&[""]);
    check_deleted(&["-wal"]);
    check_deleted(&["-shm"]);
    check_deleted(&["", "-wal", "-shm"]);
}

#[test]
fn a_file_that_is_deleted_is_there_again_after_an_orderly_end() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 3).expect("appends");
    fs::remove_file(folder.path()).expect("removed");
    queue.close();
    assert_eq!(pending(&folder.open(), Seq(0)), entries(0, 3));
}

#[test]
fn nothing_is_acknowledged_while_another_file_stands_in_its_place_and_all_goes_on_once_it_is_gone() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 3).expect("appends");
    let aside = folder.path().with_extension("aside");
    fs::rename(folder.path(), &aside).expect("moved");
    fs::write(folder.path(), "an older copy").expect("written");
    assert_eq!(append(&queue, 3, 1), Err(AppendError::Failed));
    let trouble = queue.trouble().expect("is told");
    assert!(trouble.contains("queue.db was replaced"), "{trouble}");
    assert!(queue.retry_after_secs() >= 5);
    fs::rename(&aside, folder.path()).expect("moved back");
    // By itself: nobody appends.
    until(|| queue.trouble().is_none());
    assert_eq!(append(&queue, 3, 1), Ok(Seq(4)));
    assert_eq!(pending(&queue, Seq(0)), entries(0, 4));
}

#[test]
fn a_folder_that_is_gone_is_waited_for_and_gets_all_that_was_in_it() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 3).expect("appends");
    let data = folder.path().parent().expect("a folder").to_owned();
    fs::remove_dir_all(&data).expect("removed");
    assert_eq!(append(&queue, 3, 1), Err(AppendError::Failed));
    assert!(queue.trouble().is_some_and(|trouble| trouble.contains("Don't stop the server")));
    fs::create_dir(&data).expect("made");
    until(|| queue.trouble().is_none());
    append(&queue, 3, 1).expect("appends");
    let (kept, wanted) = (pending(&queue, Seq(0)), entries(0, 4));
    // What was refused may have been written: it comes under the same id, and counts once.
    assert!(wanted.iter().all(|entry| kept.contains(entry)) && kept.len() <= 5, "{kept:?}");
}

#[test]
fn what_stands_before_a_damaged_page_can_be_read_and_the_damage_is_named() {
    let folder = Folder::new();
    let queue = folder.open();
    append(&queue, 0, 2_000).expect("appends");
    queue.close();
    drop(queue);
    let meddler = folder.meddler();
    let page: u32 = meddler
        .query_row(
            "SELECT pageno FROM dbstat WHERE name = 'ingested_events' AND pagetype = 'leaf'
             ORDER BY path LIMIT 1 OFFSET 5",
            [],
            |row| row.get(0),
        )
        .expect("finds a page");
    let page_bytes: u32 = meddler.pragma_query_value(None, "page_size", |row| row.get(0)).expect("reads");
    meddler.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoints");
    drop(meddler);
    use std::os::unix::fs::FileExt;
    let file = fs::File::options().write(true).open(folder.path()).expect("opens");
    file.write_all_at(&vec![0xa5; page_bytes as usize], u64::from(page - 1) * u64::from(page_bytes))
        .expect("damages");
    drop(file);

    let mut reader = weir_queue::QueueReader::open(&folder.path()).expect("opens");
    let mut read = 0;
    let error = loop {
        match reader.pending(Seq(read), 100) {
            Ok(rows) => read = rows.last().expect("not the end").seq.0,
            Err(QueueError::Sqlite(error)) => break error,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(read > 0 && read < 2_000, "{read}");
    assert_eq!(error.trouble(), Trouble::Corrupt);
    assert!(error.to_string().contains("queue.db"), "{error}");
}
