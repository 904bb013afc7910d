//! What is done to a folder while no server runs.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use weir_event::{Clock, Control, Event, Kind, Millis, SiteId, SystemClock, VisitorId, Zone, limits};
use weir_queue::{Entry, Queue, QueueOptions, append_control_beside};
use weir_registry::{Counting, Registry};
use weir_testkit::{event_id, page_view};

use super::known::{Known, KnownEvent, SITES, Site};
use super::plan::{Furnish, PAST_CYCLES};
use super::swap::Swaps;
use super::wishes::Wishes;
use crate::Dice;

/// Receipt times that one cycle of the past goes on.
const PAST_STEP_MS: i64 = 5 * Millis::DAY;

/// The past ends this long ago: days between it and now stay empty.
const PAST_END_MS: i64 = 2 * Millis::DAY;

const PAST_EVENTS: i64 = 60;

/// A resent event follows the first after at most so many others: within the time that ids are
/// remembered.
const PAST_AGAIN_AFTER: usize = 12;

const GUEST_EVENTS: u64 = 6;

/// Numbers of guests' events: far from those of the others.
const GUEST_IDS: u64 = 1 << 40;

/// A folder's furniture, and what was put there.
pub(super) struct Furniture {
    pub sites: Vec<Site>,
    pub guest: Option<(SiteId, String)>,
    pub removed: Vec<SiteId>,
    /// Rows that no program can read, but for those that were lost with a queue file.
    pub damaged: u64,
    pub wishes: Wishes,
    pub swaps: Swaps,
    received: Millis,
    guests: u64,
}

impl Furniture {
    pub fn new(data: &Path) -> anyhow::Result<Self> {
        let registry = registry(data)?;
        let add = |(domain, zone): (&'static str, &str)| {
            let zone: Zone = zone.parse()?;
            let id = registry.add_site(domain, &zone)?.id;
            Ok(Site { id, domain, zone })
        };
        let sites = SITES.into_iter().map(add).collect::<anyhow::Result<_>>()?;
        let past_cycles = i64::try_from(PAST_CYCLES).unwrap_or(i64::MAX);
        let received = SystemClock.now() - PAST_END_MS - PAST_STEP_MS * past_cycles;
        let (wishes, swaps) = (Wishes::default(), Swaps::default());
        Ok(Self { sites, guest: None, removed: Vec::new(), damaged: 0, wishes, swaps, received, guests: 0 })
    }

    pub fn put(&mut self, data: &Path, what: Furnish, known: &mut Known, seed: u64) -> anyhow::Result<()> {
        if self.swaps.is_missing {
            // As the server that did not live long enough would have made it.
            append(data, Vec::new())?;
            self.swaps.is_missing = false;
        }
        match what {
            Furnish::Past => self.past(data, known, &mut Dice::new(seed)),
            Furnish::AddGuest => self.add_guest(data),
            Furnish::RemoveGuest => self.remove_guest(data),
            Furnish::DamagedRow => self.damaged_row(data),
            Furnish::OldFold => old_fold(data),
            Furnish::Refold => self.refold(data, &mut Dice::new(seed)),
            Furnish::DeadWishes => self.dead_wishes(data, known, &mut Dice::new(seed)),
            Furnish::CopyQueue => self.swaps.take_copy(data),
            Furnish::LoseQueue => {
                let gone = self.swaps.lose(data, known)?;
                self.damaged_gone(gone)
            }
            Furnish::PutOldQueue => {
                let gone = self.swaps.replace(data, known)?;
                self.damaged_gone(gone)
            }
        }
    }

    /// Events as the edge would have entered them then.
    fn past(&mut self, data: &Path, known: &mut Known, dice: &mut Dice) -> anyhow::Result<()> {
        let first = known.events.len();
        let mut entries = Vec::new();
        for _ in 0..PAST_EVENTS {
            self.received = self.received + PAST_STEP_MS / PAST_EVENTS;
            let number = known.make(dice, self.received, true);
            entries.push(self.entry(number, &known.events[number]));
            if dice.one_in(6) {
                let again = number - dice.index(PAST_AGAIN_AFTER.min(number - first + 1));
                entries.push(self.entry(again, &known.events[again]));
            }
        }
        append(data, entries)?;
        let numbers: Vec<usize> = (first..known.events.len()).collect();
        known.acknowledge(&numbers);
        Ok(())
    }

    fn entry(&self, number: usize, event: &KnownEvent) -> Entry {
        Entry::Event(Box::new(admitted(&self.sites[event.site], (number, event), self.received)))
    }

    fn add_guest(&mut self, data: &Path) -> anyhow::Result<()> {
        let domain = format!("guest-{}.example", self.guests);
        let id = registry(data)?.add_site(&domain, &Zone::utc())?.id;
        let first = GUEST_IDS + self.guests * GUEST_EVENTS;
        let event = |n| page_view(n, id, n, SystemClock.now());
        let entries = (first..first + GUEST_EVENTS).map(|n| Entry::Event(Box::new(event(n))));
        append(data, entries.collect())?;
        self.guests += 1;
        self.guest = Some((id, domain));
        Ok(())
    }

