//! One batch: one transaction.

use rustc_hash::FxHashMap;
use weir_event::{Event, EventId, LocalDay, Millis, Reason, SiteId, Verdict, VisitorId, limits};
use weir_fault::Point;
use weir_queue::{DecodeError, Entry, Row};
use weir_registry::Registry;
use weir_rollups::{Delta, UnitEvent};
use weir_store::{
    Batch, BookEntry, Checkpoint, DayState, DeadEvent, Forget, NewRow, Store, StoreError, UnitKey,
};
use weir_verdicts::{Fate, Verdicts};

use crate::asking::{self, Asking};
use crate::days::Days;
use crate::dead::dead;
use crate::intern::Numbered;
use crate::receipt::Receipt;
use crate::units::Units;
use crate::{Enricher, SiteView};

/// A queue row and what became of reading it.
pub(crate) struct Work {
    pub row: Row,
    pub entry: Result<Entry, DecodeError>,
}

pub(crate) struct Applied {
    pub checkpoint: Checkpoint,
    pub sites: Vec<SiteId>,
    pub dead: u64,
    /// Of events that somebody asks about.
    pub fates: Vec<(EventId, Fate)>,
}

/// An event on its way into the log, all lists consulted and all texts numbered.
pub(crate) struct Arrival<'a> {
    pub id: EventId,
    pub event: UnitEvent,
    pub props: &'a str,
    /// Why it would be set aside; its day may count it all the same.
    pub reason: Option<Reason>,
    pub received_day: LocalDay,
    pub days_late: i32,
    /// The visitor's day is full.
    pub is_too_many: bool,
}

/// A batch while it is being applied.
struct Applying<'a, 's> {
    batch: Batch<'s>,
    registry: &'a Registry,
    enricher: &'a mut Enricher,
    numbered: Numbered,
    days: Days,
    units: Units<'a>,
    deltas: FxHashMap<SiteId, Delta>,
    books: FxHashMap<(SiteId, LocalDay, BookEntry), i64>,
    dead: u64,
    asking: Asking<'a>,
}

/// Applies rows in their order: duplicates dropped, the rest logged and folded, the books kept, the
/// checkpoint moved; all of it or nothing.
pub(crate) fn apply(
    store: &mut Store,
    registry: &Registry,
    enricher: &mut Enricher,
    work: &[Work],
    receipt: &Receipt,
    verdicts: Option<&Verdicts>,
) -> Result<Applied, StoreError> {
    let mut applying = Applying::new(store, registry, enricher, verdicts)?;
    let mut received = Millis(i64::MIN);
    let known = applying.remember(work)?;
    for (Work { row, entry }, is_known) in work.iter().zip(known) {
        match entry {
            Ok(Entry::Event(event)) => {
                received = received.max(event.received);
                applying.event(row, event, is_known)?;
            }
            Ok(Entry::Control(_)) => {}
            Err(error) => applying.bury(row, None, error.to_string())?,
        }
    }
    let received = received.max(applying.received()?);
    applying.finish(receipt, received)
}

/// Applies a row that was put aside as if it came now, but that it is no duplicate of itself. What
/// still fails stays where it is, with the new error.
pub(crate) fn replay(
    store: &mut Store,
    registry: &Registry,
    enricher: &mut Enricher,
    (dead, work): (&DeadEvent, &Work),
    receipt: &Receipt,
) -> Result<Applied, StoreError> {
    let mut applying = Applying::new(store, registry, enricher, None)?;
    let received = applying.received()?;
    let mut seen_at = received;
    *applying.books.entry((dead.site, dead.received_day, BookEntry::Dead)).or_default() -= 1;
    match &work.entry {
        Ok(Entry::Event(event)) => {
            seen_at = event.received;
            match dead.id {
                Some(_) => applying.remembered(&work.row, event)?,
                // It could not be read before: it may have been sent again, and counted.
                None => {
                    let is_known = applying.remember(std::slice::from_ref(work))?[0];
                    applying.event(&work.row, event, is_known)?;
                }
            }
        }
        Ok(Entry::Control(_)) => {}
        Err(error) => applying.bury(&work.row, None, error.to_string())?,
    }
    if applying.dead == 0 {
        applying.batch.unbury(dead, seen_at)?;
    }
    Ok(Applied { dead: 0, ..applying.finish(receipt, received)? })
}

