use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use weir_event::{Clock, LocalDay, Millis, VisitorId, limits};
use weir_sqlite::{Lease, OwnFile, Patience, Readers, back_off};

use crate::day_keys::DayKeys;
use crate::login::Tries;
use crate::password::Gate;
use crate::refusals::Counts;
use crate::schema::{MIGRATIONS, READER_CACHE_KIB, READERS_IDLE, READERS_MAX, TUNING};
use crate::tokens::Senders;
use crate::{RegistryError, Site, Snapshot, private_file, sites, users};

const FILE: &str = "registry.db";

/// Somebody waits before a screen, and others behind them.
const DEADLINE: Duration = Duration::from_secs(2);

/// The registry of one data folder. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Registry(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) data: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    writer: Mutex<Writer>,
    readers: Readers,
    snapshot: RwLock<Arc<Snapshot>>,
    /// The snapshot was replaced and [`Registry::refresh`] has not said so yet.
    changed: AtomicBool,
    /// `None` beside a running server: the keys are the server's alone.
    day_keys: Option<DayKeys>,
    pub(crate) tries: Tries,
    pub(crate) gate: Gate,
    pub(crate) counts: Mutex<Counts>,
}

struct Writer {
    file: OwnFile,
    /// SQLite's count of what other connections committed.
    data_version: i64,
}

impl Registry {
    /// Opens a data folder's registry for the server: makes what is missing, destroys the day keys
    /// whose time is over.
    ///
    /// # Errors
    /// What the database or the key file report; a damaged key file is left as it is.
    pub fn open(data: &Path, clock: Arc<dyn Clock>) -> Result<Self, RegistryError> {
        Self::assemble(data, clock, true)
    }

    /// Opens it for a command beside a running server. Day keys are neither read nor made: no
    /// visitor ids here.
    ///
    /// # Errors
    /// What the database reports.
    pub fn open_beside(data: &Path, clock: Arc<dyn Clock>) -> Result<Self, RegistryError> {
        Self::assemble(data, clock, false)
    }

    fn assemble(data: &Path, clock: Arc<dyn Clock>, is_server: bool) -> Result<Self, RegistryError> {
        let path = data.join(FILE);
        // Before SQLite makes it for everybody to read: it holds password hashes, and SQLite gives its
        // WAL the same mode.
        private_file::create_if_missing(&path)
            .map_err(|source| RegistryError::File { path: path.clone(), source })?;
        let file = OwnFile::open(&path, TUNING, MIGRATIONS)?;
        let data_version = data_version(file.conn())?;
        let snapshot = load(file.conn())?;
        let day_keys =
            if is_server { Some(DayKeys::open(data, clock.now(), snapshot.sites())?) } else { None };
        Ok(Self(Arc::new(Parts {
            data: data.to_owned(),
            clock,
            writer: Mutex::new(Writer { file, data_version }),
            readers: Readers::new(path, READER_CACHE_KIB, READERS_MAX, READERS_IDLE),
            snapshot: RwLock::new(Arc::new(snapshot)),
            changed: AtomicBool::new(false),
            day_keys,
            tries: Tries::default(),
            gate: Gate::default(),
            counts: Mutex::default(),
        })))
    }

    /// Takes over what another process changed, makes the day keys that are due and destroys those
    /// whose time is over. Meant to be called every second. True if sites, users or tokens may differ
    /// from what the last call left.
    ///
    /// # Errors
    /// What the database or the key file report; the registry goes on with what it had.
    pub fn refresh(&self) -> Result<bool, RegistryError> {
        self.catch_up()?;
        if let Some(keys) = &self.0.day_keys {
            keys.tend(self.now(), self.snapshot().sites())?;
        }
        Ok(self.0.changed.swap(false, Ordering::AcqRel))
    }

    /// Takes over what another process changed, and no more than that: for who is about to act on
    /// such a change and must not see the sites as they were before it.
    ///
    /// # Errors
    /// What the database reports; the registry goes on with what it had.
    pub fn catch_up(&self) -> Result<(), RegistryError> {
        let mut writer = self.writer();
        writer.file.stay_in_place()?;
        let now = data_version(writer.file.conn())?;
        if now != writer.data_version {
            self.reload(writer.file.conn())?;
            writer.data_version = now;
        }
        Ok(())
    }

    /// All sites as of now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who this is, within one local day of one site. `None` once that day's key is gone, before it
    /// may exist, while it can't be kept on disk, and beside a running server.
    pub fn visitor_id(
        &self,
        site: &Site,
        day: LocalDay,
        now: Millis,
        ip: IpAddr,
        user_agent: &str,
    ) -> Option<VisitorId> {
        let keys = self.0.day_keys.as_ref()?;
        keys.visitor_id(site, day, now, ip, user_agent, || self.snapshot())
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.clock.now()
    }

    pub(crate) fn reader(&self) -> Result<Lease<'_>, RegistryError> {
        Ok(self.0.readers.lend()?)
    }

    /// One transaction, tried again while a busy or failing disk may get better. What `change` returns
    /// as an error was not done.
    pub(crate) fn write<T>(
        &self,
        change: impl Fn(&Transaction<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        commit(&mut self.writer().file, change)
    }

    /// The same for what the snapshot shows, which is replaced before the lock is let go: two
    /// changes must not overtake each other.
    pub(crate) fn write_shown<T>(
        &self,
        change: impl Fn(&Transaction<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut writer = self.writer();
        let done = commit(&mut writer.file, change)?;
        if let Err(error) = self.reload(writer.file.conn()) {
            // Done is done: an error would say otherwise. No version is negative, so that the next
            // refresh reads again.
            tracing::warn!(%error, "a change of the registry is shown later");
            writer.data_version = -1;
        }
        Ok(done)
    }

    fn reload(&self, conn: &Connection) -> Result<(), RegistryError> {
        let snapshot = Arc::new(load(conn)?);
        *self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        self.0.changed.store(true, Ordering::Release);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn commit<T>(
    file: &mut OwnFile,
    change: impl Fn(&Transaction<'_>) -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    let mut patience = Patience::new(limits::WRITE_RETRIES_MAX, Instant::now(), DEADLINE);
    loop {
        let error = match commit_once(file, &change) {
            Err(RegistryError::Database(error)) if error.is_transient() => error,
            done_or_hopeless => return done_or_hopeless,
        };
        let error = error.in_file(file.path());
        let Some(pause) = patience.next_pause() else { return Err(error.into()) };
        tracing::debug!(%error, "writing the registry is tried again");
        back_off(pause);
    }
}

fn commit_once<T>(
    file: &mut OwnFile,
    change: impl Fn(&Transaction<'_>) -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    file.stay_in_place()?;
    let tx = file.conn_mut().transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = change(&tx)?;
    tx.commit()?;
    file.stay_in_place()?;
    Ok(done)
}

fn load(conn: &Connection) -> Result<Snapshot, RegistryError> {
    Ok(Snapshot::new(sites::load(conn)?, users::any(conn)?, Senders::load(conn)?))
}

fn data_version(conn: &Connection) -> Result<i64, RegistryError> {
    Ok(conn.pragma_query_value(None, "data_version", |row| row.get(0))?)
}
