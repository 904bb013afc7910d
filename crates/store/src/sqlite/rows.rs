//! The log's rows.

use rusqlite::{Connection, Row, params};
use weir_event::{LocalDay, Millis, Reason, SiteId};
use weir_rollups::{UnitEvent, ValueId};

use super::batch::Batch;
use super::held::held;
use super::packed::PackedEvent;
use super::sealed::SealedVisitor;
use super::units::{Interned, kind_code, kind_of};
use crate::{LogRow, NewRow, RawRow, StoreError};

/// Ties are 24 bits; past the last comes the first.
const TIES: u32 = 1 << 24;

const ADDED_BY: &str = "INSERT OR IGNORE INTO events
    (site, time, tie, visitor, page, kind, client, source, name, engaged_ms, currency, amount, props,
     set_aside, days_late)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const OPEN_READ_BY: &str = "SELECT time, tie, visitor, page, kind, client, source, name, engaged_ms,
    currency, amount, props, set_aside, days_late FROM events
    WHERE site = ?1 AND (time, tie) > (?2, ?3) AND time < ?4 ORDER BY time, tie";

/// What a question wants to know of [`OPEN_READ_BY`]'s rows.
const COUNTED_READ_BY: &str = "SELECT time, visitor, page, kind, client, source, name, engaged_ms, set_aside
    FROM events WHERE site = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, tie";

const COUNTED_WITH_PROPS_READ_BY: &str = "SELECT time, visitor, page, kind, client, source, name, engaged_ms,
    set_aside, props FROM events WHERE site = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, tie";

const SEALED_READ_BY: &str = "SELECT day, visitor, part, start, client, events FROM sealed_visitors
    WHERE site = ?1 AND (day, visitor, part) >= (?2, ?3, ?4) AND day <= ?5 ORDER BY day, visitor, part";

/// How far a reading of a day's log has come: where the next piece of it begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogPlace {
    #[default]
    Start,
    /// At this event of this row, by the row's key: day, visitor, part.
    Sealed([i64; 3], usize),
    /// After this row of a day that is not sealed.
    Open(i64, i64),
    End,
}

