use weir_registry::{Access, RegistryError, Right};

use crate::Fixture;

#[test]
fn a_token_gives_the_access_it_was_made_for() {
    let mut server = Fixture::new();
    let site = server.site("example.com", "UTC");
    let all = server.registry.create_token("all", None).expect("makes");
    let one = server.beside().create_token("one", Some("https://example.com")).expect("makes");
    assert!(all.token.starts_with("weir_") && all.token.len() == 5 + 64, "256 bits");
    server.restart();
    assert_eq!(server.registry.token_access(&all.token), Some(Access::All));
    assert_eq!(server.registry.token_access(&one.token), Some(Access::Site(site.id)));
    let (head, rest) = all.token.split_at(10);
    let flipped = format!("{head}{}{}", if rest.starts_with('0') { '1' } else { '0' }, &rest[1..]);
    for wrong in ["", "weir_", &all.token[5..], &all.token[..68], &flipped, &"x".repeat(100_000)] {
        assert_eq!(server.registry.token_access(wrong), None, "{wrong:.80}");
    }
    assert!(!server.database_holds(all.token.as_bytes()));
    assert!(!format!("{all:?}").contains(&all.token));
}

#[test]
fn the_whole_hash_must_match_not_only_where_it_is_found() {
    let server = Fixture::new();
    let token = server.registry.create_token("all", None).expect("makes").token;
    assert!(server.registry.token_access(&token).is_some());
    server.tamper("UPDATE tokens SET hash = zeroblob(32)");
    assert!(server.registry.token_access(&token).is_none());
}

#[test]
fn a_token_reads_or_sends_and_never_both() {
    let mut server = Fixture::new();
    let site = server.site("example.com", "UTC");
    let reads = server.registry.create_token("reads", None).expect("makes").token;
    let all = server.registry.create_sending_token("all", None).expect("makes").token;
    let one = server.registry.create_sending_token("one", Some("example.com")).expect("makes").token;
    for _ in 0..2 {
        let snapshot = server.registry.snapshot();
        assert_eq!(snapshot.sender_access(&reads), None);
        assert_eq!(snapshot.sender_access(&all), Some(Access::All));
        assert_eq!(snapshot.sender_access(&one), Some(Access::Site(site.id)));
        assert_eq!(server.registry.token_access(&reads), Some(Access::All));
        assert_eq!(server.registry.token_access(&all), None);
        assert_eq!(server.registry.token_access(&one), None);
        server.restart();
    }
    let rights: Vec<Right> = server.registry.tokens().expect("reads").iter().map(|t| t.right).collect();
    assert_eq!(rights, [Right::Read, Right::Send, Right::Send]);
    for wrong in ["", "weir_", &all[5..], &format!("{}x", &all[..68]), &"x".repeat(100_000)] {
        assert_eq!(server.registry.snapshot().sender_access(wrong), None, "{wrong:.80}");
    }
    assert!(!server.database_holds(all.as_bytes()));
    server.tamper("UPDATE tokens SET hash = zeroblob(32)");
    server.restart();
    assert_eq!(server.registry.snapshot().sender_access(&all), None, "the whole hash must match");
}

#[test]
fn a_sending_token_made_or_revoked_beside_a_server_is_known_at_its_next_refresh() {
    let server = Fixture::new();
    server.site("example.com", "UTC");
    let all = server.beside().create_sending_token("all", None).expect("makes").token;
    let one = server.beside().create_sending_token("one", Some("example.com")).expect("makes").token;
    assert!(server.registry.refresh().expect("refreshes"));
    let may_send = |token: &str| server.registry.snapshot().sender_access(token).is_some();
    assert!(may_send(&all) && may_send(&one));
    server.beside().revoke_token("all").expect("revokes");
    server.registry.refresh().expect("refreshes");
    assert!(!may_send(&all) && may_send(&one));
    server.registry.remove_site("example.com").expect("removes");
    assert!(!may_send(&one), "a site's tokens go with it");
    let again = server.registry.create_sending_token("all", None).expect("makes").token;
    assert!(may_send(&again), "at once where the server makes it");
    server.registry.revoke_token("all").expect("revokes");
    assert!(!may_send(&again));
}

#[test]
fn tokens_are_listed_without_their_text() {
    let server = Fixture::new();
    let site = server.site("example.com", "UTC");
    server.registry.create_token("all", None).expect("makes");
    server.registry.create_token("", Some("example.com")).expect("makes");
    let tokens = server.registry.tokens().expect("reads");
    let listed: Vec<_> = tokens.iter().map(|t| (t.name.as_str(), t.access, t.domain.as_deref())).collect();
    let expected = [("all", Access::All, None), ("token-2", Access::Site(site.id), Some("example.com"))];
    assert_eq!(listed, expected);
    assert_eq!(tokens[0].created, crate::NOON);
}

#[test]
fn a_revoked_token_is_worthless_and_its_number_not_used_again() {
    let server = Fixture::new();
    let (a, b) = (server.registry.create_token("a", None), server.registry.create_token("b", None));
    let (a, b) = (a.expect("makes"), b.expect("makes"));
    assert_eq!(server.beside().revoke_token("a").expect("revokes").id, a.id);
    assert_eq!(server.registry.token_access(&a.token), None);
    assert_eq!(server.registry.token_access(&b.token), Some(Access::All));
    server.registry.revoke_token(&b.id.0.to_string()).expect("revokes by number");
    assert_eq!(server.registry.token_access(&b.token), None);
    for missing in ["a", "2", "99", ""] {
        let refused = server.registry.revoke_token(missing);
        assert!(matches!(refused, Err(RegistryError::NoSuchToken(_))), "{missing:?}");
    }
    let c = server.registry.create_token("a", None).expect("the name is free again");
    assert!(c.id.0 > b.id.0);
}

#[test]
fn removing_a_site_removes_its_tokens() {
    let server = Fixture::new();
    server.site("example.com", "UTC");
    let one = server.registry.create_token("one", Some("example.com")).expect("makes");
    let all = server.registry.create_token("all", None).expect("makes");
    server.registry.remove_site("example.com").expect("removes");
    assert_eq!(server.registry.token_access(&one.token), None);
    assert_eq!(server.registry.token_access(&all.token), Some(Access::All));
}

#[test]
fn names_that_could_not_be_told_apart_are_refused() {
    let server = Fixture::new();
    server.registry.create_token("a", None).expect("makes");
    let again = server.registry.create_token(" a ", None);
    assert!(matches!(again, Err(RegistryError::TokenExists(name)) if name == "a"));
    for (name, is_taken) in
        [("7", false), ("a\nb", false), (&*"x".repeat(100), true), (&*"x".repeat(101), false)]
    {
        let made = server.registry.create_token(name, None);
        assert_eq!(made.is_ok(), is_taken, "{name:?}");
        assert!(is_taken || matches!(made, Err(RegistryError::Invalid(_))), "{name:?}");
    }
    let nowhere = server.registry.create_token("b", Some("example.com"));
    assert!(matches!(nowhere, Err(RegistryError::NoSuchSite(_))));
}
