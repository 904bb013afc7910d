//! The log's rows.

use rusqlite::{Connection, Row, params};
use weir_event::{LocalDay, Millis, Reason, SiteId};
use weir_rollups::{UnitEvent, ValueId};

use super::batch::Batch;
use super::held::held;
use super::units::{Interned, kind_code, kind_of};
use crate::{LogRow, NewRow, StoreError};

/// Ties are 24 bits; past the last comes the first.
const TIES: u32 = 1 << 24;

const ADDED_BY: &str = "INSERT OR IGNORE INTO events
    (site, time, tie, visitor, page, kind, client, source, name, engaged_ms, currency, amount, props,
     set_aside, days_late)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const SEALED_ADDED_BY: &str = "INSERT INTO sealed_events
    (site, second, rank, visitor, page, kind, client, source, name, engaged_ms, currency, amount, props,
     set_aside, days_late)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const OPEN_READ_BY: &str = "SELECT time, tie, visitor, page, kind, client, source, name, engaged_ms,
    currency, amount, props, set_aside, days_late FROM events
    WHERE site = ?1 AND (time, tie) > (?2, ?3) AND time < ?4 ORDER BY time, tie";

const SEALED_READ_BY: &str = "SELECT second * 1000, rank, visitor, page, kind, client, source, name,
    engaged_ms, currency, amount, props, set_aside, days_late FROM sealed_events
    WHERE site = ?1 AND (second, rank) > (?2, ?3) AND second < ?4 ORDER BY second, rank";

/// How far a reading of a day's log has come: where the next piece of it begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogPlace {
    #[default]
    Start,
    /// After this row of a sealed day.
    Sealed(i64, i64),
    /// After this row of a day that is not sealed.
    Open(i64, i64),
    End,
}

impl Batch<'_> {
    /// Writes an event into the log and returns the tie it got: the wanted one, or the next free.
    pub fn log(&mut self, row: &NewRow<'_>) -> Result<u32, StoreError> {
        let mut tie = row.event.tie;
        while self.insert(ADDED_BY, row, row.event.time.0, tie)? == 0 {
            tie = (tie + 1) % TIES;
        }
        Ok(tie)
    }

    /// Writes an event into the log of a sealed day, as a sealed row: it leaves when the others do.
    /// Returns its rank, the last of its second.
    pub fn log_sealed(&mut self, day: LocalDay, row: &NewRow<'_>) -> Result<u32, StoreError> {
        let second = row.event.time.secs();
        let sql = "SELECT coalesce(max(rank) + 1, 0) FROM sealed_events WHERE site = ?1 AND second = ?2";
        let rank: u32 = self.tx.prepare_cached(sql)?.query_row((row.site.0, second), |row| row.get(0))?;
        self.insert(SEALED_ADDED_BY, row, second, rank)?;
        if row.set_aside.is_some() {
            let sql = "UPDATE site_days SET holds_set_aside = 1
                       WHERE site = ?1 AND day = ?2 AND NOT (counts_bots AND ?3 = 64)";
            self.tx.prepare_cached(sql)?.execute((row.site.0, day.0, row.set_aside.map(Reason::code)))?;
        }
        Ok(rank)
    }

    fn insert(&mut self, sql: &str, row: &NewRow<'_>, at: i64, tie: u32) -> Result<usize, StoreError> {
        let event = &row.event;
        let client = self.client_id(row.site, event.client)?;
        let source = self.source_id(row.site, event.source)?;
        let (currency, amount) = event.amount.map_or((0, None), |(id, minor)| (id.0, Some(minor)));
        let place = if sql == ADDED_BY { &mut self.held.log } else { &mut self.held.log_sealed };
        let inserted = held(place, self.conn, sql)?.execute(params![
            row.site.0,
            at,
            tie,
            row.visitor.map(|visitor| visitor as i64),
            event.page.0,
            kind_code(event.kind),
            client,
            source,
            event.name.0,
            event.engaged_ms,
            currency,
            amount,
            (!row.props.is_empty()).then_some(row.props),
            row.set_aside.map(Reason::code),
            row.days_late,
        ])?;
        Ok(inserted)
    }
}

