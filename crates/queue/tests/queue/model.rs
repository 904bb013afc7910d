//! Random actions on the queue and, in lockstep, on a model so simple that it can be seen to be right.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_event::{Control, Event, LocalDay, QueueBooks, QueueDay, Seq, SiteId};
use weir_queue::{AppendError, Entry, Queue, QueueOptions, QueueReader, append_control_beside};
use weir_testkit::effort;

use crate::fixture::{Folder, event, options};

/// Few enough that histories run into it.
const BACKLOG_MAX: u64 = 60;

#[derive(Debug, Clone)]
enum Action {
    /// Events as (site, day of receipt).
    Append(Vec<(u32, i32)>),
    AppendControl(u32),
    /// By another process.
    ControlBeside(u32),
    /// So many of those read are settled, as a percentage.
    Settle(u8),
    /// A number nobody was given yet, so many too high.
    SettlePastTheEnd(i64),
    /// Read on from where the last reading ended.
    Drain(usize),
    Reopen,
    /// The process dies, and another goes on with what is in the files.
    Crash,
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => prop::collection::vec((1u32..4, 20_000i32..20_003), 0..30).prop_map(Action::Append),
        1 => (1u32..4).prop_map(Action::AppendControl),
        1 => (1u32..4).prop_map(Action::ControlBeside),
        3 => (0u8..=100).prop_map(Action::Settle),
        1 => (1i64..1_000).prop_map(Action::SettlePastTheEnd),
        4 => (0usize..60).prop_map(Action::Drain),
        1 => Just(Action::Reopen),
        1 => Just(Action::Crash),
    ]
}

/// Events by the number of their opening, counted from 0, site and day.
type Days = BTreeMap<(usize, SiteId, LocalDay), u64>;

/// What a queue is: rows in a list.
#[derive(Default)]
struct Model {
    rows: Vec<(Seq, Entry)>,
    last: Seq,
    /// The number before each opening's first row.
    openings: Vec<Seq>,
    /// Whether the one who has the file open has begun an opening.
    begun: bool,
    received: Days,
    /// A settlement takes effect with the next commit, at the latest by closing.
    to_settle: Seq,
}

