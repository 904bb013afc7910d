use std::collections::HashMap;
use std::net::IpAddr;

use proptest::prelude::*;
use weir_event::{LocalDay, Millis, VisitorId};
use weir_registry::Site;

use crate::{Fixture, open};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const ZONES: [&str; 6] =
    ["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Chatham", "Africa/Cairo", "Australia/Lord_Howe"];

impl Fixture {
    fn key_file(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("day-keys")).expect("a key file")
    }

    /// The days that the file holds keys for.
    fn days_on_disk(&self, site: &Site) -> Vec<LocalDay> {
        let text = self.key_file();
        let lines = text.lines().skip(1).map(|line| line.split(' ').collect::<Vec<_>>());
        let own = lines.filter(|words| words[0] == site.id.to_string());
        own.map(|words| words[1].parse().expect("a date")).collect()
    }

    fn visitor(&self, site: &Site, day: LocalDay) -> Option<VisitorId> {
        self.visitor_from(site, day, "192.0.2.7", FIREFOX)
    }

    fn visitor_from(&self, site: &Site, day: LocalDay, ip: &str, agent: &str) -> Option<VisitorId> {
        let ip: IpAddr = ip.parse().expect("an address");
        let now = weir_event::Clock::now(&self.clock);
        self.registry.visitor_id(site, day, now, ip, agent)
    }
}

#[test]
fn a_visitor_is_the_same_all_day_also_after_a_crash() {
    let mut server = Fixture::new();
    let site = server.site("example.com", "Asia/Kathmandu");
    let today = site.day_of(crate::NOON);
    server.clock.set(site.start_of(today));
    let first = server.visitor(&site, today).expect("an id");
    server.restart();
    assert_eq!(server.visitor(&site, today), Some(first));
    server.clock.set(site.start_of(today.next()) - 1);
    server.registry.refresh().expect("refreshes");
    server.restart();
    assert_eq!(server.visitor(&site, today), Some(first));
}

#[test]
fn whoever_differs_in_address_agent_site_or_day_is_someone_else() {
    let server = Fixture::new();
    let (a, b) = (server.site("a.com", "UTC"), server.site("b.com", "UTC"));
    let today = a.day_of(crate::NOON);
    server.clock.set(a.start_of(today.next()) - 1);
    let ids = [
        server.visitor_from(&a, today, "192.0.2.7", FIREFOX),
        server.visitor_from(&a, today, "192.0.2.8", FIREFOX),
        server.visitor_from(&a, today, "192.0.2.7", "curl"),
        server.visitor_from(&a, today, "192.0.2.7", ""),
        server.visitor_from(&b, today, "192.0.2.7", FIREFOX),
        server.visitor_from(&a, today.next(), "192.0.2.7", FIREFOX),
        server.visitor_from(&a, today, "2001:db8::1", FIREFOX),
        // The whole address, not its network: two devices of one home are two visitors.
        server.visitor_from(&a, today, "2001:db8::2", FIREFOX),
    ];
    let distinct: std::collections::HashSet<_> = ids.iter().map(|id| id.expect("an id")).collect();
    assert_eq!(distinct.len(), ids.len());
    let mapped = server.visitor_from(&a, today, "::ffff:192.0.2.7", FIREFOX);
    assert_eq!(mapped, ids[0], "an IPv4 address is one in any notation");
}

/// What an event of the day before, of today and of tomorrow gets, so far from midnight.
fn check_around_midnight(zone: &str, past_midnight_ms: i64, has_id: [bool; 5]) {
    let server = Fixture::new();
    let site = server.site("example.com", zone);
    // Two days on, so that no key is there yet.
    let midnight = site.start_of(site.day_of(crate::NOON).next().next());
    let today = site.day_of(midnight);
    server.clock.set(midnight + past_midnight_ms);
    let days = [today.previous().previous(), today.previous(), today, today.next(), today.next().next()];
    let got = days.map(|day| server.visitor(&site, day).is_some());
    assert_eq!(got, has_id, "{zone}, {past_midnight_ms} ms past midnight");
}

#[test]
fn a_day_has_visitors_from_a_minute_before_it_until_an_hour_after() {
    for zone in ZONES {
        // days:                                     -2     -1     0      1      2
        check_around_midnight(zone, -60_001, [false, true, false, false, false]);
        check_around_midnight(zone, -60_000, [false, true, true, false, false]);
        check_around_midnight(zone, -1, [false, true, true, false, false]);
        check_around_midnight(zone, 0, [false, true, true, false, false]);
        check_around_midnight(zone, 3_599_999, [false, true, true, false, false]);
        check_around_midnight(zone, 3_600_000, [false, false, true, false, false]);
    }
}

