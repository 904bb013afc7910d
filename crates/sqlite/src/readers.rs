use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use crate::{Error, Trouble, open_reader};

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
    idle: Vec<Connection>,
    lent: usize,
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
        drop(pool);
        let mut lease = Lease { readers: self, conn: idle };
        if lease.conn.is_none() {
            // On an error the lease is dropped, which gives its place back.
            lease.conn = Some(open_reader(&self.path, self.cache_kib)?);
        }
        Ok(lease)
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lent read connection; goes back to the pool when dropped.
pub struct Lease<'a> {
    readers: &'a Readers,
    conn: Option<Connection>,
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect("a lease holds its connection until it is dropped")
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.conn.as_mut().expect("a lease holds its connection until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        pool.lent -= 1;
        if let Some(conn) = self.conn.take()
            && pool.idle.len() < self.readers.idle_max
            && conn.is_autocommit()
        {
            pool.idle.push(conn);
        }
        drop(pool);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tuning, open_writer};

    #[test]
    fn no_more_connections_are_lent_than_allowed_and_returned_ones_are_used_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        let _writer = open_writer(&path, &Tuning::default()).expect("opens");
        let readers = Readers::new(path, 1024, 2, 1);
        let first = readers.lend().expect("first");
        std::thread::scope(|scope| {
            let second = readers.lend().expect("second");
            let third = scope.spawn(|| readers.lend().map(|_| ()));
            drop(second);
            third.join().expect("no panic").expect("lent once the second came back");
        });
        drop(first);
        assert_eq!(readers.lock().lent, 0);
        assert_eq!(readers.lock().idle.len(), 1);
    }

    #[test]
    fn a_failed_open_gives_its_place_back() {
        let readers = Readers::new("/nonexistent/a.db".into(), 1024, 1, 1);
        for _ in 0..3 {
            assert_eq!(readers.lend().err().map(|e| e.trouble()), Some(Trouble::Missing));
        }
    }
}
