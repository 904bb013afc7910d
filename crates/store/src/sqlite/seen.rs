//! Ids of events that came lately, to know a second delivery by.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use weir_event::{EventId, Millis, SiteId};
use weir_fault::Mistake;

use super::batch::Batch;
use super::books::count;
use super::held::held;
use crate::{SeenIds, StoreError};

/// When an id was received that is not to be forgotten.
pub(super) const PINNED: i64 = i64::MAX;

const HOUR_SECS: i64 = 3_600;

/// What a batch does about old ids.
#[derive(Debug, Clone, Copy)]
pub struct Forget {
    /// Ids received before are not needed.
    pub before: Millis,
    /// More than so many are not kept, whatever their age.
    pub ids_max: u64,
    /// Ids looked at, so that no commit gets long; four times as many while there are too many.
    pub looks: usize,
}

type SeenPlace = (u32, [u8; 16]);

fn place_of(row: &Row<'_>) -> rusqlite::Result<SeenPlace> {
    Ok((row.get(0)?, row.get(1)?))
}

/// What a look at some ids found. Ids begin with their time, so old ones lie side by side and leave in
/// long runs.
#[derive(Default)]
struct Look {
    /// Where it ended; `None` behind the end of the table.
    end: Option<SeenPlace>,
    /// Whether it came to the end of the table.
    is_last: bool,
    /// First and last of neighbours that are all old.
    runs: Vec<(SeenPlace, SeenPlace)>,
    is_in_run: bool,
    /// How many are old, by hour of receipt.
    hours: BTreeMap<i64, i64>,
}

impl Look {
    fn add(&mut self, place: SeenPlace, old_of_hour: Option<i64>) {
        self.end = Some(place);
        let Some(hour) = old_of_hour else {
            self.is_in_run = false;
            return;
        };
        *self.hours.entry(hour).or_default() += 1;
        match self.runs.last_mut().filter(|_| self.is_in_run) {
            Some(run) => run.1 = place,
            None => self.runs.push((place, place)),
        }
        self.is_in_run = true;
    }
}

