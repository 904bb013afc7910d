//! Statistics counted from scratch, straight from the definitions: sets of texts over lists of
//! events, with local times from the calendar library. It is slow, and shares no code with the fold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{LazyLock, Mutex};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use weir_event::{Event, EventId, Kind, Millis, Reason, SiteId};
use weir_processor::{Enriched, Enricher, SiteView};

use crate::world::{Logged, RowName, Rows};

/// What lists make of an event is taken from them; loading them takes longer than a history.
static ENRICHER: LazyLock<Mutex<Enricher>> = LazyLock::new(|| Mutex::new(Enricher::new()));

const HALF_AN_HOUR: i64 = 30 * 60;
const HOUR_MS: i64 = 3_600_000;

/// What has been taken so far, and what arrival has decided.
#[derive(Default)]
pub struct Model {
    /// Half an hour unless told otherwise.
    pub visit_timeout_secs: Option<i64>,
    pub counts_bots: bool,
    sites: BTreeMap<SiteId, (String, TimeZone)>,
    seen: HashMap<(SiteId, EventId), i64>,
    days: BTreeMap<(SiteId, Date), bool>,
    received: i64,
    minute: Option<i64>,
    hour: Option<i64>,
    taken: Vec<Taken>,
    pub duplicates: u64,
}

/// An event that is no duplicate.
pub struct Taken {
    event: Event,
    enriched: Enriched,
    /// `None` where it came too late to have one.
    visitor: Option<u64>,
    /// From the log: which of two events of equal time goes first is decided by arrival.
    tie: u32,
}

struct Visit<'a> {
    number: usize,
    events: Vec<&'a Taken>,
    start: i64,
    continues: bool,
}

/// An event that counts under a value.
#[derive(Clone, Copy)]
struct Sighting<'a> {
    event: &'a Taken,
    visit: Option<&'a Visit<'a>>,
}

impl Model {
    pub fn site(&mut self, id: SiteId, domain: &str, zone: &TimeZone) {
        self.sites.insert(id, (domain.to_owned(), zone.clone()));
    }

    fn domain(&self, site: SiteId) -> &str {
        &self.sites[&site].0
    }

    fn zone(&self, site: SiteId) -> &TimeZone {
        &self.sites[&site].1
    }

    /// What one batch of the processor decides: duplicates, and whether the day still has visitors.
    pub fn batch(&mut self, events: &[Event]) {
        for event in events {
            self.received = self.received.max(event.received.0);
            if self.seen.contains_key(&(event.site, event.id)) {
                self.duplicates += 1;
                continue;
            }
            self.seen.insert((event.site, event.id), event.received.0);
            let date = local_date(self.zone(event.site), event.time.secs());
            let closed = *self.days.entry((event.site, date)).or_insert(false);
            let visitor = event.visitor.map(|visitor| visitor.0).filter(|_| !closed);
            let enriched = self.enrich(event);
            self.taken.push(Taken { event: event.clone(), enriched, visitor, tie: 0 });
        }
        self.after_batch();
    }

    /// Once in a minute of receipt, days close 61 minutes after their end; once in an hour, ids are
    /// forgotten that came over 48 hours ago.
    fn after_batch(&mut self) {
        let (minute, hour) = (self.received.div_euclid(60_000), self.received.div_euclid(HOUR_MS));
        if self.minute.replace(minute) != Some(minute) {
            let closes = |site: SiteId, date: Date| {
                let end = day_start(self.zone(site), date.tomorrow().expect("a date"));
                end * 1_000 + HOUR_MS + 60_000 <= self.received
            };
            let due: Vec<_> = self.days.keys().copied().filter(|(site, date)| closes(*site, *date)).collect();
            self.days.extend(due.into_iter().map(|day| (day, true)));
        }
        if self.hour.replace(hour) != Some(hour) {
            let oldest = (self.received - 48 * HOUR_MS).div_euclid(1_000);
            self.seen.retain(|_, received| received.div_euclid(1_000) >= oldest);
        }
    }

    /// A new process looks again at what is due.
    pub fn restart(&mut self) {
        (self.minute, self.hour) = (None, None);
    }

    fn enrich(&self, event: &Event) -> Enriched {
        let domain = self.domain(event.site).to_owned();
        let is_own_host = |host: &str| is_own(host, &domain);
        let mut enricher = ENRICHER.lock().expect("no test panics in here");
        enricher.enrich(event, &SiteView { domain: &domain, is_own_host: &is_own_host })
    }