impl Model {
    fn append(&mut self, entries: Vec<Entry>) -> Seq {
        if !entries.is_empty() {
            self.commit();
            if !self.begun {
                self.openings.push(self.last);
            }
            self.begun = true;
        }
        for entry in entries {
            self.last = Seq(self.last.0 + 1);
            if let Entry::Event(event) = &entry {
                let opening = self.openings.len() - 1;
                *self.received.entry((opening, event.site, event.received_day)).or_default() += 1;
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

    fn pending_days(&self, after: Seq) -> Days {
        let mut pending = Days::new();
        for (seq, entry) in self.pending(after, usize::MAX) {
            let opening = self.openings.iter().filter(|after| **after < seq).count() - 1;
            if let Entry::Event(event) = entry {
                *pending.entry((opening, event.site, event.received_day)).or_default() += 1;
            }
        }
        pending
    }

    fn compare(&self, after: Seq, books: &QueueBooks) {
        let afters: Vec<Seq> = books.openings.iter().map(|opening| opening.after).collect();
        assert_eq!(afters, self.openings);
        assert_eq!(books.openings.last().map_or(Seq(0), |opening| opening.last), self.last);
        let numbered = |days: &BTreeMap<QueueDay, u64>| -> Days {
            let number =
                |id| books.openings.iter().position(|opening| opening.queue == id).expect("is listed");
            days.iter().map(|(of, n)| ((number(of.queue), of.site, of.day), *n)).collect()
        };
        assert_eq!(numbered(&books.received), self.received);
        assert_eq!(numbered(&books.pending), self.pending_days(after));
    }

    fn events(&self) -> u64 {
        self.events_past(Seq(0))
    }

    fn events_past(&self, after: Seq) -> u64 {
        let is_event = |(seq, entry): &&(Seq, Entry)| *seq > after && matches!(entry, Entry::Event(_));
        self.rows.iter().filter(is_event).count() as u64
    }

    /// What must become of so many more events; `None` where it hangs on whether the last settlement
    /// has taken effect.
    fn has_room_for(&self, events: u64) -> Option<bool> {
        match (self.events_past(self.to_settle) + events, self.events() + events) {
            (_, most) if events == 0 || most <= BACKLOG_MAX => Some(true),
            (least, _) if least > BACKLOG_MAX => Some(false),
            _ => None,
        }
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
    refused: u64,
    /// Another process has appended, which this one sees when it next commits.
    beside: bool,
    /// A settlement was asked for that is too high, and may not have taken effect yet.
    too_high: bool,
}

fn limited() -> QueueOptions {
    QueueOptions { backlog_events_max: BACKLOG_MAX, site_share_max: 1.0, ..options() }
}

impl Lockstep {
    fn start() -> Self {
        let folder = Folder::new();
        let queue = folder.open_with(limited());
        let reader = queue.reader().expect("opens");
        let model = Model::default();
        Self {
            folder,
            queue,
            reader,
            model,
            read: Seq(0),
            sent: 0,
            refused: 0,
            beside: false,
            too_high: false,
        }
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
            Action::ControlBeside(site) => self.control_beside(Control::RemoveSite(SiteId(site))),
            Action::Settle(percent) => self.settle(Seq(self.read.0 * i64::from(percent) / 100)),
            Action::SettlePastTheEnd(by) => {
                self.settle(Seq(self.model.last.0 + by));
                self.too_high = true;
            }
            Action::Drain(max) => self.drain(max),
            Action::Reopen => self.reopen(),
            Action::Crash => self.crash(),
        }
        self.compare();
    }

    fn next_event(&mut self, site: u32, day: i32) -> Entry {
        self.sent += 1;
        Entry::Event(Box::new(Event { received_day: LocalDay(day), ..event(self.sent, site) }))
    }

    fn append(&mut self, entries: Vec<Entry>) {
        let events = entries.iter().filter(|entry| matches!(entry, Entry::Event(_))).count() as u64;
        let expected = self.model.has_room_for(events);
        let appended = self.queue.append_blocking(entries.clone());
        assert!(expected.is_none_or(|fits| fits == appended.is_ok()), "{appended:?} of {events} events");
        match appended {
            // Nothing was to be written, and nobody else's rows were looked at.
            Ok(_) if entries.is_empty() => {}
            Ok(last) => {
                assert_eq!(last, self.model.append(entries));
                (self.beside, self.too_high) = (false, false);
                self.compare_all();
            }
            Err(error) => {
                assert!(matches!(error, AppendError::Full { .. }), "{error}");
                self.refused += 1;
            }
        }
        assert_eq!(self.queue.gauges().refused.sum(), self.refused);
    }

    fn control_beside(&mut self, control: Control) {
        // It means rows up to the end, and this one may come to lie before the end.
        if self.too_high {
            return;
        }
        append_control_beside(&self.folder.path(), control).expect("appends");
        self.model.openings.push(self.model.last);
        self.model.last = Seq(self.model.last.0 + 1);
        self.model.rows.push((self.model.last, Entry::Control(control)));
        self.beside = true;
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
        self.queue = self.folder.open_with(limited());
        self.model.commit();
        self.begin_anew();
    }

    /// The settlement that was asked for last may have been carried out or not, or in part; nothing
    /// else may be missing.
    fn crash(&mut self) {
        let left = self.folder.as_a_crash_leaves_it();
        self.queue = left.open_with(limited());
        self.folder = left;
        let oldest = self.queue.reader().expect("opens").oldest().expect("reads");
        let settled = oldest.map_or(self.model.last, |oldest| Seq(oldest.0 - 1));
        let gone = self.model.rows.iter().filter(|(seq, _)| *seq <= settled).map(|(seq, _)| *seq).max();
        assert!(gone <= Some(self.model.to_settle), "{gone:?} is gone, {:?} was to", self.model.to_settle);
        self.model.to_settle = settled;
        self.model.commit();
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        self.reader = self.queue.reader().expect("opens");
        self.model.begun = false;
        (self.refused, self.beside, self.too_high) = (0, false, false);
        self.compare_all();
    }

    /// What holds at any time, whether or not the last settlement has taken effect.
    fn compare(&mut self) {
        let after = self.model.to_settle;
        let books = self.reader.books(after).expect("reads");
        self.model.compare(after, &books);
        let known = self.queue.gauges().last_seq;
        assert!(known == self.model.last || self.beside && known < self.model.last, "{known}");
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
    #![proptest_config(ProptestConfig::with_cases(effort(64)))]

    #[test]
    fn the_queue_does_what_the_model_does(actions in prop::collection::vec(any_action(), 1..40)) {
        let mut lockstep = Lockstep::start();
        for action in actions {
            lockstep.act(action);
        }
    }
}