#[test]
fn visitors_keep_their_ids_through_the_hour_in_which_both_days_have_keys() {
    let mut server = Fixture::new();
    let site = server.site("example.com", "Africa/Cairo");
    let (today, tomorrow) = (site.day_of(crate::NOON), site.day_of(crate::NOON).next());
    let midnight = site.start_of(tomorrow);
    server.clock.set(midnight - 30_000);
    let before = (server.visitor(&site, today), server.visitor(&site, tomorrow));
    server.clock.set(midnight + Millis::HOUR - 1);
    server.registry.refresh().expect("refreshes");
    server.restart();
    assert_eq!((server.visitor(&site, today), server.visitor(&site, tomorrow)), before);
    assert_eq!(server.days_on_disk(&site), [today, tomorrow]);
}

#[test]
fn an_hour_past_midnight_yesterday_is_gone_from_the_file() {
    let server = Fixture::new();
    let site = server.site("example.com", "America/New_York");
    let other = server.site("example.org", "Pacific/Chatham");
    let today = site.day_of(crate::NOON);
    server.registry.refresh().expect("refreshes");
    let yesterdays_line = server.key_file().lines().find(|l| l.starts_with("1 ")).expect("a line").to_owned();
    let yesterdays_key = yesterdays_line.split(' ').next_back().expect("a key").to_owned();

    server.clock.set(site.start_of(today.next()) + Millis::HOUR - 1);
    server.registry.refresh().expect("refreshes");
    assert_eq!(server.days_on_disk(&site), [today, today.next()]);
    assert!(server.key_file().contains(&yesterdays_key));

    server.clock.advance_ms(1);
    server.registry.refresh().expect("refreshes");
    assert_eq!(server.days_on_disk(&site), [today.next()]);
    assert!(!server.key_file().contains(&yesterdays_key));
    assert_eq!(server.days_on_disk(&other).len(), 1, "the other site has its own midnight");
}

#[test]
fn a_server_that_starts_late_destroys_what_it_finds() {
    let mut server = Fixture::new();
    let site = server.site("example.com", "UTC");
    let today = site.day_of(crate::NOON);
    let id = server.visitor(&site, today);
    assert_eq!(server.days_on_disk(&site), [today]);
    server.clock.advance_ms(3 * Millis::DAY);
    server.restart();
    let now = LocalDay(today.0 + 3);
    assert_eq!(server.days_on_disk(&site), [now]);
    assert_eq!(server.visitor(&site, today), None);
    assert_ne!(server.visitor(&site, now), id);
}

#[test]
fn tomorrows_key_is_made_before_its_first_event_needs_it() {
    let server = Fixture::new();
    let site = server.site("example.com", "Asia/Kathmandu");
    let today = site.day_of(crate::NOON);
    server.clock.set(site.start_of(today.next()) - 60_001);
    server.registry.refresh().expect("refreshes");
    assert_eq!(server.days_on_disk(&site), [today]);
    server.clock.advance_ms(1);
    server.registry.refresh().expect("refreshes");
    assert_eq!(server.days_on_disk(&site), [today, today.next()]);
}

#[test]
fn a_key_is_on_disk_before_anyone_has_an_id_under_it() {
    let server = Fixture::new();
    let site = server.site("example.com", "UTC");
    let today = site.day_of(crate::NOON);
    let id = server.visitor(&site, today).expect("an id");
    // What a power cut would leave at this instant, in another folder.
    let other = tempfile::tempdir().expect("a folder");
    for name in ["day-keys", "registry.db", "registry.db-wal"] {
        std::fs::copy(server.folder.path().join(name), other.path().join(name)).expect("copies");
    }
    let restored = open(other.path(), &server.clock);
    let again =
        restored.visitor_id(&site, today, crate::NOON, "192.0.2.7".parse().expect("an address"), FIREFOX);
    assert_eq!(again, Some(id));
}

#[test]
fn many_first_events_of_a_day_at_once_agree_on_its_key() {
    let server = Fixture::new();
    let site = server.site("example.com", "UTC");
    let day = site.day_of(crate::NOON).next();
    server.clock.set(site.start_of(day));
    let ids: std::collections::HashSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| server.visitor(&site, day))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic").expect("an id")).collect()
    });
    assert_eq!(ids.len(), 1);
}

