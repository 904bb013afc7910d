use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use weir_event::{Grain, LocalDay, Millis, QueueId, Seq, SiteId, limits};
use weir_fault::Mistake;
use weir_rollups::{Client, Source, ValueId};
use weir_sqlite::{OwnFile, Place, Tuning};

use super::dictionary::{Dictionary, Wanted};
use super::held::Held;
use super::open_units::OpenUnits;
use super::schema;
use super::units::Interned;
use crate::{Checkpoint, Dimension, StoreError, StoreReader};

/// The one writer of the statistics database.
pub struct Store {
    pub(super) file: OwnFile,
    pub(super) dictionary: Dictionary,
    pub(super) interned: Interned,
    pub(super) units: OpenUnits,
}

/// Everything that one batch of the processor changes: all of it, or nothing. Dropped without
/// [`Batch::commit`], it never happened.
pub struct Batch<'a> {
    /// Before the transaction, which ends when it is dropped: nothing may be left running then.
    pub(super) held: Held<'a>,
    pub(super) tx: Transaction<'a>,
    pub(super) conn: &'a Connection,
    place: &'a Place,
    pub(super) dictionary: &'a mut Dictionary,
    /// Ids remembered and forgotten, by hour of receipt, that are not in `seen_hours` yet.
    pub(super) seen: BTreeMap<i64, i64>,
    /// Buckets whose statistics change.
    pub(super) stamped: BTreeSet<(SiteId, Grain, i64)>,
    /// Clients and sources by number, for units read back.
    pub(super) interned: &'a mut Interned,
    pub(super) units: &'a mut OpenUnits,
}

impl Store {
    /// Opens `path`, and makes it where it is missing.
    ///
    /// # Errors
    /// The file can't be read or written, is damaged, or was written by a newer program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let version_1 = schema::version_1();
        let file = OwnFile::open(
            path,
            tuning(),
            &[
                &version_1,
                schema::VERSION_2,
                schema::VERSION_3,
                schema::VERSION_4,
                schema::VERSION_5,
                schema::VERSION_6,
                schema::VERSION_7,
            ],
        )?;
        if weir_fault::is_planted(Mistake::StoreSyncsNormal) {
            file.conn().pragma_update(None, "synchronous", "NORMAL")?;
        }
        let units = OpenUnits::new(limits::OPEN_VISITORS_BYTES_MAX);
        Ok(Self { file, dictionary: Dictionary::new(), interned: Interned::default(), units })
    }

    /// Holds so much of visitors' open days in memory, instead of
    /// [`limits::OPEN_VISITORS_BYTES_MAX`].
    #[must_use]
    pub fn with_open_visitors(self, bytes_max: usize) -> Self {
        Self { units: OpenUnits::new(bytes_max), ..self }
    }

    pub fn reader(&self) -> StoreReader {
        StoreReader::new(self.file.path().to_owned())
    }

    /// Gives back the pages and the visitors held in memory, for when nothing comes: the next batch
    /// reads what it needs as the first one of a process does.
    pub fn rest(&mut self) {
        self.units.forget();
        if let Err(error) = self.file.conn().execute_batch("PRAGMA shrink_memory") {
            tracing::debug!(%error, "the store's pages stay in memory");
        }
    }

    /// Writes and syncs, and changes nothing.
    ///
    /// # Errors
    /// What keeps the file from being read or written.
    pub fn prove_writable(&mut self) -> Result<(), StoreError> {
        let batch = self.begin()?;
        batch.tx.execute("UPDATE checkpoint SET seq = seq", [])?;
        batch.commit()
    }

    /// Begins a batch. Takes the write lock at once, so that a busy database is met here and not
    /// half way through. Where the file was deleted meanwhile, it is written anew first.
    ///
    /// # Errors
    /// [`weir_sqlite::Trouble::Busy`] and its like: nothing was changed.
    pub fn begin(&mut self) -> Result<Batch<'_>, StoreError> {
        if weir_fault::is_planted(Mistake::KeepsStagedOnRollback) {
            self.dictionary.keep_staged();
            self.units.keep_staged();
        }
        if self.dictionary.drop_staged() {
            // Numbers that were taken back will be given again.
            self.interned = Interned::default();
        }
        self.units.drop_staged();
        self.interned.bound();
        self.file.stay_in_place()?;
        let (conn, place) = self.file.parts_mut();
        let conn: &Connection = conn;
        let tx = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
        let (dictionary, seen, stamped) = (&mut self.dictionary, BTreeMap::new(), BTreeSet::new());
        let (held, interned, units) = (Held::default(), &mut self.interned, &mut self.units);
        Ok(Batch { held, tx, conn, place, dictionary, seen, stamped, interned, units })
    }
}

