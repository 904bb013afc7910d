//! Random actions on the queue and, in lockstep, on a model so simple that it can be seen to be right.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_event::{Control, Event, LocalDay, QueueId, Seq, SiteId};
use weir_queue::{Books, Entry, Queue, QueueReader};

use crate::fixture::{Folder, event};

#[derive(Debug, Clone)]
enum Action {
    /// Events as (site, day of receipt).
    Append(Vec<(u32, i32)>),
    AppendControl(u32),
    /// So many of those read are settled, as a percentage.
    Settle(u8),
    /// A number nobody was given yet, so many too high.
    SettlePastTheEnd(i64),
    /// Read on from where the last reading ended.
    Drain(usize),
    Reopen,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => prop::collection::vec((1u32..4, 20_000i32..20_003), 0..30).prop_map(Action::Append),
        1 => (1u32..4).prop_map(Action::AppendControl),
        3 => (0u8..=100).prop_map(Action::Settle),
        1 => (1i64..1_000).prop_map(Action::SettlePastTheEnd),
        4 => (0usize..60).prop_map(Action::Drain),
        1 => Just(Action::Reopen),
    ]
}

/// What a queue is: rows in a list.
#[derive(Default)]
struct Model {
    rows: Vec<(Seq, Entry)>,
    last: Seq,
    received: BTreeMap<(SiteId, LocalDay), u64>,
    /// A settlement takes effect with the next commit, at the latest by closing.
    to_settle: Seq,
}

impl Model {
    fn append(&mut self, entries: Vec<Entry>) -> Seq {
        if !entries.is_empty() {
            self.commit();
        }
        for entry in entries {
            self.last = Seq(self.last.0 + 1);
            if let Entry::Event(event) = &entry {
                *self.received.entry((event.site, event.received_day)).or_default() += 1;
            }
            self.rows.push((self.last, entry));
        }
        self.last
    }

    fn settle(&mut self, up_to: Seq) {
        self.to_settle = self.to_settle.max(up_to);
    }

    fn commit(&mut self) {
        let up_to = self.to_settle;
        self.rows.retain(|(seq, _)| *seq > up_to);
        self.to_settle = Seq(0);
    }

    fn pending(&self, after: Seq, max: usize) -> Vec<(Seq, Entry)> {
        self.rows.iter().filter(|(seq, _)| *seq > after).take(max).cloned().collect()
    }

    fn books(&self, id: QueueId, after: Seq) -> Books {
        let mut pending: BTreeMap<(SiteId, LocalDay), u64> = BTreeMap::new();
        for (_, entry) in self.pending(after, usize::MAX) {
            if let Entry::Event(event) = entry {
                *pending.entry((event.site, event.received_day)).or_default() += 1;
            }
        }
        let list =
            |counts: BTreeMap<_, _>| counts.into_iter().map(|((site, day), n)| (site, day, n)).collect();
        Books { id, last_seq: self.last, received: list(self.received.clone()), pending: list(pending) }
    }

    fn events(&self) -> u64 {
        self.rows.iter().filter(|(_, entry)| matches!(entry, Entry::Event(_))).count() as u64
    }
}

struct Lockstep {
    folder: Folder,
    queue: Queue,
    reader: QueueReader,
    model: Model,
    /// Up to where rows were read.
    read: Seq,
    sent: u64,
}

impl Lockstep {
    fn start() -> Self {
        let folder = Folder::new();
        let queue = folder.open();
        let reader = queue.reader().expect("opens");
        Self { folder, queue, reader, model: Model::default(), read: Seq(0), sent: 0 }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Append(places) => {
                let entries = places.into_iter().map(|(site, day)| self.next_event(site, day)).collect();
                self.append(entries);
            }
            Action::AppendControl(site) => {
                self.append(vec![Entry::Control(Control::RemoveSite(SiteId(site)))]);
            }
            Action::Settle(percent) => self.settle(Seq(self.read.0 * i64::from(percent) / 100)),
            Action::SettlePastTheEnd(by) => self.settle(Seq(self.model.last.0 + by)),
            Action::Drain(max) => self.drain(max),
            Action::Reopen => self.reopen(),
        }
        self.compare();
    }

    fn next_event(&mut self, site: u32, day: i32) -> Entry {
        self.sent += 1;
        Entry::Event(Box::new(Event { received_day: LocalDay(day), ..event(self.sent, site) }))
    }

    fn append(&mut self, entries: Vec<Entry>) {
        let committed = !entries.is_empty();
        let last = self.queue.append_blocking(entries.clone()).expect("appends");
        assert_eq!(last, self.model.append(entries));
        if committed {
            self.compare_all();
        }
    }

    /// A number past the end means the end of now.
    fn settle(&mut self, up_to: Seq) {
        self.queue.settle(up_to);
        self.model.settle(up_to.min(self.model.last));
        self.read = self.read.max(up_to.min(self.model.last));
    }

    fn drain(&mut self, max: usize) {
        let expected = self.model.pending(self.read, max);
        let found = self.pending(self.read, max);
        assert_eq!(found, expected);
        self.read = found.last().map_or(self.read, |(seq, _)| *seq);
    }

    fn pending(&mut self, after: Seq, max: usize) -> Vec<(Seq, Entry)> {
        let rows = self.reader.pending(after, max).expect("reads");
        rows.iter().map(|row| (row.seq, row.decode().expect("decodes"))).collect()
    }

    fn reopen(&mut self) {
        self.queue.close();
        self.queue = self.folder.open();
        self.reader = self.queue.reader().expect("opens");
        self.model.commit();
        self.compare_all();
    }

    /// What holds at any time, whether or not the last settlement has taken effect.
    fn compare(&mut self) {
        let after = self.model.to_settle;
        let books = self.reader.books(after).expect("reads");
        assert_eq!(books, self.model.books(self.queue.id(), after));
        assert_eq!(self.queue.gauges().last_seq, self.model.last);
    }

    /// What holds when nothing is left to settle.
    fn compare_all(&mut self) {
        assert_eq!(self.pending(Seq(0), usize::MAX), self.model.pending(Seq(0), usize::MAX));
        assert_eq!(self.queue.gauges().backlog_events, self.model.events());
        let oldest = self.model.rows.first().map(|(seq, _)| *seq);
        assert_eq!(self.reader.oldest().expect("reads"), oldest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_queue_does_what_the_model_does(actions in prop::collection::vec(any_action(), 1..40)) {
        let mut lockstep = Lockstep::start();
        for action in actions {
            lockstep.act(action);
        }
    }
}