    /// Compares what is taken with what is logged, and learns the order of events of equal time.
    pub fn match_log(&mut self, site: SiteId, mut log: BTreeMap<String, Logged>) {
        for taken in self.taken.iter_mut().filter(|taken| taken.event.site == site) {
            let logged = log.remove(&taken.event.props).expect("what is taken is logged");
            let set_aside = taken.enriched.set_aside.map(|reason| reason.name());
            // To the second once the day is sealed.
            let times = [taken.event.time, Millis::from_secs(taken.secs())];
            assert!(times.contains(&logged.time), "{}: {}", taken.event.props, logged.time);
            assert_eq!(logged.set_aside, set_aside, "{}", taken.event.props);
            if set_aside.is_none() {
                assert_eq!(logged.visitor.is_some(), taken.visitor.is_some(), "{}", taken.event.props);
            }
            taken.tie = logged.tie;
        }
        assert!(log.is_empty(), "logged, but never taken: {log:?}");
    }

    pub fn taken(&self) -> u64 {
        self.taken.len() as u64
    }

    /// The highest time of receipt.
    pub fn received(&self) -> Millis {
        Millis(self.received)
    }

    /// Every row of a site that there has to be, and no other.
    pub fn rows(&self, site: SiteId) -> Rows {
        let mut by_date: BTreeMap<Date, Vec<&Taken>> = BTreeMap::new();
        let counted = |taken: &&Taken| {
            let reason = taken.enriched.set_aside;
            taken.event.site == site && (reason.is_none() || self.counts_bots && reason == Some(Reason::Bot))
        };
        for taken in self.taken.iter().filter(counted) {
            by_date.entry(local_date(self.zone(site), taken.secs())).or_default().push(taken);
        }
        let mut rows = Rows::new();
        for (date, events) in by_date {
            self.count_day(site, date, &events, &mut rows);
        }
        add_months(&mut rows);
        rows
    }