/// The WAL may hold a few drain batches before the writer copies it into the file: a page touched
/// by several batches is then copied once.
fn tuning() -> Tuning {
    Tuning {
        page_bytes: 8 * 1024,
        cache_kib: 24 * 1024,
        checkpoint_pages: 4_000,
        wal_bytes_max: limits::STORE_WAL_BYTES_MAX,
        incremental_vacuum: false,
    }
}

impl Batch<'_> {
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        read_checkpoint(&self.tx)
    }

    /// Where the database lies.
    pub fn folder(&self) -> &Path {
        folder_of(self.place.path())
    }

    /// Moves the checkpoint; the batch's rows and this line are one transaction, which is why
    /// repeating a batch after a crash changes nothing.
    pub fn advance(&mut self, to: Checkpoint) -> Result<(), StoreError> {
        let sql = "INSERT INTO checkpoint (one, queue, seq, received) VALUES (1, ?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET queue = excluded.queue, seq = excluded.seq,
                       received = max(received, excluded.received)";
        self.tx.prepare_cached(sql)?.execute((to.queue.0, to.seq.0, to.received.0))?;
        self.take_up_to(to.queue, to.seq)
    }

    /// The number of a text; where the site's day has brought too many new ones, that of `(other)`.
    pub fn text(
        &mut self,
        site: SiteId,
        dimension: Dimension,
        text: &str,
        received_day: LocalDay,
    ) -> Result<ValueId, StoreError> {
        let wanted = Wanted { site, dimension, text, received_day, host: ValueId::NONE };
        self.dictionary.text(&self.tx, wanted)
    }

    /// The number of a page and that of its host: the host that the page was first seen with, which
    /// is what the log tells again. It is not `host` where hosts were counted under `(other)` then
    /// and no longer are.
    pub fn page(
        &mut self,
        site: SiteId,
        page: &str,
        host: ValueId,
        received_day: LocalDay,
    ) -> Result<(ValueId, ValueId), StoreError> {
        let wanted = Wanted { site, dimension: Dimension::Page, text: page, received_day, host };
        let page = self.dictionary.text(&self.tx, wanted)?;
        Ok((page, self.interned.host(&self.tx, page)?))
    }

    pub(super) fn client_id(&mut self, site: SiteId, client: Client) -> Result<u32, StoreError> {
        self.dictionary.client(&self.tx, site, client)
    }

    pub(super) fn source_id(&mut self, site: SiteId, source: Source) -> Result<u32, StoreError> {
        self.dictionary.source(&self.tx, site, source)
    }

    /// Makes the batch durable.
    ///
    /// # Errors
    /// Nothing of the batch has happened, or it has in a file that is no longer in its place: the next
    /// [`Store::begin`] sees to that, and the checkpoint tells which it was.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.write_seen_hours()?;
        self.write_stamps()?;
        self.move_units_out()?;
        let Self { held, tx, place, dictionary, units, .. } = self;
        drop(held);
        tx.commit()?;
        dictionary.keep_staged();
        units.keep_staged();
        Ok(place.check()?)
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn read_checkpoint(conn: &Connection) -> Result<Option<Checkpoint>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT queue, seq, received FROM checkpoint")?;
    let row = statement.query_row([], |row| {
        Ok(Checkpoint { queue: QueueId(row.get(0)?), seq: Seq(row.get(1)?), received: Millis(row.get(2)?) })
    });
    Ok(row.optional()?)
}
