use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use rusqlite::{Row, Transaction, params};
use weir_event::limits::{REFUSALS_HELD_MAX, REFUSALS_KEPT_DAYS, UNKNOWN_HOST_KEPT_MS, UNKNOWN_HOSTS_MAX};
use weir_event::{LocalDay, Millis, Reason, SiteId, Zone};

use crate::{Registry, RegistryError, normalise_host};

/// How many events were refused before the queue. Best effort: what a crash leaves uncounted was
/// never acknowledged to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// `None` where no site could be found.
    pub site: Option<SiteId>,
    pub day: LocalDay,
    pub reason: Reason,
    pub n: u64,
}

/// How many events trackers could not deliver and gave up, as they say themselves. Best effort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// `None` where no site could be found.
    pub site: Option<SiteId>,
    /// The local day on which it was told.
    pub day: LocalDay,
    pub n: u64,
}

/// A host that sent events and that no site has: perhaps one that was meant to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownHost {
    pub host: String,
    pub n: u64,
    pub last_seen: Millis,
}

/// What was counted since it was last written.
#[derive(Default)]
pub(crate) struct Counts {
    refusals: HashMap<(Option<SiteId>, LocalDay, Reason), u64>,
    given_up: HashMap<(Option<SiteId>, LocalDay), u64>,
    hosts: HashMap<String, (u64, Millis)>,
}

impl Registry {
    /// Counts `n` refused events, in memory until [`Self::flush_counts`].
    pub fn count_refusals(&self, site: Option<SiteId>, day: LocalDay, reason: Reason, n: u64) {
        self.counts().add_refusals(site, day, reason, n);
    }

    /// Counts `n` events that a tracker gave up, in memory until [`Self::flush_counts`].
    pub fn count_given_up(&self, site: Option<SiteId>, day: LocalDay, n: u64) {
        self.counts().add_given_up(site, day, n);
    }

    /// Notes a host that no site has, in memory until [`Self::flush_counts`]. What is no host is not
    /// noted.
    pub fn unknown_host(&self, host: &str) {
        if let Some(host) = normalise_host(host) {
            let now = self.now();
            self.counts().add_host(host, 1, now);
        }
    }

    /// Writes what was counted. Meant to be called every few seconds; costs nothing when nothing was.
    ///
    /// # Errors
    /// What the database reports; the counts stay in memory for the next call.
    pub fn flush_counts(&self) -> Result<(), RegistryError> {
        let counts = std::mem::take(&mut *self.counts());
        if counts.refusals.is_empty() && counts.given_up.is_empty() && counts.hosts.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let written = self.write(|tx| Ok(counts.write(tx, now)?));
        if written.is_err() {
            self.counts().add_all(counts);
        }
        written
    }

    /// By day, site and reason; with what is not yet written.
    ///
    /// # Errors
    /// What the database reports.
    pub fn refusals(&self) -> Result<Vec<Refusals>, RegistryError> {
        let mut all = self.counts().refusals.clone();
        let reader = self.reader()?;
        let mut statement = reader.prepare_cached("SELECT day, site, reason, n FROM refusals")?;
        for row in statement.query_map([], read)? {
            let Some(Refusals { site, day, reason, n }) = row? else { continue };
            *all.entry((site, day, reason)).or_default() += n;
        }
        let mut all: Vec<_> =
            all.into_iter().map(|((site, day, reason), n)| Refusals { site, day, reason, n }).collect();
        all.sort_by_key(|r| (r.day, r.site, r.reason));
        Ok(all)
    }

    /// By day and site; with what is not yet written.
    ///
    /// # Errors
    /// What the database reports.
    pub fn given_up(&self) -> Result<Vec<GivenUp>, RegistryError> {
        let mut all = self.counts().given_up.clone();
        let reader = self.reader()?;
        let mut statement = reader.prepare_cached("SELECT day, site, n FROM given_up")?;
        let rows = statement.query_map([], |row| {
            let site: u32 = row.get(1)?;
            Ok((LocalDay(row.get(0)?), (site != 0).then_some(SiteId(site)), number(row, 2)?))
        })?;
        for row in rows {
            let (day, site, n) = row?;
            *all.entry((site, day)).or_default() += n;
        }
        let mut all: Vec<_> = all.into_iter().map(|((site, day), n)| GivenUp { site, day, n }).collect();
        all.sort_by_key(|given_up| (given_up.day, given_up.site));
        Ok(all)
    }