impl Batch<'_> {
    /// Writes an event into the log and returns the tie it got: the wanted one, or the next free.
    pub fn log(&mut self, row: &NewRow<'_>) -> Result<u32, StoreError> {
        let mut tie = row.event.tie;
        while self.insert(row, tie)? == 0 {
            tie = (tie + 1) % TIES;
        }
        Ok(tie)
    }

    /// Writes an event into the log of a sealed day, as a sealed row: it leaves when the others do.
    /// Its visitor is not known any more.
    pub fn log_sealed(&mut self, day: LocalDay, row: &NewRow<'_>) -> Result<u32, StoreError> {
        let event = &row.event;
        let (currency, amount) = event.amount.map_or((0, None), |(id, minor)| (id.0, Some(minor)));
        let packed = PackedEvent {
            second: 0,
            page: event.page.0,
            source: self.source_id(row.site, event.source)?,
            kind: kind_code(event.kind),
            name: event.name.0,
            engaged_ms: event.engaged_ms,
            days_late: row.days_late,
            set_aside: row.set_aside.map_or(0, Reason::code),
            currency,
            amount,
            client: self.client_id(row.site, event.client)?,
            props: row.props,
        };
        let tie = self.add_sealed((row.site, day), event.time.secs(), &packed)?;
        if row.set_aside.is_some() {
            let sql = "UPDATE site_days SET holds_set_aside = 1
                       WHERE site = ?1 AND day = ?2 AND NOT (counts_bots AND ?3 = 64)";
            self.tx.prepare_cached(sql)?.execute((row.site.0, day.0, packed.set_aside))?;
        }
        Ok(tie)
    }

    fn insert(&mut self, row: &NewRow<'_>, tie: u32) -> Result<usize, StoreError> {
        let event = &row.event;
        let client = self.client_id(row.site, event.client)?;
        let source = self.source_id(row.site, event.source)?;
        let (currency, amount) = event.amount.map_or((0, None), |(id, minor)| (id.0, Some(minor)));
        let inserted = held(&mut self.held.log, self.conn, ADDED_BY)?.execute(params![
            row.site.0,
            event.time.0,
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

/// Reads the log of `[from, to)`, sealed days by visitor and then the others by time.
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
    range: (Millis, Millis),
    place: &mut LogPlace,
    max: usize,
    each: &mut dyn FnMut(&LogRow<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut left = max;
    let each = &mut |row: &RawRow<'_>| each(&interned.row(conn, row)?);
    *place = match *place {
        LogPlace::Start => read_sealed(conn, site, range, ([i64::MIN, -1, -1], 0), &mut left, each)?,
        LogPlace::Sealed(key, event) => read_sealed(conn, site, range, (key, event), &mut left, each)?,
        other => other,
    };
    if let (LogPlace::Open(time, tie), true) = (*place, left > 0) {
        *place = read_open(conn, site, (time, tie, range.1), &mut left, each)?;
    }
    Ok(())
}

type EachRow<'a> = dyn FnMut(&RawRow<'_>) -> Result<(), StoreError> + 'a;

/// Where the next piece begins.
fn read_sealed(
    conn: &Connection,
    site: SiteId,
    (from, to): (Millis, Millis),
    (key, mut skip): ([i64; 3], usize),
    left: &mut usize,
    each: &mut EachRow<'_>,
) -> Result<LogPlace, StoreError> {
    let mut stopped = None;
    each_sealed(conn, site, (from, to), key, &mut |key, row| {
        let mut at = 0;
        row.each(|event| {
            let is_read = at < skip || event.time < from || to <= event.time;
            if !is_read && *left > 0 {
                each(event)?;
                *left -= 1;
            } else if !is_read {
                stopped.get_or_insert(LogPlace::Sealed(key, at));
            }
            at += 1;
            Ok(())
        })?;
        skip = 0;
        Ok(stopped.is_none())
    })?;
    Ok(stopped.unwrap_or(LogPlace::Open(from.0, -1)))
}

type EachSealed<'a> = dyn FnMut([i64; 3], &SealedVisitor<'_>) -> Result<bool, StoreError> + 'a;

/// Calls back for each row of sealed days that lie in `[from, to)`, in part or whole, with its key
/// (day, visitor, part), from this key on and until it says no.
pub(super) fn each_sealed(
    conn: &Connection,
    site: SiteId,
    (from, to): (Millis, Millis),
    key: [i64; 3],
    each: &mut EachSealed<'_>,
) -> Result<(), StoreError> {
    let Some((first, last)) = days_within(conn, site, from, to)? else { return Ok(()) };
    let [day, visitor, part] = if key[0] < first { [first, -1, -1] } else { key };
    let mut statement = conn.prepare_cached(SEALED_READ_BY)?;
    let mut rows = statement.query((site.0, day, visitor, part, last))?;
    while let Some(row) = rows.next()? {
        let key: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        let events = row.get_ref(5)?.as_bytes().map_err(|e| StoreError::Unreadable(e.to_string()))?;
        let [_, visitor, part] = key;
        let row = SealedVisitor { visitor, part, start: row.get(3)?, client: row.get(4)?, events };
        if !each(key, &row)? {
            break;
        }
    }
    Ok(())
}

/// The first and the last day that share time with `[from, to)`.
fn days_within(
    conn: &Connection,
    site: SiteId,
    from: Millis,
    to: Millis,
) -> Result<Option<(i64, i64)>, StoreError> {
    // Wherever the site is, its days are not further from those of UTC.
    let near = |time: Millis, by: i64| time.0.div_euclid(Millis::DAY) + by;
    let sql = "SELECT min(day), max(day) FROM site_days
               WHERE site = ?1 AND day BETWEEN ?2 AND ?3 AND start < ?4 AND end > ?5";
    let mut statement = conn.prepare_cached(sql)?;
    let of = (site.0, near(from, -2), near(to, 2), ceil_secs(to), from.secs());
    Ok(statement.query_row(of, |row| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?)))?)
}