    /// As the command does.
    fn remove_guest(&mut self, data: &Path) -> anyhow::Result<()> {
        let (id, domain) = self.guest.take().context("there is no guest to remove")?;
        registry(data)?.remove_site(&domain)?;
        append_control_beside(&data.join("queue.db"), Control::RemoveSite(id))?;
        self.removed.push(id);
        Ok(())
    }

    /// As an operator changes what a visit is and whether bots count.
    fn refold(&self, data: &Path, dice: &mut Dice) -> anyhow::Result<()> {
        let site = &self.sites[dice.index(self.sites.len())];
        let visit_timeout_secs = limits::VISIT_TIMEOUT_SECS / (1 + i64::from(dice.flip()));
        let counting = Counting { visit_timeout_secs, counts_bots: dice.flip() };
        registry(data)?.set_counting(site.domain, counting)?;
        append_control_beside(&data.join("queue.db"), Control::Refold(site.id))?;
        Ok(())
    }

    fn dead_wishes(&mut self, data: &Path, known: &mut Known, dice: &mut Dice) -> anyhow::Result<()> {
        let sites = &self.sites;
        self.wishes.make(data, &mut dice.clone(), |line| {
            let number = known.make_now(dice, SystemClock.now());
            let event = &known.events[number];
            let received_day = line.received_day;
            Event { received_day, ..admitted(&sites[event.site], (number, event), event.time) }
        })
    }

    fn damaged_gone(&mut self, gone: i64) -> anyhow::Result<()> {
        let left = self.damaged.checked_add_signed(-gone);
        self.damaged = left.context("more damaged rows are gone than there were")?;
        Ok(())
    }

    /// As a disk may damage it, or a newer program write it. In a file that has taken nothing yet there
    /// is nothing to damage.
    fn damaged_row(&mut self, data: &Path) -> anyhow::Result<()> {
        let conn = open_untouched(&data.join("queue.db"))?;
        if !conn.query_row("SELECT EXISTS (SELECT 1 FROM openings)", (), |row| row.get::<_, bool>(0))? {
            return Ok(());
        }
        let site = &self.sites[0];
        let day = site.zone.day_of(SystemClock.now());
        conn.execute(
            "INSERT INTO ingested_events (site, day, kind, body) VALUES (?1, ?2, 0, x'ff00')",
            (site.id.0, day.0),
        )?;
        conn.execute(
            "INSERT INTO received (opening, site, day, n) SELECT max(n), ?1, ?2, 1 FROM openings WHERE true
             ON CONFLICT DO UPDATE SET n = n + 1",
            (site.id.0, day.0),
        )?;
        self.damaged += 1;
        Ok(())
    }
}

/// An event as the edge enters it.
fn admitted(site: &Site, (number, event): (usize, &KnownEvent), received: Millis) -> Event {
    let day = site.zone.day_of(event.time);
    let key_is_gone = received > site.zone.frame(day).end + limits::DAY_KEY_GRACE_MS;
    Event {
        id: event_id(number as u64),
        received,
        received_day: site.zone.day_of(received),
        time: event.time,
        day,
        visitor: (!key_is_gone).then_some(VisitorId(event.visitor)),
        kind: if event.is_custom { Kind::Custom } else { Kind::PageView },
        host: site.domain.to_owned(),
        path: format!("/p/{}", event.path),
        webdriver: event.is_bot,
        name: if event.is_custom { "signup".to_owned() } else { String::new() },
        props: format!("{{\"n\":{number}}}"),
        ..page_view(0, site.id, 0, event.time)
    }
}

fn old_fold(data: &Path) -> anyhow::Result<()> {
    open_untouched(&data.join("weir.db"))?
        .execute("UPDATE site_days SET fold_version = 0 WHERE state = 0", ())?;
    Ok(())
}

fn registry(data: &Path) -> anyhow::Result<Registry> {
    Ok(Registry::open_beside(data, Arc::new(SystemClock))?)
}

fn append(data: &Path, entries: Vec<Entry>) -> anyhow::Result<()> {
    let queue = Queue::open(
        &data.join("queue.db"),
        QueueOptions { disk_reserve_bytes: 0, ..QueueOptions::default() },
    )?;
    if !entries.is_empty() {
        queue.append_blocking(entries)?;
    }
    queue.close();
    Ok(())
}

/// A connection that leaves the WAL as it is when it closes: what a kill left behind is for the
/// server to recover.
pub(super) fn open_untouched(path: &Path) -> anyhow::Result<Connection> {
    let shown = || format!("can't open {}", path.display());
    let conn = Connection::open(path).with_context(shown)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // The WAL is not opened before something is read.
    conn.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0))
        .with_context(shown)?;
    Ok(conn)
}
