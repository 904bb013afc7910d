//! Reading days that a server may be folding into, without holding up its WAL: in one short read
//! transaction, else in several between which nothing of the days may have changed.

use std::time::{Duration, Instant};

use weir_event::{LocalDay, SiteId, limits};
use weir_store::{Reading, StoreError, StoreReader};

/// How often days that change while they are read are read again.
const TRIES: u32 = 3;

/// How much is read at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// After this long no further piece is read in the one transaction, and a piece takes less than as
    /// long again. Whatever is counted from what was read is counted afterwards.
    pub one: Duration,
    /// Rows of a piece.
    pub rows: usize,
}

pub(crate) const PACE: Pace =
    Pace { one: Duration::from_millis(limits::READ_TRANSACTION_MS_MAX / 2), rows: 20_000 };

/// Why a reading ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    Store(StoreError),
    /// One transaction is too short for it.
    TooLong,
    /// What was read before is no longer so.
    Changed,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Days of a site that stand still as long as pieces of them are read.
pub(crate) struct Steady<'a, 'r> {
    pub site: SiteId,
    pub pace: Pace,
    days: (LocalDay, LocalDay),
    how: How<'a, 'r>,
}

enum How<'a, 'r> {
    One(&'a Reading<'r>, Instant),
    /// With what [`Reading::changes`] said when it began.
    Many(&'a StoreReader, (i64, i64)),
}

impl Steady<'_, '_> {
    pub fn piece<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T, StoreError>) -> Result<T, Stop> {
        match &self.how {
            How::One(_, begun) if begun.elapsed() >= self.pace.one => Err(Stop::TooLong),
            How::One(reading, _) => Ok(read(reading)?),
            How::Many(reader, before) => reader.read(|reading| {
                let now = reading.changes(self.site, self.days.0, self.days.1)?;
                if now == *before { Ok(Ok(read(reading)?)) } else { Ok(Err(Stop::Changed)) }
            })?,
        }
    }
}

/// Runs `work` on the days from `days.0` to `days.1` of a site; `None` where they are too large for
/// one transaction and change faster than they can be read. `work` may run more than once.
pub(crate) fn read<T>(
    reader: &StoreReader,
    site: SiteId,
    days: (LocalDay, LocalDay),
    pace: Pace,
    mut work: impl FnMut(&Steady<'_, '_>) -> Result<T, Stop>,
) -> Result<Option<T>, StoreError> {
    let mut done = reader.read(|reading| {
        let how = How::One(reading, Instant::now());
        Ok(work(&Steady { site, pace, days, how }))
    })?;
    for _ in 0..TRIES {
        match done {
            Ok(done) => return Ok(Some(done)),
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::TooLong | Stop::Changed) => {}
        }
        let before = reader.read(|reading| reading.changes(site, days.0, days.1))?;
        done = work(&Steady { site, pace, days, how: How::Many(reader, before) });
    }
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Stop::Store(error)) => Err(error),
        Err(Stop::TooLong | Stop::Changed) => Ok(None),
    }
}
