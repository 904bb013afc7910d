use std::collections::{HashMap, VecDeque};

use weir_event::{EventId, Millis, Verdict, limits};

use crate::{Fate, Who};

/// The events that somebody asks about, the newest so many.
#[derive(Default)]
pub(crate) struct Followed {
    by_id: HashMap<EventId, Entry>,
    /// In the order in which they came, with their numbers: an id that comes again moves to the end
    /// and leaves its old place behind.
    order: VecDeque<(EventId, u64)>,
}

struct Entry {
    n: u64,
    since: Millis,
    who: Option<Who>,
    fate: Fate,
    /// Whether its watchers have heard of it: a fate that comes sooner waits for that.
    announced: bool,
}

impl Followed {
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn has(&self, id: EventId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub fn fate(&self, id: EventId) -> Option<&Fate> {
        self.by_id.get(&id).map(|entry| &entry.fate)
    }

    /// Begins to follow an event, or again one whose fate is known. Of two copies on their way at
    /// once one is followed: both have one fate that counts.
    pub fn begin(&mut self, id: EventId, n: u64, now: Millis, who: Option<Who>) {
        if let Some(entry) = self.by_id.get_mut(&id).filter(|entry| entry.fate.is_waiting()) {
            entry.who = who.or(entry.who);
            return;
        }
        if self.order.len() >= limits::FOLLOWED_MAX {
            self.drop_oldest();
        }
        let fate = Fate::of(Verdict::Waiting);
        self.by_id.insert(id, Entry { n, since: now, who, fate, announced: false });
        self.order.push_back((id, n));
    }

    /// Its number and what is known of it by now. Whatever comes later is worth telling.
    pub fn announce(&mut self, id: EventId) -> Option<(u64, Fate)> {
        let entry = self.by_id.get_mut(&id)?;
        entry.announced = true;
        Some((entry.n, entry.fate.clone()))
    }

    /// What became of it; the number and the sender if they are to be told.
    pub fn settle(&mut self, id: EventId, fate: &Fate) -> Option<(u64, Who)> {
        let entry = self.by_id.get_mut(&id).filter(|entry| entry.fate.is_waiting())?;
        entry.fate = fate.clone();
        entry.who.filter(|_| entry.announced).map(|who| (entry.n, who))
    }

    /// It was not taken after all, and will come again.
    pub fn give_up(&mut self, id: EventId) {
        if self.by_id.get(&id).is_some_and(|entry| entry.fate.is_waiting()) {
            self.by_id.remove(&id);
        }
    }

    pub fn forget_before(&mut self, since: Millis) {
        while let Some((id, n)) = self.order.front() {
            let known = self.by_id.get(id).filter(|entry| entry.n == *n);
            if known.is_some_and(|entry| entry.since >= since) {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((id, n)) = self.order.pop_front() else { return };
        if self.by_id.get(&id).is_some_and(|entry| entry.n == n) {
            self.by_id.remove(&id);
        }
    }
}