impl Batch<'_> {
    /// The log of `[from, to)` as this batch sees it, ascending, rows set aside among them.
    pub fn read_log(
        &mut self,
        site: SiteId,
        from: Millis,
        to: Millis,
        each: &mut dyn FnMut(&LogRow<'_>),
    ) -> Result<(), StoreError> {
        read_log(&self.tx, self.interned, site, (from, to), &mut |row| {
            each(row);
            Ok(())
        })
    }
}

/// Reads the log of `[from, to)`, open and sealed days alike, ascending within each.
pub(super) fn read_log(
    conn: &Connection,
    interned: &mut Interned,
    site: SiteId,
    range: (Millis, Millis),
    each: &mut dyn FnMut(&LogRow<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    read_log_piece(conn, interned, site, range, &mut LogPlace::Start, usize::MAX, each)
}

/// Reads at most `max` rows of the log of `[from, to)` from `place` on, and moves `place`.
pub(super) fn read_log_piece(
    conn: &Connection,
    interned: &mut Interned,
    site: SiteId,
    (from, to): (Millis, Millis),
    place: &mut LogPlace,
    max: usize,
    each: &mut dyn FnMut(&LogRow<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut left = max;
    // A sealed second lies within the range when its first millisecond does: days begin on whole
    // seconds, so nothing is cut.
    if let LogPlace::Start = place {
        *place = LogPlace::Sealed(ceil_secs(from), -1);
    }
    if let LogPlace::Sealed(second, rank) = *place {
        let mut statement = conn.prepare_cached(SEALED_READ_BY)?;
        let mut rows = statement.query((site.0, second, rank, ceil_secs(to)))?;
        while let Some(row) = rows.next()? {
            each(&parse(conn, interned, row)?)?;
            left -= 1;
            if left == 0 {
                *place = LogPlace::Sealed(Millis(row.get(0)?).secs(), row.get(1)?);
                return Ok(());
            }
        }
        *place = LogPlace::Open(from.0, -1);
    }
    if let LogPlace::Open(time, tie) = *place {
        let mut statement = conn.prepare_cached(OPEN_READ_BY)?;
        let mut rows = statement.query((site.0, time, tie, to.0))?;
        while let Some(row) = rows.next()? {
            each(&parse(conn, interned, row)?)?;
            left -= 1;
            if left == 0 {
                *place = LogPlace::Open(row.get(0)?, row.get(1)?);
                return Ok(());
            }
        }
        *place = LogPlace::End;
    }
    Ok(())
}

fn ceil_secs(time: Millis) -> i64 {
    (time + 999).secs()
}

fn parse<'r>(conn: &Connection, interned: &mut Interned, row: &'r Row<'_>) -> Result<LogRow<'r>, StoreError> {
    let page = ValueId(row.get(3)?);
    let currency = ValueId(row.get(9)?);
    let amount: Option<i64> = row.get(10)?;
    let set_aside: Option<u8> = row.get(12)?;
    let props = row.get_ref(11)?.as_str_or_null().map_err(|e| StoreError::Unreadable(e.to_string()))?;
    Ok(LogRow {
        event: UnitEvent {
            time: Millis(row.get(0)?),
            tie: row.get(1)?,
            kind: kind_of(row.get(4)?)?,
            page,
            host: interned.host(conn, page)?,
            client: interned.client(conn, row.get(5)?)?,
            source: interned.source(conn, row.get(6)?)?,
            name: ValueId(row.get(7)?),
            engaged_ms: row.get(8)?,
            amount: amount.map(|minor| (currency, minor)),
        },
        visitor: row.get::<_, Option<i64>>(2)?.map(|visitor| visitor as u64),
        props: props.unwrap_or_default(),
        set_aside: set_aside.map(reason).transpose()?,
        days_late: row.get(13)?,
    })
}

pub(super) fn reason(code: u8) -> Result<Reason, StoreError> {
    Reason::from_code(code).ok_or_else(|| StoreError::Unreadable(format!("reason {code}")))
}
