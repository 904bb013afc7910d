use weir_event::{LocalDay, Millis, Reason, SiteId, Zone};
use weir_registry::{Refusals, RegistryError};

use crate::Fixture;

fn today() -> LocalDay {
    Zone::utc().day_of(crate::NOON)
}

#[test]
fn refusals_add_up_before_and_after_they_are_written() {
    let mut server = Fixture::new();
    let site = Some(server.site("example.com", "UTC").id);
    let (today, bot, old) = (today(), Reason::Malformed, Reason::TooOld);
    server.registry.count_refusals(site, today, old, 2);
    server.registry.count_refusals(None, today, bot, 1);
    server.registry.flush_counts().expect("writes");
    server.registry.count_refusals(site, today, old, 3);
    let expected = vec![
        Refusals { site: None, day: today, reason: bot, n: 1 },
        Refusals { site, day: today, reason: old, n: 5 },
    ];
    assert_eq!(server.registry.refusals().expect("reads"), expected);
    server.registry.flush_counts().expect("writes");
    server.registry.flush_counts().expect("nothing to write");
    server.restart();
    assert_eq!(server.registry.refusals().expect("reads"), expected);
}

#[test]
fn what_can_not_be_written_now_is_written_later() {
    let mut server = Fixture::new();
    server.registry.count_refusals(None, today(), Reason::TooOld, 2);
    server.registry.unknown_host("example.com");
    server.tamper("ALTER TABLE unknown_hosts RENAME TO away");
    server.registry.flush_counts().expect_err("a table is missing");
    server.registry.count_refusals(None, today(), Reason::TooOld, 1);
    server.tamper("ALTER TABLE away RENAME TO unknown_hosts");
    server.registry.flush_counts().expect("writes");
    server.restart();
    assert_eq!(server.registry.refusals().expect("reads")[0].n, 3);
    assert_eq!(server.registry.unknown_hosts().expect("reads")[0].n, 1);
}

#[test]
fn a_removed_sites_refusals_go_with_it() {
    let server = Fixture::new();
    let site = server.site("example.com", "UTC").id;
    server.registry.count_refusals(Some(site), today(), Reason::TooOld, 1);
    server.registry.flush_counts().expect("writes");
    server.registry.count_refusals(Some(site), today(), Reason::TooOld, 1);
    server.registry.remove_site("example.com").expect("removes");
    server.registry.flush_counts().expect("writes");
    assert_eq!(server.registry.refusals().expect("reads"), []);
}

#[test]
fn refusals_are_kept_for_400_days() {
    let server = Fixture::new();
    for age in [400, 401] {
        server.registry.count_refusals(None, LocalDay(today().0 - age), Reason::TooOld, 1);
    }
    server.registry.flush_counts().expect("writes");
    let days: Vec<_> =
        server.registry.refusals().expect("reads").iter().map(|r| today().0 - r.day.0).collect();
    assert_eq!(days, [400]);
}

#[test]
fn memory_for_refusals_is_bounded() {
    let server = Fixture::new();
    for n in 0..=10_000 {
        server.registry.count_refusals(Some(SiteId(n + 1)), today(), Reason::TooOld, 1);
    }
    assert_eq!(server.registry.refusals().expect("reads").len(), 10_000);
    server.registry.count_refusals(Some(SiteId(1)), today(), Reason::TooOld, 1);
    assert_eq!(server.registry.refusals().expect("reads")[0].n, 2, "those that are held go on");
}

#[test]
fn what_trackers_gave_up_adds_up_by_site_and_day_and_goes_with_its_site() {
    let mut server = Fixture::new();
    let site = Some(server.site("example.com", "UTC").id);
    let tomorrow = LocalDay(today().0 + 1);
    server.registry.count_given_up(site, today(), 2);
    server.registry.count_given_up(None, today(), 1);
    server.registry.count_given_up(None, today(), 0);
    server.registry.flush_counts().expect("writes");
    server.registry.count_given_up(site, today(), 3);
    server.registry.count_given_up(site, tomorrow, 4);
    server.registry.count_given_up(None, LocalDay(today().0 - 401), 1);
    server.registry.flush_counts().expect("writes");
    server.restart();
    let given_up = |server: &Fixture| -> Vec<_> {
        let all = server.registry.given_up().expect("reads");
        all.into_iter().map(|of| (of.site, of.day, of.n)).collect()
    };
    let of_none = (None, today(), 1);
    assert_eq!(given_up(&server), [of_none, (site, today(), 5), (site, tomorrow, 4)]);
    server.registry.remove_site("example.com").expect("removes");
    assert_eq!(given_up(&server), [of_none]);
}

