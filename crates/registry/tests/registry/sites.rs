use weir_registry::{Counting, RegistryError, SiteRules};

use crate::{Fixture, utc};

#[test]
fn a_site_is_kept_as_it_was_added() {
    let mut server = Fixture::new();
    let added = server.site("https://www.Example.com:8080/x", "Pacific/Chatham");
    assert_eq!(
        (added.domain.as_str(), added.zone.name(), added.subdomains),
        ("example.com", "Pacific/Chatham", true)
    );
    assert_eq!(added.created, crate::NOON);
    server.restart();
    let site = server.registry.site("EXAMPLE.com.").expect("is there");
    assert_eq!((site.id, &site.domain, &site.zone), (added.id, &added.domain, &added.zone));
    assert_eq!(server.registry.site_by_id(added.id).map(|site| site.domain.clone()), Some(added.domain));
}

#[test]
fn a_domain_is_taken_once() {
    let server = Fixture::new();
    server.site("example.com", "UTC");
    let again = server.registry.add_site("www.example.com", &utc());
    assert!(matches!(again, Err(RegistryError::SiteExists(domain)) if domain == "example.com"));
    let invalid = server.registry.add_site("exa mple", &utc());
    assert!(matches!(invalid, Err(RegistryError::InvalidDomain { .. })));
    assert_eq!(server.registry.sites().len(), 1);
}

#[test]
fn sites_are_listed_by_domain() {
    let server = Fixture::new();
    for domain in ["c.com", "a.com", "b.com"] {
        server.site(domain, "UTC");
    }
    let domains: Vec<_> = server.registry.sites().iter().map(|site| site.domain.clone()).collect();
    assert_eq!(domains, ["a.com", "b.com", "c.com"]);
}

#[test]
fn a_number_is_never_used_again() {
    let mut server = Fixture::new();
    let first = server.site("a.com", "UTC");
    let last = server.site("b.com", "UTC");
    assert_eq!(server.registry.remove_site("b.com").expect("removes").id, last.id);
    server.restart();
    let next = server.site("b.com", "UTC");
    assert!(first.id < last.id && last.id < next.id, "{} {} {}", first.id, last.id, next.id);
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let server = Fixture::new();
    server.site("example.com", "UTC");
    let missing = server.registry.remove_site("blog.example.com");
    assert!(matches!(missing, Err(RegistryError::NoSuchSite(domain)) if domain == "blog.example.com"));
    assert_eq!(server.registry.sites().len(), 1);
}

#[test]
fn what_another_process_changes_is_seen_at_the_next_refresh() {
    let server = Fixture::new();
    assert!(!server.registry.refresh().expect("refreshes"));
    let beside = server.beside();
    beside.add_site("example.com", &utc()).expect("adds");
    assert!(server.registry.snapshot().site_for_host("example.com").is_none());
    assert!(server.registry.refresh().expect("refreshes"));
    assert!(server.registry.snapshot().site_for_host("example.com").is_some());
    assert!(!server.registry.refresh().expect("refreshes"), "said once");

    server.registry.remove_site("example.com").expect("removes");
    assert!(server.registry.site("example.com").is_none(), "own changes are seen at once");
    assert!(server.registry.refresh().expect("refreshes"), "and reported, too");
    assert!(beside.refresh().expect("refreshes"));
    assert!(beside.site("example.com").is_none());
}

#[test]
fn a_snapshot_in_hand_never_changes() {
    let server = Fixture::new();
    server.site("example.com", "UTC");
    let before = server.registry.snapshot();
    server.registry.remove_site("example.com").expect("removes");
    assert!(before.site_for_host("example.com").is_some());
    assert!(server.registry.snapshot().site_for_host("example.com").is_none());
}

fn rules() -> SiteRules {
    SiteRules { subdomains: true, kept_params: vec![], excluded_ips: vec![], own_hosts: vec![] }
}