    fn count_day(&self, site: SiteId, date: Date, events: &[&Taken], rows: &mut Rows) {
        let zone = self.zone(site);
        let visits = self.visits(site, date, events);
        let mut sightings: Vec<Sighting<'_>> = Vec::new();
        for visit in &visits {
            sightings.extend(visit.events.iter().map(|event| Sighting { event, visit: Some(visit) }));
        }
        let late = events.iter().filter(|event| event.visitor.is_none());
        sightings.extend(late.map(|event| Sighting { event, visit: None }));
        sightings.retain(|seen| seen.event.event.kind != Kind::Engagement);

        let mut groups: BTreeMap<(&'static str, u8, String), Vec<Sighting<'_>>> = BTreeMap::new();
        for seen in sightings.iter().copied() {
            for place in self.places(site, seen) {
                groups.entry(place).or_default().push(seen);
            }
        }
        for ((table, role, value), group) in groups {
            let day = days_since_epoch(date);
            let name = |grain, bucket| RowName {
                site,
                table,
                grain,
                role,
                bucket,
                value: value.clone(),
                second: String::new(),
            };
            rows.insert(name("day", day), count(&group, &|_| true, zone));
            let hours = group.iter().map(|seen| hour_start(zone, seen.event.secs()));
            let starts = group.iter().filter_map(|seen| seen.visit.filter(|visit| !visit.continues));
            let starts = starts.map(|visit| hour_start(zone, visit.start));
            for hour in hours.chain(starts).collect::<BTreeSet<_>>() {
                rows.insert(name("hour", hour), count(&group, &|at| at == hour, zone));
            }
        }
        for seen in &sightings {
            self.count_sale(site, date, seen.event, rows);
        }
        for visit in visits.iter().filter(|visit| !visit.continues) {
            self.count_steps(site, date, visit, rows);
        }
    }

    fn visits<'a>(&self, site: SiteId, date: Date, events: &[&'a Taken]) -> Vec<Visit<'a>> {
        let mut visitors: BTreeMap<u64, Vec<&'a Taken>> = BTreeMap::new();
        for event in events {
            if let Some(visitor) = event.visitor {
                visitors.entry(visitor).or_default().push(event);
            }
        }
        let mut visits: Vec<Visit<'a>> = Vec::new();
        for (_, mut events) in visitors {
            events.sort_by_key(|event| (event.event.time, event.tie));
            let mut before: Option<i64> = None;
            let timeout = self.visit_timeout_secs.unwrap_or(HALF_AN_HOUR);
            for event in events {
                let new = before.is_none_or(|before| event.begins() - before > timeout);
                if new {
                    let number = visits.len();
                    visits.push(Visit { number, events: Vec::new(), start: event.secs(), continues: false });
                }
                visits.last_mut().expect("one was just begun").events.push(event);
                before = Some(event.secs());
            }
        }
        visits.retain(|visit| visit.events.iter().any(|event| event.event.kind != Kind::Engagement));
        let window = day_start(self.zone(site), date) + HALF_AN_HOUR;
        for visit in &mut visits {
            let first = visit.first_counted();
            let from_here = first.event.referrer.as_ref().is_some_and(|referrer| {
                is_own(&referrer.host, self.domain(site)) || referrer.host == first.event.host
            });
            visit.continues = from_here && visit.start < window;
        }
        visits
    }

    /// Where an event counts: table, role and value.
    fn places(&self, site: SiteId, seen: Sighting<'_>) -> Vec<(&'static str, u8, String)> {
        let own = |table, role, value: &str| (table, role, value.to_owned());
        let Taken { event, .. } = seen.event;
        let page = self.page(site, event);
        let client = &seen.visit.map_or(seen.event, Visit::first_counted).enriched;
        let mut places = vec![
            own("site_stats", 0, ""),
            own("page_stats", 0, &page),
            own("host_stats", 0, &event.host),
            own("country_stats", 0, &client.country),
            own("device_stats", 0, &client.device),
            own("browser_stats", 0, &client.browser),
            own("os_stats", 0, &client.os),
        ];
        let mut where_known = vec![own("event_stats", 0, &event.name)];
        if let Some(visit) = seen.visit.filter(|visit| !visit.continues) {
            let views = visit.views();
            if let (Some(first), Some(last)) = (views.first(), views.last()) {
                places.push(own("page_stats", 1, &self.page(site, &first.event)));
                places.push(own("page_stats", 2, &self.page(site, &last.event)));
            }
            let from = &views.first().copied().unwrap_or_else(|| visit.first_counted()).enriched;
            where_known.extend([
                own("ref_stats", 0, &from.source),
                own("ref_stats", 1, &from.referrer),
                own("channel_stats", 0, &from.channel),
                own("utm_stats", 0, &from.utm_source),
                own("utm_stats", 1, &from.utm_medium),
                own("utm_stats", 2, &from.utm_campaign),
                own("utm_stats", 3, &from.utm_content),
                own("utm_stats", 4, &from.utm_term),
            ]);
        }
        places.extend(where_known.into_iter().filter(|(_, _, value)| !value.is_empty()));
        places
    }

    fn page(&self, site: SiteId, event: &Event) -> String {
        let host = if event.host == self.domain(site) { "" } else { &event.host };
        format!("{host}{}", event.path)
    }

    fn count_sale(&self, site: SiteId, date: Date, taken: &Taken, rows: &mut Rows) {
        let Some(amount) = &taken.event.amount else { return };
        let hour = hour_start(self.zone(site), taken.secs());
        for (grain, bucket) in [("hour", hour), ("day", days_since_epoch(date))] {
            let (value, second) = (taken.event.name.clone(), amount.currency().to_owned());
            let name = RowName { site, table: "event_stats", grain, role: 0, bucket, value, second };
            let row = rows.entry(name).or_default();
            row[4] += 1;
            row[7] += amount.minor;
        }
    }

    fn count_steps(&self, site: SiteId, date: Date, visit: &Visit<'_>, rows: &mut Rows) {
        let mut pages: Vec<String> = visit.views().iter().map(|view| self.page(site, &view.event)).collect();
        pages.dedup();
        for (step, pair) in (1..=5).zip(pages.windows(2)) {
            let (value, second) = (pair[0].clone(), pair[1].clone());
            let (table, bucket) = ("flow_stats", days_since_epoch(date));
            let name = RowName { site, table, grain: "day", role: step, bucket, value, second };
            rows.entry(name).or_default()[2] += 1;
        }
    }
}

impl Taken {
    fn secs(&self) -> i64 {
        self.event.time.secs()
    }

