use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::Connection;

use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::{Error, Place, Trouble, open_reader};

/// How long a reader waits for a free connection before it is told that the machine is busy.
const WAIT: Duration = Duration::from_secs(5);

/// A bounded pool of read connections to one file. Connections are opened when first needed; at
/// most `idle_max` are kept open between uses.
pub struct Readers {
    path: PathBuf,
    cache_kib: u32,
    open_max: usize,
    idle_max: usize,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<(Connection, Place)>,
    lent: usize,
    /// The fewest that were idle since the last look: so many nobody needed.
    spare: usize,
}

impl Readers {
    pub fn new(path: PathBuf, cache_kib: u32, open_max: usize, idle_max: usize) -> Self {
        Self { path, cache_kib, open_max, idle_max, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Lends a connection; waits while all are lent.
    ///
    /// # Errors
    /// [`Trouble::Busy`] when none came back in time, else what opening the file reports.
    pub fn lend(&self) -> Result<Lease<'_>, Error> {
        let busy = || Error::refusal("every read connection is in use".to_owned()).with(Trouble::Busy);
        let pool = self.lock();
        let (mut pool, wait) = self
            .returned
            .wait_timeout_while(pool, WAIT, |pool| pool.lent >= self.open_max)
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() && pool.lent >= self.open_max {
            return Err(busy());
        }
        pool.lent += 1;
        let idle = pool.idle.pop();
        pool.spare = pool.spare.min(pool.idle.len());
        drop(pool);
        let current = idle.filter(|(_, place)| !place.is_superseded());
        let mut lease = Lease { readers: self, conn: current };
        if lease.conn.is_none() {
            // On an error the lease is dropped, which gives its place back.
            let conn = open_reader(&self.path, self.cache_kib)?;
            lease.conn = Some((conn, Place::of(&self.path)));
        }
        Ok(lease)
    }

    /// Closes the connections that nobody has needed since the last call: each keeps a cache of the
    /// file. True where nobody has needed any.
    pub fn close_spare(&self) -> bool {
        let mut pool = self.lock();
        let spare = pool.spare;
        // The last ones are lent first.
        let closed: Vec<_> = pool.idle.drain(..spare).collect();
        pool.spare = pool.idle.len();
        let is_quiet = pool.idle.is_empty() && pool.lent == 0;
        drop(pool);
        drop(closed);
        is_quiet
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lent read connection; goes back to the pool when dropped.
pub struct Lease<'a> {
    readers: &'a Readers,
    conn: Option<(Connection, Place)>,
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn.as_ref().expect("a lease holds its connection until it is dropped").0
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn.as_mut().expect("a lease holds its connection until it is dropped").0
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        pool.lent -= 1;
        if let Some(conn) = self.conn.take()
            && pool.idle.len() < self.readers.idle_max
            && conn.0.is_autocommit()
        {
            pool.idle.push(conn);
        }
        drop(pool);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use weir_testkit::schedules::{Timeouts, check_schedules, run_once, thread};

    use super::*;
    use crate::{OwnFile, Tuning, open_writer};

    /// Nothing is lent, and one connection is kept.
    fn check_at_rest(readers: &Readers) {
        let pool = readers.lock();
        assert_eq!((pool.lent, pool.idle.len()), (0, 1));
    }

    /// So many threads borrow one after the other from a pool of so many connections.
    fn check_lending(path: &Path, threads: usize, open_max: usize) {
        let readers = Arc::new(Readers::new(path.to_owned(), 64, open_max, 1));
        let lent = Arc::new(AtomicUsize::new(0));
        let borrowing = (0..threads).map(|_| {
            let (readers, lent) = (Arc::clone(&readers), Arc::clone(&lent));
            thread::spawn(move || {
                let lease = readers.lend().expect("one comes back");
                assert!(lent.fetch_add(1, Ordering::SeqCst) < open_max, "more are lent than allowed");
                thread::yield_now();
                lent.fetch_sub(1, Ordering::SeqCst);
                drop(lease);
            })
        });
        let borrowing: Vec<_> = borrowing.collect();
        borrowing.into_iter().for_each(|thread| thread.join().expect("no panic"));
        check_at_rest(&readers);
    }

    #[test]
    fn no_more_connections_are_lent_than_allowed_and_whoever_waits_gets_the_next() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let _writer = open_writer(&path, &Tuning::default()).expect("opens");
        for open_max in [1, 2] {
            let path = path.clone();
            check_schedules(200, Timeouts::Never, move || check_lending(&path, 4, open_max));
        }
    }

    #[test]
    fn a_wait_that_ends_without_a_connection_is_busy_and_takes_no_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let _writer = open_writer(&path, &Tuning::default()).expect("opens");
        run_once(Timeouts::AtAnyTime, move || {
            let readers = Readers::new(path.clone(), 64, 1, 1);
            let first = readers.lend().expect("first");
            assert_eq!(readers.lend().err().map(|e| e.trouble()), Some(Trouble::Busy));
            drop(first);
            check_at_rest(&readers);
        });
    }

    #[test]
    fn connections_that_nobody_needed_between_two_looks_are_closed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let _writer = open_writer(&path, &Tuning::default()).expect("opens");
        run_once(Timeouts::Never, move || {
            let readers = Readers::new(path.clone(), 64, 3, 3);
            let idle = || readers.lock().idle.len();
            let leases: Vec<_> = (0..3).map(|_| readers.lend().expect("lends")).collect();
            assert!(!readers.close_spare(), "they are lent");
            drop(leases);
            assert!(!readers.close_spare(), "all were needed a moment ago");
            assert_eq!(idle(), 3);
            drop(readers.lend().expect("lends"));
            assert!(!readers.close_spare());
            assert_eq!(idle(), 1, "one was needed");
            assert!(readers.close_spare(), "none was needed");
            assert_eq!(idle(), 0);
            drop(readers.lend().expect("another is opened"));
        });
    }

    #[test]
    fn a_failed_open_gives_its_place_back_and_wakes_whoever_waits_for_it() {
        check_schedules(100, Timeouts::Never, || {
            let readers = Arc::new(Readers::new("/nonexistent/a.db".into(), 64, 1, 1));
            let borrow = |readers: Arc<Readers>| {
                thread::spawn(move || {
                    assert_eq!(readers.lend().err().map(|e| e.trouble()), Some(Trouble::Missing));
                })
            };
            let borrowing: Vec<_> = (0..3).map(|_| borrow(Arc::clone(&readers))).collect();
            borrowing.into_iter().for_each(|thread| thread.join().expect("no panic"));
        });
    }

    #[test]
    fn readers_follow_the_file_to_the_one_that_was_put_in_its_place() {
        run_once(Timeouts::Never, check_followed);
    }

    fn check_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let mut file = OwnFile::open(&path, Tuning::default(), &["CREATE TABLE t(a)"]).expect("opens");
        let readers = Readers::new(path.clone(), 1024, 2, 2);
        let rows = || {
            let reader = readers.lend().expect("lends");
            reader.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).expect("reads")
        };
        assert_eq!(rows(), 0);
        std::fs::remove_file(&path).expect("removed");
        file.conn().execute("INSERT INTO t VALUES (1)", []).expect("inserts");
        assert_eq!(rows(), 1, "who has it open reads on");
        file.stay_in_place().expect("is put back");
        file.conn().execute("INSERT INTO t VALUES (2)", []).expect("inserts");
        assert_eq!(rows(), 2);
    }
}