#[test]
fn rules_replace_those_before_and_outlive_a_restart() {
    let mut server = Fixture::new();
    server.site("example.com", "UTC");
    let wanted = SiteRules {
        subdomains: false,
        kept_params: vec!["page".to_owned()],
        excluded_ips: vec!["192.0.2.0/24".to_owned(), "2001:db8::1".to_owned()],
        own_hosts: vec!["WWW.Pay.example.net".to_owned()],
    };
    let set = server.registry.set_site_rules("example.com", &wanted).expect("sets");
    let kept = SiteRules { own_hosts: vec!["pay.example.net".to_owned()], ..wanted };
    assert_eq!(set.rules(), kept);
    server.restart();
    let site = server.registry.site("example.com").expect("is there");
    assert_eq!(site.rules(), kept);
    assert!(site.excludes("192.0.2.255".parse().expect("an address")));
    assert!(server.registry.snapshot().site_for_host("a.example.com").is_none());
    assert!(matches!(server.registry.set_site_rules("a.com", &kept), Err(RegistryError::NoSuchSite(_))));
}

fn check_rules(rules: &SiteRules, is_taken: bool) {
    let server = Fixture::new();
    let before = server.site("example.com", "UTC").rules();
    let set = server.registry.set_site_rules("example.com", rules);
    if is_taken {
        set.expect("taken");
    } else {
        assert!(matches!(set, Err(RegistryError::Invalid(_))), "{rules:?}");
        assert_eq!(server.registry.site("example.com").expect("is there").rules(), before);
    }
}

#[test]
fn rules_that_are_not_understood_or_too_many_are_refused_whole() {
    let texts = |n: usize, text: &str| vec![text.to_owned(); n];
    check_rules(&SiteRules { excluded_ips: texts(100, "192.0.2.1"), ..rules() }, true);
    check_rules(&SiteRules { excluded_ips: texts(101, "192.0.2.1"), ..rules() }, false);
    check_rules(&SiteRules { excluded_ips: texts(1, "192.0.2.0/33"), ..rules() }, false);
    check_rules(&SiteRules { excluded_ips: texts(1, "here"), ..rules() }, false);
    check_rules(&SiteRules { kept_params: texts(1, &"p".repeat(255)), ..rules() }, true);
    check_rules(&SiteRules { kept_params: texts(1, &"p".repeat(256)), ..rules() }, false);
    check_rules(&SiteRules { kept_params: texts(1, ""), ..rules() }, false);
    check_rules(&SiteRules { own_hosts: texts(1, "a b"), ..rules() }, false);
    check_rules(&SiteRules { own_hosts: texts(1, "192.0.2.1"), ..rules() }, false);
}

#[test]
fn how_a_site_counts_outlives_a_restart_and_is_known_beside_at_once() {
    let mut server = Fixture::new();
    let beside = server.beside();
    assert_eq!(server.site("example.com", "UTC").counting, Counting::default());
    let wanted = Counting { visit_timeout_secs: 3_600, counts_bots: true };
    assert_eq!(server.registry.set_counting("www.example.com", wanted).expect("set").counting, wanted);
    beside.catch_up().expect("read");
    assert_eq!(beside.site("example.com").expect("there").counting, wanted);
    server.restart();
    assert_eq!(server.registry.site("example.com").expect("there").counting, wanted);
    let missing = server.registry.set_counting("a.com", wanted);
    assert!(matches!(missing, Err(RegistryError::NoSuchSite(_))));
    for (minutes, is_taken) in [(4, false), (5, true), (240, true), (241, false)] {
        let counting = Counting { visit_timeout_secs: minutes * 60, counts_bots: false };
        assert_eq!(server.registry.set_counting("example.com", counting).is_ok(), is_taken, "{minutes}");
    }
}

#[test]
fn a_file_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let conn = weir_sqlite::open_writer(&folder.path().join("registry.db"), &weir_sqlite::Tuning::default());
    conn.expect("opens").pragma_update(None, "user_version", 1_000).expect("sets");
    let clock = std::sync::Arc::new(weir_testkit::TestClock::at(crate::NOON));
    let error = weir_registry::Registry::open(folder.path(), clock).err().expect("refused");
    assert_eq!(error.trouble(), Some(weir_sqlite::Trouble::Refused));
    assert!(!folder.path().join("day-keys").exists());
}
