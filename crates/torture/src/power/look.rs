//! What is there, compared with what the senders know.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use weir_event::{Grain, Kind, LocalDay, Millis, QueueBooks, Reason, SiteId};
use weir_processor::verify;
use weir_queue::QueueError;
use weir_rollups::Table;
use weir_sqlite::open_reader;
use weir_store::{BookEntry, DayState, Reading, SiteDay, StoreBooks, StoreError};

use super::known::{Expected, Known};
use super::parts::Parts;
use super::plan::{REMOVED, SITES, number_of};

/// Set-aside events are kept for a day after their day's end.
const SET_ASIDE_MS: i64 = Millis::DAY;

/// An event as the log has it.
struct Logged {
    times: u32,
    page: String,
    set_aside: Option<Reason>,
}

/// The store as one reading sees it.
struct Held {
    books: StoreBooks,
    log: BTreeMap<u64, Logged>,
    days: BTreeMap<(SiteId, LocalDay), SiteDay>,
    views: BTreeMap<(SiteId, LocalDay), i64>,
    /// Sites that hold any day.
    sites: Vec<SiteId>,
}

/// Whether the files are sound, to be looked at before anything is written after a cut; empty is
/// good.
pub(super) fn look_at_files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    for file in ["queue.db", "weir.db"] {
        check_sound(&folder.join(file), &mut told)?;
    }
    Ok(told)
}

/// Whether every row of every statistic is what the log says; empty is good.
pub(super) fn look_at_statistics(parts: &Parts, known: &Known) -> anyhow::Result<Vec<String>> {
    // With the queue's file goes a wish that was half carried out; until it is repeated, a part of
    // the removed site is left.
    let half_removed = known.queue_lost && known.site_removed && !known.removal_acknowledged;
    let sites: &[SiteId] = if half_removed { &[SiteId(1), SiteId(2)] } else { &[] };
    let verified = verify(&parts.reader, sites, &mut |_, _| {}).context("the store can't be verified")?;
    let differ =
        || format!("{} rows differ from the log, first {:?}", verified.different, verified.told.first());
    Ok((!verified.is_equal()).then(differ).into_iter().collect())
}

/// Looks at log, books and what owners see; empty is good. Expects an empty queue.
pub(super) fn look(parts: &mut Parts, known: &Known) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    let held = parts.reader.read(read_held).context("the store can't be read")?;
    check_balance(parts, &held.books, known, &mut told)?;
    let events = known.events();
    check_log(&held, known, &events, &mut told);
    check_distinct(&held, known, &events, &mut told);
    check_views(&held, known, &events, &mut told);
    if known.removal_acknowledged && held.sites.contains(&REMOVED) {
        told.push("something is left of the removed site".to_owned());
    }
    Ok(told)
}

fn check_sound(file: &Path, told: &mut Vec<String>) -> anyhow::Result<()> {
    let conn = open_reader(file, 1024)?;
    let answer: String = conn.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if answer != "ok" {
        told.push(format!("{}: {answer}", file.display()));
    }
    Ok(())
}

fn read_held(reading: &Reading<'_>) -> Result<Held, StoreError> {
    let sites = reading.sites()?;
    let mut held = Held {
        books: reading.ledger()?,
        log: BTreeMap::new(),
        days: BTreeMap::new(),
        views: BTreeMap::new(),
        sites,
    };
    for site in held.sites.clone() {
        for day in reading.site_days(site, LocalDay(i32::MIN), LocalDay(i32::MAX))? {
            held.days.insert((site, day.frame.day), day);
        }
        read_log(reading, site, &mut held)?;
        reading.table(site, Table::Site, Grain::Day, i64::MIN, i64::MAX, &mut |key, counters| {
            let day = LocalDay(i32::try_from(key.bucket).unwrap_or(i32::MAX));
            held.views.insert((site, day), counters.pageviews);
            Ok(())
        })?;
    }
    Ok(held)
}

fn read_log(reading: &Reading<'_>, site: SiteId, held: &mut Held) -> Result<(), StoreError> {
    let mut pages = Vec::new();
    reading.log(site, Millis(0), Millis(i64::MAX / 2), &mut |row| {
        let number = number_of(row.props).unwrap_or(u64::MAX);
        pages.push((number, row.event.page, row.set_aside));
    })?;
    for (number, page, set_aside) in pages {
        let page = reading.text(page)?.to_string();
        let logged = held.log.entry(number).or_insert(Logged { times: 0, page, set_aside });
        logged.times += 1;
    }
    Ok(())
}