#[test]
fn keys_are_in_no_database_and_readable_by_their_owner_only() {
    let server = Fixture::new();
    let site = server.site("example.com", "UTC");
    server.visitor(&site, site.day_of(crate::NOON)).expect("an id");
    server.registry.set_setting("a", "b").expect("sets");
    let text = server.key_file();
    let hex = text.lines().nth(1).and_then(|line| line.split(' ').next_back()).expect("a key");
    let bytes: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hexadecimal")).collect();
    assert!(server.database_holds(b"example.com"), "the search finds what is there");
    assert!(!server.database_holds(hex.as_bytes()));
    assert!(!server.database_holds(&bytes));
    #[cfg(unix)]
    for name in ["day-keys", "registry.db", "registry.db-wal"] {
        assert_eq!(crate::mode_of(&server.folder.path().join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_removed_sites_keys_are_destroyed() {
    let server = Fixture::new();
    let (gone, stays) = (server.site("a.com", "UTC"), server.site("b.com", "UTC"));
    server.registry.refresh().expect("refreshes");
    assert_eq!((server.days_on_disk(&gone).len(), server.days_on_disk(&stays).len()), (1, 1));
    server.beside().remove_site("a.com").expect("removes");
    server.registry.refresh().expect("refreshes");
    assert_eq!((server.days_on_disk(&gone).len(), server.days_on_disk(&stays).len()), (0, 1));
}

#[test]
fn a_command_beside_the_server_has_no_keys_and_makes_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = weir_testkit::TestClock::at(crate::NOON);
    let beside = weir_registry::Registry::open_beside(folder.path(), std::sync::Arc::new(clock))
        .expect("opens beside");
    let site = beside.add_site("example.com", &crate::utc()).expect("adds");
    beside.refresh().expect("refreshes");
    let ip = "192.0.2.7".parse().expect("an address");
    assert_eq!(beside.visitor_id(&site, site.day_of(crate::NOON), crate::NOON, ip, FIREFOX), None);
    assert!(!folder.path().join("day-keys").exists());
}

#[test]
fn while_keys_can_not_be_kept_nobody_gets_an_id_under_them() {
    let server = Fixture::new();
    let site = server.site("example.com", "UTC");
    let today = site.day_of(crate::NOON);
    let id = server.visitor(&site, today).expect("an id");
    // In the way of every new key file, also for the superuser.
    let obstacle = server.folder.path().join("day-keys.new");
    std::fs::create_dir(&obstacle).expect("makes");
    server.clock.set(site.start_of(today.next()));
    server.registry.refresh().expect_err("the key can't be kept");
    assert_eq!(server.visitor(&site, today.next()), None);
    assert_eq!(server.visitor(&site, today), Some(id), "a key that is kept goes on");

    std::fs::remove_dir(&obstacle).expect("removes");
    assert_eq!(server.visitor(&site, today.next()), None, "not tried again at once");
    server.clock.advance_ms(1_000);
    assert!(server.visitor(&site, today.next()).is_some());
}

#[test]
fn a_damaged_key_file_stops_the_start_and_says_what_helps() {
    let server = Fixture::new();
    let path = server.folder.path().join("day-keys");
    std::fs::write(&path, "weir day keys 1\n1 2026-06-01 00").expect("writes");
    let opened =
        weir_registry::Registry::open(server.folder.path(), std::sync::Arc::new(server.clock.clone()));
    let error = opened.err().expect("refused").to_string();
    assert!(error.contains("day-keys") && error.contains("remove it"), "{error}");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(i64),
    /// An event of today plus so many days, of a visitor.
    Event(i32, u8),
    Refresh,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![0..5 * Millis::MINUTE, 0..20 * Millis::HOUR, Just(Millis::HOUR), Just(59_999)];
    let step = prop_oneof![
        3 => wait.prop_map(Step::Wait),
        8 => (-2..=1, 0u8..3).prop_map(|(day, who)| Step::Event(day, who)),
        1 => Just(Step::Refresh),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

/// Runs the steps and holds what is given out against the rule, written differently.
fn check_history(zone: &str, start_ms: i64, steps: &[Step]) {
    let mut server = Fixture::new();
    let site = server.site("example.com", zone);
    let mut given: HashMap<(LocalDay, u8), VisitorId> = HashMap::new();
    let mut now = crate::NOON + start_ms;
    for step in steps {
        server.clock.set(now);
        match *step {
            Step::Wait(ms) => now = now + ms,
            Step::Refresh => drop(server.registry.refresh().expect("refreshes")),
            Step::Restart => server.restart(),
            Step::Event(day, who) => {
                let day = LocalDay(site.zone.day_of(now).0 + day);
                let frame = site.zone.frame(day);
                let id = server.visitor_from(&site, day, &format!("192.0.2.{who}"), FIREFOX);
                let lives = frame.start - 60_000 <= now && now < frame.end + 3_600_000;
                assert_eq!(id.is_some(), lives, "{zone}: {day} at {now}");
                if let Some(id) = id {
                    assert_eq!(*given.entry((day, who)).or_insert(id), id, "{zone}: {day} at {now}");
                }
            }
        }
    }
    let distinct: std::collections::HashSet<_> = given.values().collect();
    assert_eq!(distinct.len(), given.len(), "no two days and no two visitors share an id");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_an_id_is_stable_while_its_day_lives_and_gone_after(
        zone in 0..ZONES.len(),
        start_ms in 0..Millis::DAY,
        steps in steps(),
    ) {
        check_history(ZONES[zone], start_ms, &steps);
    }
}