    /// A ping of engaged time tells of time that lies behind it.
    fn begins(&self) -> i64 {
        let engaged = if self.event.kind == Kind::Engagement { self.event.engaged_ms / 1_000 } else { 0 };
        self.secs() - i64::from(engaged)
    }
}

impl<'a> Visit<'a> {
    fn first_counted(&self) -> &'a Taken {
        let counted = self.events.iter().find(|event| event.event.kind != Kind::Engagement);
        counted.expect("a visit has something that counts")
    }

    fn views(&self) -> Vec<&'a Taken> {
        self.events.iter().copied().filter(|event| event.event.kind == Kind::PageView).collect()
    }

    fn is_bounce(&self) -> bool {
        let acted = self.events.iter().any(|event| event.event.kind == Kind::Custom);
        self.views().len() == 1 && !acted
    }

    fn duration(&self) -> i64 {
        let last = self.events.last().expect("not empty").secs();
        let engaged: i64 = self.events.iter().map(|event| i64::from(event.event.engaged_ms)).sum();
        (last - self.start).max(engaged / 1_000)
    }
}

/// The counters of one value over the hours that `within` takes.
fn count(group: &[Sighting<'_>], within: &dyn Fn(i64) -> bool, zone: &TimeZone) -> [i64; 8] {
    let hour = |seen: &Sighting<'_>| hour_start(zone, seen.event.secs());
    let here: Vec<_> = group.iter().filter(|seen| within(hour(seen))).collect();
    let kinds = |kinds: &[Kind]| here.iter().filter(|seen| kinds.contains(&seen.event.event.kind)).count();
    let visitors: BTreeSet<u64> = here.iter().filter_map(|seen| seen.event.visitor).collect();
    let mut first: BTreeMap<u64, i64> = BTreeMap::new();
    for seen in group {
        if let Some(visitor) = seen.event.visitor {
            let at = first.entry(visitor).or_insert(i64::MAX);
            *at = (*at).min(hour(seen));
        }
    }
    let visits: BTreeMap<usize, &Visit<'_>> = group
        .iter()
        .filter_map(|seen| seen.visit)
        .filter(|visit| !visit.continues && within(hour_start(zone, visit.start)))
        .map(|visit| (visit.number, visit))
        .collect();
    [
        visitors.len() as i64,
        first.values().filter(|at| within(**at)).count() as i64,
        visits.len() as i64,
        kinds(&[Kind::PageView]) as i64,
        kinds(&[Kind::Custom, Kind::Passive]) as i64,
        visits.values().filter(|visit| visit.is_bounce()).count() as i64,
        visits.values().map(|visit| visit.duration()).sum(),
        0,
    ]
}

fn add_months(rows: &mut Rows) {
    let mut months = Rows::new();
    for (day, counters) in rows.iter().filter(|(row, _)| row.grain == "day" && row.table != "flow_stats") {
        let date =
            Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(day.bucket)).expect("a date");
        let bucket = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        let month = months.entry(RowName { grain: "month", bucket, ..day.clone() }).or_default();
        *month = std::array::from_fn(|i| month[i] + counters[i]);
    }
    rows.extend(months);
}

fn is_own(host: &str, domain: &str) -> bool {
    host == domain || host.ends_with(&format!(".{domain}"))
}

fn timestamp(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).expect("a time")
}

pub fn local_date(zone: &TimeZone, secs: i64) -> Date {
    zone.to_datetime(timestamp(secs)).date()
}

/// Midnight, or what the clock jumps to instead.
pub fn day_start(zone: &TimeZone, date: Date) -> i64 {
    zone.to_timestamp(date.at(0, 0, 0, 0)).expect("a time").as_second()
}

pub fn days_since_epoch(date: Date) -> i64 {
    i64::from(date.since(Date::constant(1970, 1, 1)).expect("a span").get_days())
}

/// When the clock last showed a full hour, or was turned.
fn hour_start(zone: &TimeZone, secs: i64) -> i64 {
    let wall = zone.to_datetime(timestamp(secs));
    let full = secs - i64::from(wall.minute()) * 60 - i64::from(wall.second());
    let turned = zone.preceding(timestamp(secs + 1)).next().map(|turn| turn.timestamp().as_second());
    turned.map_or(full, |turned| turned.max(full))
}
