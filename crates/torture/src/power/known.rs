//! What the senders know: which events they sent, and which were acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weir_event::{Control, Event, Millis, Zone};
use weir_queue::Entry;

use super::plan::{Delivery, REMOVED, number_of, received_at};

/// A mark in the history of a round.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Sent(usize),
    Acknowledged(usize),
    /// The registry no longer lists the site.
    SiteRemoved,
    /// The wish to delete what is held of it is in the queue.
    RemovalAcknowledged,
}

impl Mark {
    pub fn code(self) -> u64 {
        match self {
            Self::Sent(delivery) => (delivery as u64) << 2,
            Self::Acknowledged(delivery) => (delivery as u64) << 2 | 1,
            Self::SiteRemoved => 2,
            Self::RemovalAcknowledged => 3,
        }
    }

    fn from_code(code: u64) -> Self {
        let delivery = usize::try_from(code >> 2).unwrap_or(usize::MAX);
        match code & 3 {
            0 => Self::Sent(delivery),
            1 => Self::Acknowledged(delivery),
            2 => Self::SiteRemoved,
            _ => Self::RemovalAcknowledged,
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Known {
    pub deliveries: Vec<Arc<Delivery>>,
    sent: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
    pub site_removed: bool,
    pub removal_acknowledged: bool,
    /// What was not taken from a lost queue file is lost with it, and booked so.
    pub queue_lost: bool,
}

/// An event by what must have become of it.
pub(super) struct Expected<'a> {
    pub event: &'a Event,
    /// An acknowledged event must be there; one that was only sent may be.
    pub acknowledged: bool,
}

impl Known {
    pub fn new(deliveries: Vec<Arc<Delivery>>) -> Self {
        Self { deliveries, ..Self::default() }
    }

    pub fn note(&mut self, marks: impl Iterator<Item = u64>) {
        for mark in marks {
            match Mark::from_code(mark) {
                Mark::Sent(delivery) => drop(self.sent.insert(delivery)),
                Mark::Acknowledged(delivery) => drop(self.acknowledged.insert(delivery)),
                Mark::SiteRemoved => self.site_removed = true,
                Mark::RemovalAcknowledged => self.removal_acknowledged = true,
            }
        }
    }

    pub fn lose_queue(&mut self) {
        self.queue_lost = true;
        self.acknowledged.clear();
        self.removal_acknowledged = false;
    }

    /// The time of the last delivery.
    pub fn now(&self) -> Millis {
        self.sent.iter().map(|delivery| self.deliveries[*delivery].now).max().unwrap_or(Millis(0))
    }

    /// How many events must be there.
    pub fn acknowledged(&self) -> u64 {
        self.events().values().filter(|expected| expected.acknowledged).count() as u64
    }

    /// Every event that was sent, by its number.
    pub fn events(&self) -> BTreeMap<u64, Expected<'_>> {
        let mut events: BTreeMap<u64, Expected<'_>> = BTreeMap::new();
        for delivery in &self.sent {
            let acknowledged = self.acknowledged.contains(delivery);
            for event in &self.deliveries[*delivery].events {
                let n = number_of(&event.props).expect("the plan numbers its events");
                let expected = events.entry(n).or_insert(Expected { event, acknowledged: false });
                expected.acknowledged |= acknowledged;
            }
        }
        events
    }

    /// All that senders still have, in two deliveries: acknowledged or not, up to a day old. A
    /// removed site's events are not admitted.
    pub fn resend(&mut self, zones: &[Zone; 3]) -> Vec<usize> {
        let now = self.now() + Millis::MINUTE;
        let young = |event: &&Event| event.time > now - Millis::DAY;
        let admitted = |event: &&Event| event.site != REMOVED || !self.site_removed;
        let events = self.events();
        let events = events.values().map(|expected| expected.event).filter(young).filter(admitted);
        let events: Vec<Event> = events.map(|event| received_at(event, now, zones)).collect();
        let halves = events.chunks(events.len().div_ceil(2).max(1)).map(<[Event]>::to_vec);
        let halves: Vec<_> = halves.map(|events| Arc::new(Delivery { now, events })).collect();
        let first = self.deliveries.len();
        self.deliveries.extend(halves);
        (first..self.deliveries.len()).collect()
    }

    /// The wish that whoever removed the site repeats.
    pub fn removal(&self) -> Option<Entry> {
        (self.site_removed && !self.removal_acknowledged)
            .then_some(Entry::Control(Control::RemoveSite(REMOVED)))
    }
}