/// Rows after a time and tie and before a time; where the next piece begins.
fn read_open(
    conn: &Connection,
    site: SiteId,
    (time, tie, to): (i64, i64, Millis),
    left: &mut usize,
    each: &mut EachRow<'_>,
) -> Result<LogPlace, StoreError> {
    let mut statement = conn.prepare_cached(OPEN_READ_BY)?;
    let mut rows = statement.query((site.0, time, tie, to.0))?;
    while let Some(row) = rows.next()? {
        each(&parse(row)?)?;
        *left -= 1;
        if *left == 0 {
            return Ok(LogPlace::Open(row.get(0)?, row.get(1)?));
        }
    }
    Ok(LogPlace::End)
}

/// The rows of `[from, to)` without what no question counts: amounts, and properties unless asked for.
/// They come in the order of their ties, which are not read: a place among those read does as well.
pub(super) fn read_counted(
    conn: &Connection,
    site: SiteId,
    (from, to): (Millis, Millis),
    with_props: bool,
    each: &mut EachRow<'_>,
) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare_cached(if with_props { COUNTED_WITH_PROPS_READ_BY } else { COUNTED_READ_BY })?;
    let mut rows = statement.query((site.0, from.0, to.0))?;
    let mut tie = 0;
    while let Some(row) = rows.next()? {
        let mut props = "";
        if with_props {
            let told = row.get_ref(9)?.as_str_or_null();
            props = told.map_err(|e| StoreError::Unreadable(e.to_string()))?.unwrap_or_default();
        }
        each(&RawRow {
            time: Millis(row.get(0)?),
            tie,
            visitor: row.get::<_, Option<i64>>(1)?.map(|visitor| visitor as u64),
            page: ValueId(row.get(2)?),
            kind: kind_of(row.get(3)?)?,
            client: row.get(4)?,
            source: row.get(5)?,
            name: ValueId(row.get(6)?),
            engaged_ms: row.get(7)?,
            set_aside: row.get::<_, Option<u8>>(8)?.map(reason).transpose()?,
            props,
            amount: None,
            days_late: 0,
        })?;
        tie += 1;
    }
    Ok(())
}

fn ceil_secs(time: Millis) -> i64 {
    time.0.saturating_add(999).div_euclid(1_000)
}

fn parse<'r>(row: &'r Row<'_>) -> Result<RawRow<'r>, StoreError> {
    let currency = ValueId(row.get(9)?);
    let amount: Option<i64> = row.get(10)?;
    let set_aside: Option<u8> = row.get(12)?;
    let props = row.get_ref(11)?.as_str_or_null().map_err(|e| StoreError::Unreadable(e.to_string()))?;
    Ok(RawRow {
        visitor: row.get::<_, Option<i64>>(2)?.map(|visitor| visitor as u64),
        time: Millis(row.get(0)?),
        tie: row.get(1)?,
        kind: kind_of(row.get(4)?)?,
        page: ValueId(row.get(3)?),
        client: row.get(5)?,
        source: row.get(6)?,
        name: ValueId(row.get(7)?),
        engaged_ms: row.get(8)?,
        amount: amount.map(|minor| (currency, minor)),
        props: props.unwrap_or_default(),
        set_aside: set_aside.map(reason).transpose()?,
        days_late: row.get(13)?,
    })
}

impl Interned {
    fn row<'r>(&mut self, conn: &Connection, row: &RawRow<'r>) -> Result<LogRow<'r>, StoreError> {
        Ok(LogRow {
            event: UnitEvent {
                time: row.time,
                tie: row.tie,
                kind: row.kind,
                page: row.page,
                host: self.host(conn, row.page)?,
                client: self.client(conn, row.client)?,
                source: self.source(conn, row.source)?,
                name: row.name,
                engaged_ms: row.engaged_ms,
                amount: row.amount,
            },
            visitor: row.visitor,
            props: row.props,
            set_aside: row.set_aside,
            days_late: row.days_late,
        })
    }
}

pub(super) fn reason(code: u8) -> Result<Reason, StoreError> {
    Reason::from_code(code).ok_or_else(|| StoreError::Unreadable(format!("reason {code}")))
}