/// Per site and local day of receipt: what came in is what became of it.
fn check_balance(
    parts: &mut Parts,
    books: &StoreBooks,
    known: &Known,
    told: &mut Vec<String>,
) -> anyhow::Result<()> {
    let after = |file: &QueueBooks| Ok::<_, QueueError>((Some(books.resume_after(file)), ()));
    let (queue, ()) = parts.queue_reader.books_with(after)?;
    if !queue.pending.is_empty() {
        let n: u64 = queue.pending.values().sum();
        told.push(format!("the queue was drained and {n} events are still in it"));
    }
    let mut days: BTreeMap<(SiteId, LocalDay), (u64, u64)> = BTreeMap::new();
    for (of, n) in books.received(&queue) {
        days.entry((of.site, of.day)).or_default().0 += n;
    }
    for (of, n) in books.lost(&queue) {
        if !known.queue_lost {
            told.push(format!("{n} events of site {} are lost, and no file was", of.site.0));
        }
        days.entry((of.site, of.day)).or_default().1 += n;
    }
    for (site, day, _, n) in &books.entries {
        days.entry((*site, *day)).or_default().1 += n;
    }
    for ((site, day), (received, found)) in days.into_iter().filter(|(_, (a, b))| a != b) {
        told.push(format!("site {} day {}: received {received}, in the books {found}", site.0, day.0));
    }
    Ok(())
}

fn is_looked_at(site: SiteId, known: &Known) -> bool {
    site != REMOVED || !known.site_removed
}

/// Whether an event that is not in the log may have left it: its time is over.
fn may_have_left(held: &Held, expected: &Expected<'_>) -> bool {
    let event = expected.event;
    let Some(day) = held.days.get(&(event.site, event.day)) else { return false };
    let now = held.books.checkpoint.map_or(Millis(0), |checkpoint| checkpoint.received);
    let set_aside_is_over = day.state == DayState::Sealed && now.0 >= day.frame.end.0 + SET_ASIDE_MS;
    day.state == DayState::Frozen || event.webdriver && set_aside_is_over
}

fn check_log(held: &Held, known: &Known, events: &BTreeMap<u64, Expected<'_>>, told: &mut Vec<String>) {
    for (n, expected) in events.iter().filter(|(_, of)| is_looked_at(of.event.site, known)) {
        let event = expected.event;
        match held.log.get(n) {
            None if expected.acknowledged && !may_have_left(held, expected) => {
                told.push(format!("event {n} was acknowledged and is not counted"));
            }
            None => {}
            Some(logged) if logged.times > 1 => {
                told.push(format!("event {n} is there {} times", logged.times))
            }
            Some(logged) => {
                let page = event.page(SITES[event.site.0 as usize - 1].0);
                let set_aside = event.webdriver.then_some(Reason::Bot);
                if logged.page != page || logged.set_aside != set_aside {
                    let (is, aside) = (&logged.page, logged.set_aside);
                    told.push(format!("event {n} of {page} ({set_aside:?}) is logged as {is} ({aside:?})"));
                }
            }
        }
    }
    for n in held.log.keys().filter(|n| !events.contains_key(n)) {
        told.push(format!("event {n} is there and was never sent"));
    }
}

/// How many there may be: those that were acknowledged, up to all that were sent.
#[derive(Default, Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    fn add(&mut self, expected: &Expected<'_>) {
        self.least += i64::from(expected.acknowledged);
        self.most += 1;
    }

    fn check(self, what: &str, n: i64, told: &mut Vec<String>) {
        if n < self.least || n > self.most {
            told.push(format!("{what}: {n} counted, {} to {} are right", self.least, self.most));
        }
    }
}

/// The books tell how many distinct events there are, those that have expired among them.
fn check_distinct(held: &Held, known: &Known, events: &BTreeMap<u64, Expected<'_>>, told: &mut Vec<String>) {
    let mut sites: BTreeMap<SiteId, (Bounds, i64)> = BTreeMap::new();
    for expected in events.values() {
        sites.entry(expected.event.site).or_default().0.add(expected);
    }
    for (site, _, entry, n) in &held.books.entries {
        let counts = matches!(entry, BookEntry::Stored | BookEntry::Expired | BookEntry::SetAside(_));
        if counts {
            sites.entry(*site).or_default().1 += i64::try_from(*n).unwrap_or(i64::MAX);
        }
    }
    for (site, (bounds, n)) in sites.into_iter().filter(|(site, _)| is_looked_at(*site, known)) {
        bounds.check(&format!("events in the books of site {}", site.0), n, told);
    }
}

/// What the owner of a site sees, also of days whose events have expired.
fn check_views(held: &Held, known: &Known, events: &BTreeMap<u64, Expected<'_>>, told: &mut Vec<String>) {
    let mut days: BTreeMap<(SiteId, LocalDay), Bounds> = BTreeMap::new();
    for expected in events.values() {
        let event = expected.event;
        if event.kind == Kind::PageView && !event.webdriver {
            days.entry((event.site, event.day)).or_default().add(expected);
        }
    }
    for key in held.views.keys() {
        days.entry(*key).or_default();
    }
    for ((site, day), bounds) in days.into_iter().filter(|((site, _), _)| is_looked_at(*site, known)) {
        let views = held.views.get(&(site, day)).copied().unwrap_or(0);
        bounds.check(&format!("page views of site {} on day {}", site.0, day.0), views, told);
    }
}
