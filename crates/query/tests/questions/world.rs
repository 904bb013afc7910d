//! A site with a past, folded by the real fold into a real store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_event::{Kind, LocalDay, Millis, Zone, limits};
use weir_query::{Answer, QueryError, Question, plan, run};
use weir_registry::{Registry, Site};
use weir_rollups::{Client, Delta, FOLD_VERSION, Source, UnitEvent, ValueId};
use weir_store::{Batch, DayState, Dimension, NewRow, SiteDay, Store, StoreReader, UnitKey};
use weir_testkit::TestClock;

/// An event in texts; empty ones are absent.
#[derive(Debug, Clone)]
pub struct Told {
    pub visitor: Option<u64>,
    pub time: Millis,
    pub kind: Kind,
    pub page: &'static str,
    pub host: &'static str,
    pub name: &'static str,
    pub country: &'static str,
    pub browser: &'static str,
    pub source: &'static str,
    pub utm_medium: &'static str,
    pub utm_source: &'static str,
    pub own: bool,
    pub props: &'static str,
    pub set_aside: bool,
}

pub struct World {
    _dir: TempDir,
    pub site: Site,
    store: Store,
    reader: StoreReader,
    pub now: Millis,
    ties: u32,
}

pub fn at(text: &str) -> Millis {
    Millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

/// A page view of `/` by somebody from Germany who came by themselves.
pub fn view(visitor: u64, time: Millis) -> Told {
    Told {
        visitor: Some(visitor),
        time,
        kind: Kind::PageView,
        page: "/",
        host: "example.com",
        name: "",
        country: "DE",
        browser: "Firefox",
        source: "Direct / None",
        utm_medium: "",
        utm_source: "",
        own: false,
        props: "",
        set_aside: false,
    }
}

impl World {
    pub fn new(zone: &str, now: Millis) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let registry = Registry::open(dir.path(), Arc::new(TestClock::at(now))).expect("a registry");
        let zone: Zone = zone.parse().expect("a zone");
        let site = registry.add_site("example.com", &zone).expect("a site");
        let store = Store::open(&dir.path().join("weir.db")).expect("a store");
        let reader = store.reader();
        Self { _dir: dir, site, store, reader, now, ties: 0 }
    }

    /// Folds a past, once.
    pub fn fold(&mut self, past: &[Told]) {
        let site = self.site.clone();
        let mut batch = self.store.begin().expect("a batch");
        let mut units: BTreeMap<UnitKey, Vec<UnitEvent>> = BTreeMap::new();
        let mut delta = Delta::default();
        for told in past {
            self.ties += 1;
            let event = number(&mut batch, &site, told, self.ties);
            let day = site.zone.day_of(told.time);
            let set_aside = told.set_aside.then_some(weir_event::Reason::Bot);
            let row = NewRow {
                site: site.id,
                event,
                visitor: told.visitor,
                props: told.props,
                set_aside,
                days_late: 0,
            };
            let tie = batch.log(&row).expect("a log row");
            match told.visitor {
                _ if told.set_aside => {}
                Some(visitor) => {
                    let key = UnitKey { site: site.id, day, visitor };
                    units.entry(key).or_default().push(UnitEvent { tie, ..event });
                }
                None => delta.add_late(&UnitEvent { tie, ..event }, &site.zone.frame(day)),
            }
        }
        open_days(&mut batch, &site, past);
        for (key, mut events) in units {
            events.sort_by_key(UnitEvent::order);
            delta.add_unit(&events, &site.zone.frame(key.day), limits::VISIT_TIMEOUT_SECS);
        }
        batch.apply(site.id, &delta).expect("statistics");
        batch.commit().expect("a commit");
    }

    /// Seals the first days that hold anything.
    pub fn seal(&mut self, days: usize) {
        let all = (LocalDay(i32::MIN), LocalDay(i32::MAX));
        let found = self.reader.read(|reading| reading.site_days(self.site.id, all.0, all.1)).expect("days");
        let mut batch = self.store.begin().expect("a batch");
        for day in found.iter().take(days) {
            batch.seal_day(self.site.id, day).expect("a sealed day");
        }
        batch.commit().expect("a commit");
    }

    pub fn freeze(&mut self, day: &str) {
        let mut batch = self.store.begin().expect("a batch");
        let day: LocalDay = day.parse().expect("a date");
        batch.set_day_state(self.site.id, day, DayState::Frozen).expect("a state");
        batch.commit().expect("a commit");
    }

    pub fn try_ask(&self, changes: Value) -> Result<Answer, QueryError> {
        run(&self.reader, &self.site, self.now, &question(changes)?)
    }

    /// Asks for `visitors` of the last seven days but for what `changes` says.
    pub fn ask(&self, changes: Value) -> Value {
        let answer = self.try_ask(changes.clone());
        serde_json::to_value(answer.unwrap_or_else(|error| panic!("{changes}: {error}"))).expect("JSON")
    }

    /// Rows as `[dimensions, metrics]`.
    pub fn rows(&self, changes: Value) -> Value {
        let answer = self.ask(changes);
        let rows = answer["results"].as_array().expect("rows").iter();
        rows.map(|row| json!([row["dimensions"], row["metrics"]])).collect()
    }

    /// Whether anything of an answer comes from the log.
    pub fn reads_log(&self, changes: Value) -> bool {
        let plan = plan(&self.reader, &self.site, self.now, &question(changes).expect("a question"));
        plan.expect("a plan").pieces.iter().any(|piece| matches!(piece, weir_query::Piece::Log(..)))
    }
}

fn question(changes: Value) -> Result<Question, QueryError> {
    let mut body = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "7d"});
    body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    Question::parse(body.to_string().as_bytes())
}

fn open_days(batch: &mut Batch<'_>, site: &Site, past: &[Told]) {
    let days: BTreeSet<_> = past.iter().map(|told| site.zone.day_of(told.time)).collect();
    for day in days {
        let day =
            SiteDay::opened(site.zone.frame(day), site.zone.name(), FOLD_VERSION, limits::VISIT_TIMEOUT_SECS);
        batch.open_day(site.id, &day).expect("a day");
    }
}

fn number(batch: &mut Batch<'_>, site: &Site, told: &Told, tie: u32) -> UnitEvent {
    let day = site.zone.day_of(told.time);
    let mut id = |dimension, text: &str| match text {
        "" => ValueId::NONE,
        text => batch.text(site.id, dimension, text, day).expect("a number"),
    };
    let host = id(Dimension::Host, told.host);
    let client = Client {
        browser: id(Dimension::Browser, told.browser),
        country: id(Dimension::Country, told.country),
        ..Client::default()
    };
    let source = Source {
        source: id(Dimension::Source, told.source),
        utm_medium: id(Dimension::UtmMedium, told.utm_medium),
        utm_source: id(Dimension::UtmSource, told.utm_source),
        own: told.own,
        ..Source::default()
    };
    let name = id(Dimension::Event, told.name);
    let (page, host) = batch.page(site.id, told.page, host, day).expect("numbers");
    UnitEvent {
        time: told.time,
        tie,
        kind: told.kind,
        page,
        host,
        client,
        source,
        name,
        amount: None,
        engaged_ms: 0,
    }
}