    /// The hosts that no site has by now, most events first; with what is not yet written.
    ///
    /// # Errors
    /// What the database reports.
    pub fn unknown_hosts(&self) -> Result<Vec<UnknownHost>, RegistryError> {
        let mut all = self.counts().hosts.clone();
        let reader = self.reader()?;
        let mut statement = reader.prepare_cached("SELECT host, n, last_seen FROM unknown_hosts")?;
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, (number(row, 1)?, Millis(row.get(2)?)))))?;
        for row in rows {
            let (host, (n, seen)) = row?;
            merge(all.entry(host).or_insert((0, seen)), n, seen);
        }
        let snapshot = self.snapshot();
        let mut hosts: Vec<_> = all
            .into_iter()
            .filter(|(host, _)| snapshot.site_for_host(host).is_none())
            .map(|(host, (n, last_seen))| UnknownHost { host, n, last_seen })
            .collect();
        hosts.sort_by(|a, b| (b.n, b.last_seen, &a.host).cmp(&(a.n, a.last_seen, &b.host)));
        hosts.truncate(UNKNOWN_HOSTS_MAX);
        Ok(hosts)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.parts().counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add_refusals(&mut self, site: Option<SiteId>, day: LocalDay, reason: Reason, n: u64) {
        let key = (site, day, reason);
        if self.refusals.len() < REFUSALS_HELD_MAX || self.refusals.contains_key(&key) {
            let sum = self.refusals.entry(key).or_default();
            *sum = sum.saturating_add(n);
        }
    }

    fn add_given_up(&mut self, site: Option<SiteId>, day: LocalDay, n: u64) {
        let key = (site, day);
        if n > 0 && (self.given_up.len() < REFUSALS_HELD_MAX || self.given_up.contains_key(&key)) {
            let sum = self.given_up.entry(key).or_default();
            *sum = sum.saturating_add(n);
        }
    }

    fn add_host(&mut self, host: String, n: u64, seen: Millis) {
        if self.hosts.len() < UNKNOWN_HOSTS_MAX || self.hosts.contains_key(&host) {
            merge(self.hosts.entry(host).or_insert((0, seen)), n, seen);
        }
    }

    fn add_all(&mut self, other: Self) {
        for ((site, day, reason), n) in other.refusals {
            self.add_refusals(site, day, reason, n);
        }
        for ((site, day), n) in other.given_up {
            self.add_given_up(site, day, n);
        }
        for (host, (n, seen)) in other.hosts {
            self.add_host(host, n, seen);
        }
    }

    fn write(&self, tx: &Transaction<'_>, now: Millis) -> rusqlite::Result<()> {
        // A site that was removed meanwhile gets no rows.
        let mut add = tx.prepare_cached(
            "INSERT INTO refusals (day, site, reason, n)
             SELECT ?1, ?2, ?3, ?4 WHERE ?2 = 0 OR EXISTS (SELECT 1 FROM sites WHERE id = ?2)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for ((site, day, reason), n) in &self.refusals {
            add.execute(params![day.0, site.map_or(0, |site| site.0), reason.code(), n.cast_signed()])?;
        }
        let mut add = tx.prepare_cached(
            "INSERT INTO given_up (day, site, n)
             SELECT ?1, ?2, ?3 WHERE ?2 = 0 OR EXISTS (SELECT 1 FROM sites WHERE id = ?2)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for ((site, day), n) in &self.given_up {
            add.execute(params![day.0, site.map_or(0, |site| site.0), n.cast_signed()])?;
        }
        let mut add = tx.prepare_cached(
            "INSERT INTO unknown_hosts (host, n, last_seen) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET n = n + excluded.n, last_seen = max(last_seen, excluded.last_seen)",
        )?;
        for (host, (n, seen)) in &self.hosts {
            add.execute(params![host, n.cast_signed(), seen.0])?;
        }
        forget_old(tx, now)
    }
}

/// Keeps the tables bounded: so many days, and the hosts that sent most, lately.
fn forget_old(tx: &Transaction<'_>, now: Millis) -> rusqlite::Result<()> {
    let first_day = Zone::utc().day_of(now).0 - REFUSALS_KEPT_DAYS;
    tx.execute("DELETE FROM refusals WHERE day < ?1", [first_day])?;
    tx.execute("DELETE FROM given_up WHERE day < ?1", [first_day])?;
    tx.execute("DELETE FROM unknown_hosts WHERE last_seen < ?1", [(now - UNKNOWN_HOST_KEPT_MS).0])?;
    tx.execute(
        "DELETE FROM unknown_hosts WHERE host NOT IN (
             SELECT host FROM unknown_hosts ORDER BY n DESC, last_seen DESC, host LIMIT ?1)",
        [UNKNOWN_HOSTS_MAX as i64],
    )?;
    Ok(())
}

fn merge((sum, last): &mut (u64, Millis), n: u64, seen: Millis) {
    *sum = sum.saturating_add(n);
    *last = (*last).max(seen);
}

/// `None` for a reason that a newer program wrote.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Refusals>> {
    let (day, site, code): (_, u32, _) = (LocalDay(row.get(0)?), row.get(1)?, row.get(2)?);
    let n = number(row, 3)?;
    let site = (site != 0).then_some(SiteId(site));
    Ok(Reason::from_code(code).map(|reason| Refusals { site, day, reason, n }))
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}
