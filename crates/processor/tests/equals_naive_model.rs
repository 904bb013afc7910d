use jiff::tz::TimeZone;
use proptest::prelude::*;
use weir_event::{Event, Millis};
use weir_processor::ProcessorOptions;
use weir_store::{BookEntry, DayState, StoreReader};
use weir_testkit::page_view;

use crate::histories::{After, Ground, History, PLACES, histories};
use crate::naive_model::Model;
use crate::sums::check_sums;
use crate::world::{Rows, World};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn statistics_are_what_the_definitions_make_of_the_events_however_they_came(history in histories()) {
        check_history(&history);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 4, ..ProptestConfig::default() })]

    #[test]
    fn changed_rules_count_as_if_they_had_always_been_so_and_can_be_undone(
        history in histories(), minutes in 5..=240i64, counts_bots in any::<bool>()
    ) {
        check_rules(&history, (minutes, counts_bots));
    }
}

fn check_rules(history: &History, changed: (i64, bool)) {
    const USUAL: (i64, bool) = (30, false);
    let mut both = Both::new(history);
    let deliveries = history.deliveries(&both.grounds);
    let events: Vec<Event> = deliveries.into_iter().map(|(event, _)| event).collect();
    let (first, second) = events.split_at(events.len() / 2);
    both.take(first);
    both.match_logs();
    both.check("by the usual rules");
    both.change(changed, "of open days");
    // What comes now is folded by the new rules.
    both.take(second);
    both.match_logs();
    both.check("more, by the changed rules");
    both.change(USUAL, "undone");
    both.later(2 * Millis::HOUR + Millis::DAY, "once every day is closed");
    let closed = both.rows();
    both.change(changed, "of closed days");
    both.rebuild("changed and rebuilt");
    both.later(2 * Millis::DAY, "once every day is sealed");
    both.expect_sealed();
    both.change(USUAL, "of sealed days, undone");
    both.change(changed, "of sealed days");
    both.change(USUAL, "undone again");
    assert_eq!(both.rows(), closed, "exactly what it was");
}

/// As many as `PROPTEST_CASES` says, else enough for every build.
fn cases() -> u32 {
    std::env::var_os("PROPTEST_CASES").map_or(48, |_| ProptestConfig::default().cases)
}

/// A world and the model of it, told the same.
struct Both {
    world: World,
    reader: StoreReader,
    model: Model,
    grounds: Vec<Ground>,
    batch_events: usize,
}

fn check_history(history: &History) {
    let mut both = Both::new(history);
    let mut waiting: Vec<Event> = Vec::new();
    for (event, after) in history.deliveries(&both.grounds) {
        waiting.push(event);
        if after != After::Nothing {
            both.take(&std::mem::take(&mut waiting));
        }
        if after == After::DrainAndRestart {
            both.restart();
        }
    }
    both.take(&waiting);
    both.match_logs();
    both.check("as they came");
    both.rebuild("rebuilt");
    both.later(2 * Millis::HOUR + Millis::DAY, "once every day is closed");
    both.rebuild("rebuilt from closed days");
    both.later(2 * Millis::DAY, "once every day is sealed");
    both.expect_sealed();
    both.rebuild("rebuilt from sealed days");
}

impl Both {
    fn new(history: &History) -> Self {
        let batch_events = history.batch_events;
        let world =
            World::with(ProcessorOptions { drain_events: batch_events, ..ProcessorOptions::default() });
        let reader = world.reader.clone();
        let mut model = Model::default();
        let mut grounds = Vec::new();
        for place in history.places() {
            let (domain, zone, _) = PLACES[place];
            let site = world.site(domain, zone);
            let zone = TimeZone::get(zone).expect("a zone");
            model.site(site.id, domain, &zone);
            grounds.push(Ground { id: site.id, domain: domain.to_owned(), zone });
        }
        // A site of its own moves the time of receipt on without touching the others.
        let pulse = world.site("pulse.test", "UTC");
        model.site(pulse.id, "pulse.test", &TimeZone::UTC);
        grounds.push(Ground { id: pulse.id, domain: "pulse.test".to_owned(), zone: TimeZone::UTC });
        Self { world, reader, model, grounds, batch_events }
    }

    fn take(&mut self, events: &[Event]) {
        self.world.take(events);
        for batch in events.chunks(self.batch_events) {
            self.model.batch(batch);
        }
    }

    /// All sites count otherwise.
    fn change(&mut self, (minutes, counts_bots): (i64, bool), when: &str) {
        for ground in &self.grounds {
            self.world.set_counting(&ground.domain, minutes, counts_bots);
        }
        self.world.drain();
        self.model.visit_timeout_secs = Some(minutes * 60);
        self.model.counts_bots = counts_bots;
        self.check(when);
        assert_eq!(self.world.number("SELECT count(*) FROM site_days WHERE stale"), 0, "{when}");
    }

    /// Every site's but the pulse's.
    fn rows(&self) -> Vec<Rows> {
        let grounds = &self.grounds[..self.grounds.len() - 1];
        grounds.iter().map(|ground| self.world.rows(ground.id)).collect()
    }

    fn restart(&mut self) {
        self.world.restart();
        self.model.restart();
    }

    fn match_logs(&mut self) {
        for ground in &self.grounds {
            self.model.match_log(ground.id, self.world.log(ground.id));
        }
    }

    fn rebuild(&mut self, when: &str) {
        self.world.rebuild();
        self.check(when);
    }

    /// Time of receipt moves on.
    fn later(&mut self, ms: i64, when: &str) {
        let pulse = self.grounds.last().expect("the pulse");
        let at = self.model.received() + ms;
        let n = self.model.taken();
        let props = format!("{{\"pulse\":{n}}}");
        let event = Event { host: pulse.domain.clone(), props, ..page_view(n, pulse.id, 1, at) };
        self.take(&[event]);
        self.check(when);
    }

    fn expect_sealed(&self) {
        for ground in &self.grounds[..self.grounds.len() - 1] {
            let states = self.world.day_states(ground.id);
            assert!(states.iter().all(|state| *state == DayState::Sealed), "{}: {states:?}", ground.domain);
        }
    }

    fn check(&self, when: &str) {
        for ground in &self.grounds {
            let differences = differences(&self.model.rows(ground.id), &self.world.rows(ground.id));
            assert!(differences.is_empty(), "{}, {when}:\n{}", ground.domain, differences.join("\n"));
            // By one reader from beginning to end, whatever was begun anew meanwhile.
            check_sums(&self.reader, ground.id);
        }
        let verified = self.world.verify();
        assert!(verified.is_equal(), "{when}: {:#?}", verified.told);
        assert_eq!(self.world.unbalanced(), Vec::<String>::new(), "{when}");
        let duplicates: u64 =
            self.grounds.iter().map(|ground| self.world.booked(ground.id, BookEntry::Duplicate)).sum();
        assert_eq!(duplicates, self.model.duplicates, "{when}");
    }
}

/// What one side has and the other has not, both ways.
fn differences(model: &Rows, store: &Rows) -> Vec<String> {
    let names = model.keys().chain(store.keys()).collect::<std::collections::BTreeSet<_>>();
    let told = |name| match (model.get(name), store.get(name)) {
        (model, store) if model == store => None,
        (model, store) => Some(format!("{name:?}\n  model {model:?}\n  store {store:?}")),
    };
    names.into_iter().filter_map(told).collect()
}
