//! The simulated disk: what it keeps, what it may lose, how it fails.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use weir_sqlite::{Tuning, open_reader, open_writer};
use weir_torture::disk::{Failure, FileMatch, History, Op, SimDisk, Times};

/// A folder of its own for each test: they share the disk.
struct Folder {
    disk: &'static SimDisk,
    path: PathBuf,
}

impl Folder {
    fn new(name: &str) -> Self {
        Self { disk: SimDisk::install(), path: Path::new("/disk-tests").join(name) }
    }

    fn db(&self) -> PathBuf {
        self.path.join("a.db")
    }

    fn files(&self) -> FileMatch {
        FileMatch::Within(self.path.to_string_lossy().into_owned())
    }

    fn open(&self) -> Connection {
        open_writer(&self.db(), &Tuning::default()).expect("opens")
    }

    /// The rows of the table after loading what a cut left; `None` where the file is no database yet.
    fn rows_after(&self, history: &History, at: usize, seed: u64) -> Option<i64> {
        self.disk.load(&history.crash(at, seed));
        let conn = self.open();
        let sound: String = conn.pragma_query_value(None, "integrity_check", |r| r.get(0)).expect("checks");
        assert_eq!(sound, "ok", "cut at {at}, seed {seed}");
        conn.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).ok()
    }
}

fn insert(conn: &Connection, bytes: usize) -> rusqlite::Result<usize> {
    conn.execute("INSERT INTO t VALUES (zeroblob(?1))", [i64::try_from(bytes).expect("small")])
}

/// Ten commits, each marked once it is reported as done, with small checkpoints between.
fn ten_commits(folder: &Folder, synchronous: &str) -> History {
    let recorder = folder.disk.record(&folder.path);
    let conn = folder.open();
    conn.pragma_update(None, "synchronous", synchronous).expect("set");
    conn.pragma_update(None, "wal_autocheckpoint", 8).expect("set");
    conn.execute_batch("CREATE TABLE t(x)").expect("made");
    for n in 1..=10 {
        insert(&conn, 700 * n).expect("inserted");
        recorder.mark(n as u64);
    }
    drop(conn);
    recorder.finish()
}

/// How many crash states lack a commit that was reported before the cut.
fn states_that_lack_commits(folder: &Folder, history: &History) -> usize {
    let states = (0..=history.len()).flat_map(|at| (0..20).map(move |seed| (at, seed)));
    let lacks = |(at, seed)| {
        let reported = history.marks_before(at).last().unwrap_or(0);
        let rows = folder.rows_after(history, at, seed);
        rows.unwrap_or(0) < i64::try_from(reported).expect("ten")
    };
    states.filter(|state| lacks(*state)).count()
}

#[test]
fn no_legal_state_lacks_a_commit_that_was_synced() {
    let folder = Folder::new("full");
    let history = ten_commits(&folder, "FULL");
    assert!(history.sync_points().len() > 12, "each commit syncs, and checkpoints do");
    assert_eq!(states_that_lack_commits(&folder, &history), 0);
}

#[test]
fn commits_that_were_not_synced_get_lost_and_the_file_stays_sound() {
    let folder = Folder::new("normal");
    let history = ten_commits(&folder, "NORMAL");
    assert!(states_that_lack_commits(&folder, &history) > 50);
}

#[test]
fn a_cut_and_a_seed_always_leave_the_same() {
    let folder = Folder::new("same");
    let history = ten_commits(&folder, "FULL");
    let state = |at, seed| {
        folder.disk.load(&history.crash(at, seed));
        let names = folder.disk.names().into_iter().filter(|name| name.starts_with("/disk-tests/same/"));
        names.map(|name| (folder.disk.bytes(Path::new(&name)), name)).collect::<Vec<_>>()
    };
    let middle = history.sync_points()[6];
    let states: Vec<_> = (0..30).map(|seed| state(middle, seed)).collect();
    assert_eq!(states, (0..30).map(|seed| state(middle, seed)).collect::<Vec<_>>());
    let distinct: std::collections::HashSet<_> = states.into_iter().collect();
    assert!(distinct.len() > 3, "seeds choose among states, {} here", distinct.len());
}

/// A file of two sectors of `a` that are synced, and an unsynced write of three sectors of `b`.
fn survivors(name: &str) -> Vec<Option<Vec<u8>>> {
    let folder = Folder::new(name);
    let path = folder.path.join("plain");
    folder.disk.put(&path, &[b'a'; 1024]);
    let recorder = folder.disk.record(&folder.path);
    folder.disk.write(&path, 0, &[b'b'; 1536]);
    let history = recorder.finish();
    let survivor = |seed| {
        folder.disk.load(&history.crash(1, seed));
        folder.disk.bytes(&path)
    };
    (0..200).map(survivor).collect()
}