impl Batch<'_> {
    /// Remembers an event's id; false where it is known already: a duplicate.
    pub fn remember(&mut self, site: SiteId, id: EventId, received: Millis) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO seen_ids (site, id, received) VALUES (?1, ?2, ?3)";
        let secs = received.secs();
        let is_new = held(&mut self.held.remember, self.conn, sql)?.execute((site.0, id.0, secs))? == 1;
        if is_new {
            *self.seen.entry(secs.div_euclid(HOUR_SECS)).or_default() += 1;
        }
        if weir_fault::is_planted(Mistake::RemembersApart) {
            self.tx.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
        }
        Ok(is_new)
    }

    /// The id of a dead row stays until somebody decides about the row.
    pub(super) fn pin_id(&mut self, site: SiteId, id: EventId) -> Result<(), StoreError> {
        self.set_received(site, id, PINNED)
    }

    pub(super) fn unpin_id(&mut self, site: SiteId, id: EventId, received: Millis) -> Result<(), StoreError> {
        self.set_received(site, id, received.secs())
    }

    fn set_received(&mut self, site: SiteId, id: EventId, secs: i64) -> Result<(), StoreError> {
        let find = "SELECT received FROM seen_ids WHERE site = ?1 AND id = ?2";
        let before: Option<i64> =
            self.tx.prepare_cached(find)?.query_row((site.0, id.0), |row| row.get(0)).optional()?;
        let set = "INSERT INTO seen_ids (site, id, received) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET received = excluded.received";
        self.tx.prepare_cached(set)?.execute((site.0, id.0, secs))?;
        for (at, n) in before.map(|at| (at, -1)).into_iter().chain([(secs, 1)]) {
            if at != PINNED {
                *self.seen.entry(at.div_euclid(HOUR_SECS)).or_default() += n;
            }
        }
        Ok(())
    }

    /// Forgets old ids among the next few in the order of the table, and goes on there the next
    /// time. Where too many are held, the oldest hours go before their time.
    pub fn forget_ids(&mut self, asked: Forget) -> Result<usize, StoreError> {
        self.write_seen_hours()?;
        let held = read_seen(&self.tx, asked.ids_max)?;
        let before = asked.before.secs().max(held.since.map_or(i64::MIN, Millis::secs));
        let oldest = "SELECT min(hour) FROM seen_hours";
        let oldest: Option<i64> = self.tx.prepare_cached(oldest)?.query_row([], |row| row.get(0))?;
        if oldest.is_none_or(|hour| hour.saturating_mul(HOUR_SECS) >= before) {
            return Ok(0);
        }
        let looks = if held.since.is_some() { asked.looks.saturating_mul(4) } else { asked.looks };
        let look = self.look(looks, before)?;
        let Some((site, id)) = look.end.filter(|_| !look.is_last) else {
            self.tx.execute("DELETE FROM seen_place", [])?;
            return self.forget_runs(look);
        };
        let moved = "INSERT INTO seen_place (one, site, id) VALUES (1, ?1, ?2)
                     ON CONFLICT DO UPDATE SET site = excluded.site, id = excluded.id";
        self.tx.prepare_cached(moved)?.execute((site, id))?;
        self.forget_runs(look)
    }

    /// Looks at so many ids past the place where the last look ended.
    fn look(&self, looks: usize, before: i64) -> Result<Look, StoreError> {
        let place = self.tx.prepare_cached("SELECT site, id FROM seen_place")?.query_row([], place_of);
        let (site, id) = place.optional()?.map_or((0, Vec::new()), |(site, id)| (site, id.to_vec()));
        let mut next = self.tx.prepare_cached(
            "SELECT site, id, received FROM seen_ids WHERE (site, id) > (?1, ?2) ORDER BY site, id LIMIT ?3",
        )?;
        let looks = i64::try_from(looks).unwrap_or(i64::MAX);
        let mut rows = next.query(params![site, id, looks])?;
        let mut look = Look::default();
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            let (place, received): (SeenPlace, i64) = (place_of(row)?, row.get(2)?);
            look.add(place, (received < before).then_some(received.div_euclid(HOUR_SECS)));
            seen += 1;
        }
        // New ids lie behind all others: whoever waited for an empty look would only ever see those.
        look.is_last = seen < looks;
        Ok(look)
    }

    fn forget_runs(&mut self, look: Look) -> Result<usize, StoreError> {
        let mut delete = self
            .tx
            .prepare_cached("DELETE FROM seen_ids WHERE (site, id) >= (?1, ?2) AND (site, id) <= (?3, ?4)")?;
        let mut forgotten = 0;
        for ((site, id), (last_site, last_id)) in look.runs {
            forgotten += delete.execute(params![site, id, last_site, last_id])?;
        }
        for (hour, n) in look.hours {
            *self.seen.entry(hour).or_default() -= n;
        }
        Ok(forgotten)
    }

    /// Forgets so many ids of a site; how many there were.
    pub(super) fn forget_site_ids(&mut self, site: SiteId, max: usize) -> Result<usize, StoreError> {
        let some = "(SELECT id FROM seen_ids WHERE site = ?1 LIMIT ?2)";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT received / {HOUR_SECS}, count(*) FROM seen_ids
                 WHERE site = ?1 AND received < ?3 AND id IN {some} GROUP BY 1"
        );
        let mut hours = self.tx.prepare_cached(&sql)?;
        let mut found = hours.query(params![site.0, max, PINNED])?;
        while let Some(row) = found.next()? {
            *self.seen.entry(row.get(0)?).or_default() -= row.get::<_, i64>(1)?;
        }
        drop(found);
        drop(hours);
        let sql = format!("DELETE FROM seen_ids WHERE site = ?1 AND id IN {some}");
        Ok(self.tx.prepare_cached(&sql)?.execute((site.0, max))?)
    }

    /// To be called before the batch is committed.
    pub(super) fn write_seen_hours(&mut self) -> Result<(), StoreError> {
        let add =
            "INSERT INTO seen_hours (hour, n) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n";
        let mut add = self.tx.prepare_cached(add)?;
        let mut drop_empty = self.tx.prepare_cached("DELETE FROM seen_hours WHERE hour = ?1 AND n <= 0")?;
        for (hour, n) in std::mem::take(&mut self.seen) {
            add.execute((hour, n))?;
            drop_empty.execute((hour,))?;
        }
        Ok(())
    }
}

impl SeenIds {
    /// Whole hours from the newest back, as many as fit.
    fn of(hours_newest_first: impl Iterator<Item = (i64, u64)>, ids_max: u64) -> Self {
        let mut seen = Self::default();
        for (hour, n) in hours_newest_first {
            seen.ids += n;
            if seen.ids > ids_max && seen.since.is_none() {
                seen.since = Some(Millis::from_secs((hour + 1) * HOUR_SECS));
            }
        }
        seen
    }
}

pub(super) fn read_seen(conn: &Connection, ids_max: u64) -> Result<SeenIds, StoreError> {
    let mut select = conn.prepare_cached("SELECT hour, n FROM seen_hours ORDER BY hour DESC")?;
    let hours = select.query_map([], |row| Ok((row.get(0)?, count(row.get(1)?))))?;
    let hours = hours.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(SeenIds::of(hours.into_iter(), ids_max))
}