#[test]
fn memory_for_what_trackers_gave_up_is_bounded() {
    let server = Fixture::new();
    for n in 0..=10_000 {
        server.registry.count_given_up(Some(SiteId(n + 1)), today(), 1);
    }
    assert_eq!(server.registry.given_up().expect("reads").len(), 10_000);
}

#[test]
fn unknown_hosts_are_offered_until_a_site_takes_them() {
    let mut server = Fixture::new();
    for host in ["WWW.Example.com", "example.com:443", "blog.example.com", "other.org", "not a host", ""] {
        server.registry.unknown_host(host);
    }
    server.clock.advance_ms(1_000);
    server.registry.flush_counts().expect("writes");
    server.registry.unknown_host("other.org");
    server.registry.unknown_host("other.org");
    let listed = |server: &Fixture| -> Vec<_> {
        let hosts = server.registry.unknown_hosts().expect("reads");
        hosts.into_iter().map(|h| (h.host, h.n, h.last_seen - crate::NOON)).collect()
    };
    let other = ("other.org".to_owned(), 3, 1_000);
    let example = [("example.com".to_owned(), 2, 0), ("blog.example.com".to_owned(), 1, 0)];
    assert_eq!(listed(&server), [std::slice::from_ref(&other), &example[..]].concat());

    server.site("example.com", "UTC");
    assert_eq!(listed(&server), std::slice::from_ref(&other));
    server.registry.flush_counts().expect("writes");
    server.restart();
    assert_eq!(listed(&server), [other]);
    server.registry.remove_site("example.com").expect("removes");
    assert_eq!(listed(&server).len(), 1, "what was taken starts anew");
}

#[test]
fn a_hundred_unknown_hosts_are_kept_those_that_sent_most() {
    let server = Fixture::new();
    for n in 0..150 {
        if n % 50 == 0 {
            server.registry.flush_counts().expect("writes");
        }
        server.registry.unknown_host(&format!("h{n}.example"));
        server.registry.unknown_host(&format!("h{n}.example"));
    }
    server.registry.flush_counts().expect("writes");
    server.registry.unknown_host("once.example");
    server.registry.flush_counts().expect("writes");
    let hosts = server.registry.unknown_hosts().expect("reads");
    assert_eq!(hosts.len(), 100);
    assert!(hosts.iter().all(|host| host.n == 2));
}

#[test]
fn a_flood_of_unknown_hosts_takes_bounded_memory() {
    let server = Fixture::new();
    for n in 0..=100 {
        server.registry.unknown_host(&format!("h{n}.example"));
    }
    let hosts = server.registry.unknown_hosts().expect("reads");
    assert_eq!(hosts.len(), 100);
    assert!(hosts.iter().all(|host| host.host != "h100.example"));
}

#[test]
fn an_unknown_host_is_forgotten_after_30_days() {
    let server = Fixture::new();
    server.registry.unknown_host("old.example");
    server.registry.flush_counts().expect("writes");
    server.clock.advance_ms(30 * Millis::DAY);
    server.registry.unknown_host("new.example");
    server.registry.flush_counts().expect("writes");
    assert_eq!(server.registry.unknown_hosts().expect("reads").len(), 2);
    server.clock.advance_ms(1);
    server.registry.unknown_host("new.example");
    server.registry.flush_counts().expect("writes");
    let hosts: Vec<_> = server.registry.unknown_hosts().expect("reads").into_iter().map(|h| h.host).collect();
    assert_eq!(hosts, ["new.example"]);
}

#[test]
fn settings_are_kept_within_their_limits() {
    let mut server = Fixture::new();
    assert_eq!(server.registry.get_setting("a").expect("reads"), None);
    server.registry.set_setting("a", "1").expect("sets");
    server.registry.set_setting("a", "2").expect("sets");
    server.restart();
    assert_eq!(server.registry.get_setting("a").expect("reads").as_deref(), Some("2"));
    for (key, bytes, is_taken) in [(255, 65_536, true), (256, 1, false), (1, 65_537, false), (0, 1, false)] {
        let set = server.registry.set_setting(&"k".repeat(key), &"v".repeat(bytes));
        assert_eq!(set.is_ok(), is_taken, "{key} {bytes}");
        assert!(is_taken || matches!(set, Err(RegistryError::Invalid(_))));
    }
}
