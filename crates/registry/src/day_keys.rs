use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use weir_event::limits::{DAY_KEY_GRACE_MS, EVENT_AHEAD_MS_MAX};
use weir_event::{LocalDay, Millis, SiteId, VisitorId};

use crate::key_file::{Key, KeyFile, Keys};
use crate::{RegistryError, Site, Snapshot};

/// How long no further attempt is made after the file could not be written: else every event that
/// waits for a key would make one.
const PAUSE_MS: i64 = Millis::SECOND;

/// The day keys: made when a site's day begins or a minute before, on disk before the first visitor
/// id is given out under them, destroyed an hour after the day ended.
pub(crate) struct DayKeys {
    /// Holds no key that is not in the file: a crash would make two visitors of one.
    keys: RwLock<Keys>,
    keeper: Mutex<Keeper>,
}

struct Keeper {
    file: KeyFile,
    failed: Option<Millis>,
}

impl DayKeys {
    pub(crate) fn open(folder: &Path, now: Millis, sites: &[Arc<Site>]) -> Result<Self, RegistryError> {
        let file = KeyFile::new(folder);
        let keys = file.read()?;
        let keeper = Mutex::new(Keeper { file, failed: None });
        let day_keys = Self { keys: RwLock::new(keys), keeper };
        day_keys.tend(now, sites)?;
        Ok(day_keys)
    }

    /// Makes the keys that are due, for all sites in one writing, and destroys those whose time is
    /// over or whose site is gone.
    pub(crate) fn tend(&self, now: Millis, sites: &[Arc<Site>]) -> Result<(), RegistryError> {
        self.renew(&mut self.keeper(), now, sites.iter().map(|site| &**site), None)
    }

    pub(crate) fn visitor_id(
        &self,
        site: &Site,
        day: LocalDay,
        now: Millis,
        ip: IpAddr,
        user_agent: &str,
        sites: impl FnOnce() -> Arc<Snapshot>,
    ) -> Option<VisitorId> {
        // Asked of the clock and not of the map: a key that still waits to be destroyed is gone.
        if !is_usable(site, day, now) {
            return None;
        }
        let key = self.key(site.id, day).or_else(|| self.make(site, day, now, &sites()))?;
        Some(visitor_id(&key, site.id, ip, user_agent))
    }

    fn key(&self, site: SiteId, day: LocalDay) -> Option<Key> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&(site, day)).copied()
    }

    /// The first event of a day that nobody tended, or of a site that was just added.
    fn make(&self, site: &Site, day: LocalDay, now: Millis, snapshot: &Snapshot) -> Option<Key> {
        let mut keeper = self.keeper();
        if let Some(key) = self.key(site.id, day) {
            return Some(key);
        }
        if keeper.failed.is_some_and(|failed| (now - failed).abs() < PAUSE_MS) {
            return None;
        }
        let others = snapshot.sites().iter().map(|other| &**other).filter(|other| other.id != site.id);
        let all = others.chain(std::iter::once(site));
        let renewed = self.renew(&mut keeper, now, all, Some((site.id, day)));
        keeper.failed = renewed.is_err().then_some(now);
        if let Err(error) = renewed {
            // Not the caller's to handle: its event counts without a visitor, as late ones do.
            tracing::error!(%error, "the day keys can't be kept: events count without visitors");
        }
        self.key(site.id, day)
    }

    fn renew<'a>(
        &self,
        keeper: &mut Keeper,
        now: Millis,
        sites: impl Iterator<Item = &'a Site>,
        asked: Option<(SiteId, LocalDay)>,
    ) -> Result<(), RegistryError> {
        let old = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let new = renewed(&old, now, sites, asked)?;
        if new != old {
            keeper.file.write(&new)?;
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
        Ok(())
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether ids of `day` may be made at `now`: today; yesterday for an hour; tomorrow, for events of
/// clocks that run ahead, in the last minute before it.
fn is_usable(site: &Site, day: LocalDay, now: Millis) -> bool {
    let today = site.day_of(now);
    day == today
        || day.next() == today && now - site.start_of(today) < DAY_KEY_GRACE_MS
        || day == today.next() && site.start_of(day) - now <= EVENT_AHEAD_MS_MAX
}

/// The keys that may exist at `now`: the old ones among them, new ones for the days that run or are
/// about to, and for what was `asked`.
fn renewed<'a>(
    old: &Keys,
    now: Millis,
    sites: impl Iterator<Item = &'a Site>,
    asked: Option<(SiteId, LocalDay)>,
) -> Result<Keys, RegistryError> {
    let mut keys = Keys::new();
    for site in sites {
        let today = site.day_of(now);
        for day in [today.previous(), today, today.next()] {
            let of = (site.id, day);
            if !is_usable(site, day, now) {
                continue;
            }
            if let Some(key) = old.get(&of) {
                keys.insert(of, *key);
            } else if day >= today || asked == Some(of) {
                let mut key = [0; 32];
                getrandom::fill(&mut key)?;
                keys.insert(of, Key(key));
            }
        }
    }
    Ok(keys)
}

/// Each part follows its length, so that no two visitors' parts run together into the same bytes.
fn visitor_id(key: &Key, site: SiteId, ip: IpAddr, user_agent: &str) -> VisitorId {
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(&site.0.to_le_bytes());
    // One visitor, whichever way a socket writes an IPv4 address.
    match ip.to_canonical() {
        IpAddr::V4(ip) => add(&ip.octets()),
        IpAddr::V6(ip) => add(&ip.octets()),
    }
    add(user_agent.as_bytes());
    let mut id = [0; 8];
    hasher.finalize_xof().fill(&mut id);
    VisitorId(u64::from_le_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_run_together_into_the_same_bytes_are_different_visitors() {
        let key = Key([7; 32]);
        let id = |site: u32, ip: &str, agent: &str| {
            visitor_id(&key, SiteId(site), ip.parse().expect("an address"), agent)
        };
        // 192.0.2.7 followed by "abcdefghijkl" are the bytes of this IPv6 address.
        let (short, long) = ("192.0.2.7", "c000:207:6162:6364:6566:6768:696a:6b6c");
        assert_ne!(id(1, short, "abcdefghijkl and more"), id(1, long, " and more"));
        assert_ne!(id(1, short, "a"), id(2, short, "a"), "the site counts by itself, too");
        assert_eq!(id(1, short, "a"), id(1, short, "a"));
    }
}