impl<'a, 's> Applying<'a, 's> {
    fn new(
        store: &'s mut Store,
        registry: &'a Registry,
        enricher: &'a mut Enricher,
        verdicts: Option<&'a Verdicts>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            batch: store.begin()?,
            registry,
            enricher,
            numbered: Numbered::default(),
            days: Days::default(),
            units: Units::default(),
            deltas: FxHashMap::default(),
            books: FxHashMap::default(),
            dead: 0,
            asking: Asking::of(verdicts),
        })
    }

    /// The highest receipt time read so far.
    fn received(&self) -> Result<Millis, StoreError> {
        let before = self.batch.checkpoint()?.map(|checkpoint| checkpoint.received);
        Ok(before.unwrap_or_default().max(Millis(0)))
    }

    /// Remembers the ids of all events; of each row, whether its id was known before it. In the order
    /// of the ids, which begin with their time: the table grows at its end then.
    fn remember(&mut self, work: &[Work]) -> Result<Vec<bool>, StoreError> {
        let mut known = vec![false; work.len()];
        let mut order: Vec<(SiteId, EventId, usize)> = Vec::with_capacity(work.len());
        for (place, work) in work.iter().enumerate() {
            if let Ok(Entry::Event(event)) = &work.entry
                && self.registry.site_by_id(event.site).is_some()
            {
                order.push((event.site, event.id, place));
            }
        }
        order.sort_unstable();
        for (site, id, place) in order {
            if let Ok(Entry::Event(event)) = &work[place].entry {
                known[place] = !self.batch.remember(site, id, event.received)?;
            }
        }
        Ok(known)
    }

    fn event(&mut self, row: &Row, event: &'a Event, is_known: bool) -> Result<(), StoreError> {
        if is_known {
            self.book(event.site, event.received_day, BookEntry::Duplicate);
            self.asking.settle(event.id, Verdict::Duplicate);
            return Ok(());
        }
        weir_fault::pass(Point::IdRemembered);
        self.remembered(row, event)
    }

    /// An event that is no duplicate.
    fn remembered(&mut self, row: &Row, event: &'a Event) -> Result<(), StoreError> {
        let Some(site) = self.registry.site_by_id(event.site) else {
            self.book(event.site, event.received_day, BookEntry::SetAside(Reason::SiteRemoved));
            self.asking.settle(event.id, Verdict::Not(Reason::SiteRemoved));
            return Ok(());
        };
        let Some(day) = self.days.of(&mut self.batch, &site, event)? else {
            return self.bury(row, Some(event.id), "its time does not lie within its day".to_owned());
        };
        let (state, counts_bots) = (day.state, day.counts(Some(Reason::Bot)));
        if state == DayState::Frozen {
            // The day's statistics stand under a checksum; nothing may be added to them.
            self.book(event.site, event.received_day, BookEntry::Expired);
            self.asking.settle(event.id, Verdict::Expired);
            return Ok(());
        }
        let is_own_host = |host: &str| site.is_own_host(host);
        let view = SiteView { domain: &site.domain, is_own_host: &is_own_host };
        let enriched = self.enricher.enrich(event, &view);
        let arrival = Arrival {
            id: event.id,
            event: self.numbered.event(&mut self.batch, event, &site, &enriched)?,
            props: &event.props,
            reason: enriched.set_aside,
            received_day: event.received_day,
            days_late: event.received_day.0 - event.day.0,
            is_too_many: false,
        };
        let visitor = event.visitor.filter(|_| state == DayState::Open);
        let set_aside = enriched.set_aside.filter(|reason| *reason != Reason::Bot || !counts_bots);
        match (set_aside, visitor) {
            (Some(reason), visitor) => self.set_aside(&arrival, event, visitor, reason),
            (None, Some(visitor)) => {
                let key = UnitKey { site: event.site, day: event.day, visitor: visitor.0 };
                self.units.add(key, arrival);
                Ok(())
            }
            (None, None) => self.late(&arrival, event),
        }
    }

    /// Keeps a row that can't be folded, whole.
    fn bury(&mut self, row: &Row, id: Option<EventId>, error: String) -> Result<(), StoreError> {
        self.dead += 1;
        if let Some(id) = id {
            self.asking.settle(id, Verdict::Dead);
        }
        self.batch.bury(&dead(row, id, error))?;
        weir_fault::pass(Point::RowBuried);
        // A control row was not received: the books don't know it.
        if row.is_event() {
            self.book(row.site, row.received_day, BookEntry::Dead);
        }
        Ok(())
    }

    /// Logged with its reason, skipped by the fold.
    fn set_aside(
        &mut self,
        arrival: &Arrival<'_>,
        event: &Event,
        visitor: Option<VisitorId>,
        reason: Reason,
    ) -> Result<(), StoreError> {
        let visitor = visitor.map(|visitor| visitor.0);
        self.log(event, &new_row(event.site, arrival, visitor, Some(reason)))?;
        self.book(event.site, arrival.received_day, BookEntry::SetAside(reason));
        self.asking.set_aside(event, reason, self.enricher);
        Ok(())
    }

    /// Its day's key is gone: a view or an event without a visitor.
    fn late(&mut self, arrival: &Arrival<'_>, event: &Event) -> Result<(), StoreError> {
        let tie = self.log(event, &new_row(event.site, arrival, None, arrival.reason))?;
        let late = UnitEvent { tie, ..arrival.event };
        if let Some(day) = self.days.known(event.site, event.day) {
            self.deltas.entry(event.site).or_default().add_late(&late, &day.frame);
        }
        self.book(event.site, arrival.received_day, BookEntry::Stored);
        self.asking.settle(event.id, Verdict::Stored);
        Ok(())
    }

    /// Into the log of its day, which may be sealed already.
    fn log(&mut self, event: &Event, row: &NewRow<'_>) -> Result<u32, StoreError> {
        match self.days.known(event.site, event.day).map(|day| day.state) {
            Some(DayState::Sealed) => self.batch.log_sealed(event.day, row),
            _ => self.batch.log(row),
        }
    }

    fn finish(mut self, receipt: &Receipt, received: Millis) -> Result<Applied, StoreError> {
        let mut units = std::mem::take(&mut self.units).into_sorted();
        for units in units.chunk_by(|(a, _), (b, _)| (a.site, a.day) == (b.site, b.day)) {
            let (key, _) = &units[0];
            if let Some(day) = self.days.known(key.site, key.day) {
                self.batch.load_units(key.site, day)?;
            }
        }
        crate::units::log(&mut self.batch, &mut units)?;
        for (key, arrivals) in units {
            let Some(day) = self.days.known(key.site, key.day) else { continue };
            let delta = self.deltas.entry(key.site).or_default();
            for booked in crate::units::fold(&mut self.batch, key, day, arrivals, delta)? {
                *self.books.entry((key.site, booked.received_day, booked.entry)).or_default() += 1;
                self.asking.settle(booked.id, asking::verdict(booked.entry));
            }
        }
        weir_fault::pass(Point::Folded);
        for (site, delta) in &self.deltas {
            self.batch.apply(*site, delta)?;
        }
        weir_fault::pass(Point::StatisticsWritten);
        for ((site, day, entry), n) in &self.books {
            self.batch.book(*site, *day, *entry, *n)?;
        }
        for (site, day) in self.days.all() {
            self.batch.touch_day(site, day)?;
        }
        self.batch.forget_ids(Forget {
            before: received - limits::SEEN_MS,
            ids_max: limits::SEEN_IDS_MAX,
            looks: limits::SEEN_LOOKS_MIN.max(2 * receipt.events()),
        })?;
        weir_fault::pass(Point::IdsForgotten);
        let checkpoint = receipt.enter(&mut self.batch, received)?;
        weir_fault::pass(Point::BatchWritten);
        self.batch.commit()?;
        let mut sites: Vec<SiteId> = self.books.into_keys().map(|(site, ..)| site).collect();
        sites.sort_unstable();
        sites.dedup();
        Ok(Applied { checkpoint, sites, dead: self.dead, fates: self.asking.into_fates() })
    }

    fn book(&mut self, site: SiteId, day: LocalDay, entry: BookEntry) {
        *self.books.entry((site, day, entry)).or_default() += 1;
    }
}

pub(crate) fn new_row<'a>(
    site: SiteId,
    arrival: &Arrival<'a>,
    visitor: Option<u64>,
    set_aside: Option<Reason>,
) -> NewRow<'a> {
    NewRow {
        site,
        event: arrival.event,
        visitor,
        props: arrival.props,
        set_aside,
        days_late: arrival.days_late,
    }
}

impl Work {
    pub fn of(row: Row) -> Self {
        Self { entry: row.decode(), row }
    }

    /// Everything but a control row goes through [`apply`], a row that can't be read among it.
    pub fn is_event(&self) -> bool {
        !matches!(self.entry, Ok(Entry::Control(_)))
    }

    /// Of an event that could be read.
    pub fn id(&self) -> Option<EventId> {
        match &self.entry {
            Ok(Entry::Event(event)) => Some(event.id),
            _ => None,
        }
    }
}
