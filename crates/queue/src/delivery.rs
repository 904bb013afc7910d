use std::time::Instant;

use tokio::sync::oneshot;
use weir_event::{Control, Event, LocalDay, Seq, SiteId};

use crate::row::{KIND_CONTROL, KIND_EVENT, encode_control, encode_event};
use crate::{AppendError, Entry};

/// Encoded rows that are written together or not at all. Encoded by the caller's thread, so that the
/// one writer thread has nothing left to do but to write.
pub(crate) struct NewRows {
    heads: Vec<Head>,
    /// All bodies, end to end: one allocation instead of one per row.
    bodies: Vec<u8>,
    events: usize,
    /// Events by site and day of receipt, neighbours together: mostly they all share both.
    received: Vec<(SiteId, LocalDay, i64)>,
}

struct Head {
    site: SiteId,
    day: LocalDay,
    kind: u8,
    body_end: usize,
}

/// One row of [`NewRows`].
pub(crate) struct NewRow<'a> {
    pub site: SiteId,
    pub day: LocalDay,
    pub kind: u8,
    pub body: &'a [u8],
}

/// A guess at an encoded event's size that spares most buffers from growing.
const BODY_BYTES_GUESS: usize = 256;

impl NewRows {
    fn with_capacity(rows: usize) -> Self {
        Self {
            heads: Vec::with_capacity(rows),
            bodies: Vec::with_capacity(rows * BODY_BYTES_GUESS),
            events: 0,
            received: Vec::new(),
        }
    }

    pub fn of_events(events: &[Event]) -> Self {
        let mut rows = Self::with_capacity(events.len());
        events.iter().for_each(|event| rows.push_event(event));
        rows
    }

    pub fn of_entries(entries: &[Entry]) -> Self {
        let mut rows = Self::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Event(event) => rows.push_event(event),
                Entry::Control(control) => rows.push_control(*control),
            }
        }
        rows
    }

    fn push_event(&mut self, event: &Event) {
        self.bodies = encode_event(event, std::mem::take(&mut self.bodies));
        self.push_head(event.site, event.received_day, KIND_EVENT);
        self.events += 1;
        match self.received.last_mut() {
            Some((site, day, n)) if (*site, *day) == (event.site, event.received_day) => *n += 1,
            _ => self.received.push((event.site, event.received_day, 1)),
        }
    }

    fn push_control(&mut self, control: Control) {
        self.bodies = encode_control(control, std::mem::take(&mut self.bodies));
        self.push_head(control.site(), LocalDay(0), KIND_CONTROL);
    }

    fn push_head(&mut self, site: SiteId, day: LocalDay, kind: u8) {
        self.heads.push(Head { site, day, kind, body_end: self.bodies.len() });
    }

    pub fn len(&self) -> usize {
        self.heads.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Rows that are events. Control rows count against no limit: they are few, and the one that
    /// removes a site must get through when that site fills the queue.
    pub fn events(&self) -> usize {
        self.events
    }

    pub fn bytes(&self) -> usize {
        self.bodies.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = NewRow<'_>> {
        let starts = std::iter::once(0).chain(self.heads.iter().map(|head| head.body_end));
        starts.zip(&self.heads).map(|(start, head)| NewRow {
            site: head.site,
            day: head.day,
            kind: head.kind,
            body: &self.bodies[start..head.body_end],
        })
    }

    /// How many events of each site and day of receipt; one may stand there several times.
    pub fn received(&self) -> &[(SiteId, LocalDay, i64)] {
        &self.received
    }

    /// Events by site: a short list beats a map.
    pub fn events_by_site(&self) -> Vec<(SiteId, u64)> {
        let mut sites: Vec<(SiteId, u64)> = Vec::new();
        for (site, _, n) in &self.received {
            match sites.iter_mut().rev().find(|(known, _)| known == site) {
                Some((_, sum)) => *sum += n.unsigned_abs(),
                None => sites.push((*site, n.unsigned_abs())),
            }
        }
        sites
    }
}

/// Rows on their way to the writer, and whom to tell.
pub(crate) struct Delivery {
    pub rows: NewRows,
    pub since: Instant,
    answer: oneshot::Sender<Answer>,
}

/// The number of the last row, once it is on disk.
pub(crate) type Answer = Result<Seq, AppendError>;

impl Delivery {
    pub fn new(rows: NewRows) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Self { rows, since: Instant::now(), answer }, answered)
    }

    /// A sender that has gone away meanwhile is no matter: its events are kept all the same.
    pub fn answer(self, answer: Answer) {
        let _ = self.answer.send(answer);
    }
}