#[test]
fn an_unsynced_write_is_lost_kept_or_torn_between_sectors_only() {
    let found = survivors("torn");
    let is = |bytes: &[u8]| found.iter().flatten().any(|found| found == bytes);
    assert!(is(&[b'a'; 1024]), "lost");
    assert!(is(&[b'b'; 1536]), "kept");
    assert!(is(&[[b'b'; 512], [b'a'; 512]].concat()), "torn, the file as long as it was");
    assert!(is(&[[b'a'; 512], [b'b'; 512], [0; 512]].concat()), "torn, grown by zeros");
    for bytes in found.iter().flatten() {
        assert!(bytes.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
    }
}

#[test]
fn what_was_not_synced_last_may_be_kept_without_what_came_before() {
    let folder = Folder::new("reordered");
    let path = folder.path.join("plain");
    folder.disk.put(&path, &[b'a'; 1024]);
    let recorder = folder.disk.record(&folder.path);
    folder.disk.write(&path, 0, &[b'b'; 512]);
    folder.disk.write(&path, 512, &[b'c'; 512]);
    let history = recorder.finish();
    let reordered = [[b'a'; 512], [b'c'; 512]].concat();
    let found = (0..200).any(|seed| {
        folder.disk.load(&history.crash(2, seed));
        folder.disk.bytes(&path).is_some_and(|bytes| bytes == reordered)
    });
    assert!(found);
}

#[test]
fn a_name_is_certain_only_once_its_folder_is_synced() {
    let folder = Folder::new("names");
    let path = folder.path.join("plain");
    let recorder = folder.disk.record(&folder.path);
    folder.disk.write(&path, 0, b"made");
    let made = recorder.len();
    folder.disk.put(&folder.path.join("other"), b"syncs the folder");
    let synced = recorder.len();
    folder.disk.remove(&path);
    let removed = recorder.len();
    let history = recorder.finish();
    let is_there = |at, seed| {
        folder.disk.load(&history.crash(at, seed));
        folder.disk.exists(&path)
    };
    let there = |at| (0..100).filter(|seed| is_there(at, *seed)).count();
    assert!((1..100).contains(&there(made)), "made");
    assert_eq!(there(synced), 100, "synced");
    assert!((1..100).contains(&there(removed)), "removed");
}

#[test]
fn a_wal_with_a_torn_tail_recovers_what_was_committed_before() {
    let folder = Folder::new("tail");
    let conn = folder.open();
    conn.execute_batch("CREATE TABLE t(x)").expect("made");
    insert(&conn, 100).expect("inserted");
    let recorder = folder.disk.record(&folder.path);
    insert(&conn, 30_000).expect("inserted");
    let history = recorder.finish();
    drop(conn);
    let before_sync = history.sync_points()[0];
    let rows: Vec<_> = (0..60).map(|seed| folder.rows_after(&history, before_sync, seed)).collect();
    assert!(rows.contains(&Some(1)) && rows.contains(&Some(2)), "{rows:?}");
    assert!(rows.iter().all(|rows| matches!(rows, Some(1 | 2))), "{rows:?}");
    assert!((0..60).all(|seed| folder.rows_after(&history, before_sync + 1, seed) == Some(2)));
}

#[test]
fn failures_are_met_as_often_as_asked_and_leave_nothing_behind() {
    let folder = Folder::new("failures");
    let conn = folder.open();
    conn.execute_batch("CREATE TABLE t(x)").expect("made");
    let check = |op, failure, code| {
        folder.disk.fail(folder.files(), op, failure, Times::Next(1));
        let error = insert(&conn, 50).expect_err("fails");
        assert_eq!(error.sqlite_error().map(|e| e.extended_code), Some(code), "{failure:?} on {op:?}");
        insert(&conn, 50).expect("is over");
    };
    use rusqlite::ffi;
    check(Op::Write, Failure::Io, ffi::SQLITE_IOERR_WRITE);
    check(Op::Write, Failure::HalfWritten, ffi::SQLITE_IOERR_WRITE);
    check(Op::Sync, Failure::Io, ffi::SQLITE_IOERR_FSYNC);
    check(Op::Write, Failure::Full, ffi::SQLITE_FULL);
    let rows: i64 = conn.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).expect("reads");
    assert_eq!(rows, 4);
}

#[test]
fn a_disk_that_turned_read_only_is_read_and_nothing_else() {
    let folder = Folder::new("read-only");
    let conn = folder.open();
    conn.execute_batch("CREATE TABLE t(x)").expect("made");
    folder.disk.fail(folder.files(), None, Failure::ReadOnly, Times::UntilHealed);
    insert(&conn, 50).expect_err("can't be written");
    let rows: i64 = conn.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).expect("reads");
    assert_eq!(rows, 0);
    open_writer(&folder.path.join("new.db"), &Tuning::default()).expect_err("can't be made");
    assert!(folder.disk.failed() >= 2);
    folder.disk.heal_within(&folder.path);
    insert(&conn, 50).expect("is over");
}

#[test]
fn a_damaged_page_is_noticed_and_a_removed_file_is_gone() {
    let folder = Folder::new("damage");
    let conn = folder.open();
    conn.execute_batch("CREATE TABLE t(x); PRAGMA wal_checkpoint(TRUNCATE)").expect("made");
    drop(conn);
    assert!(folder.disk.corrupt_page(&folder.db(), 2));
    assert!(!folder.disk.corrupt_page(&folder.db(), 99));
    let conn = open_reader(&folder.db(), 1024).expect("opens");
    conn.query_row("SELECT count(*) FROM t", [], |_| Ok(())).expect_err("is damaged");
    drop(conn);
    assert!(folder.disk.remove(&folder.db()));
    assert!(!folder.disk.exists(&folder.db()));
}

#[test]
fn a_gate_holds_a_commit_while_another_connection_reads() {
    let folder = Folder::new("gate");
    let conn = folder.open();
    conn.execute_batch("CREATE TABLE t(x)").expect("made");
    let reader = open_reader(&folder.db(), 1024).expect("opens");
    let gate = folder.disk.shut(FileMatch::ends_with("gate/a.db-wal"), Op::Sync);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || insert(&conn, 10).expect("inserts"));
        assert!(gate.wait_reached(Duration::from_secs(60)));
        assert!(!writing.is_finished());
        let rows: i64 = reader.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).expect("reads");
        assert_eq!(rows, 0);
        gate.open();
        writing.join().expect("no panic");
    });
}
