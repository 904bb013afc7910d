use weir_event::Millis;
use weir_registry::{LoginSession, Registry, RegistryError};

use crate::Fixture;

const ME: &str = "me@example.com";
const PASSWORD: &str = "correct horse";

fn with_user() -> Fixture {
    let server = Fixture::new();
    server.registry.add_user(ME, PASSWORD).expect("adds");
    server
}

fn logged_in(registry: &Registry, password: &str) -> LoginSession {
    registry.login(ME, password).expect("not throttled").expect("logged in")
}

fn wait_secs(login: Result<Option<LoginSession>, RegistryError>) -> u32 {
    match login {
        Err(RegistryError::TooManyTries { retry_after_secs }) => retry_after_secs,
        other => panic!("not throttled: {other:?}"),
    }
}

#[test]
fn only_address_and_password_together_let_in() {
    let server = with_user();
    for (email, password, is_in) in [
        (ME, PASSWORD, true),
        (" ME@Example.com", PASSWORD, true),
        (ME, "correct horsf", false),
        (ME, "", false),
        ("you@example.com", PASSWORD, false),
        ("no address", PASSWORD, false),
        ("", "", false),
    ] {
        let login = server.registry.login(email, password).expect("not throttled");
        assert_eq!(login.is_some(), is_in, "{email:?} {password:?}");
    }
}

#[test]
fn a_session_is_known_by_its_token_until_it_ends() {
    let mut server = with_user();
    let session = logged_in(&server.registry, PASSWORD);
    assert_eq!(session.expires, crate::NOON + 30 * Millis::DAY);
    server.restart();
    assert_eq!(server.registry.session(&session.token).map(|user| user.email), Some(ME.to_owned()));
    for wrong in ["", "x", &session.token[1..], &session.token.to_uppercase(), &"a".repeat(100_000)] {
        assert_eq!(server.registry.session(wrong), None);
    }
    server.clock.set(session.expires - 1);
    assert!(server.registry.session(&session.token).is_some());
    server.clock.set(session.expires);
    assert!(server.registry.session(&session.token).is_none());
}

#[test]
fn the_whole_hash_must_match_not_only_where_it_is_found() {
    let server = with_user();
    let session = logged_in(&server.registry, PASSWORD);
    server.tamper("UPDATE login_sessions SET hash = zeroblob(32)");
    assert!(server.registry.session(&session.token).is_none());
}

#[test]
fn logging_out_ends_one_session() {
    let server = with_user();
    let (one, two) = (logged_in(&server.registry, PASSWORD), logged_in(&server.registry, PASSWORD));
    server.registry.logout(&one.token);
    server.registry.logout("nobody's");
    assert!(server.registry.session(&one.token).is_none());
    assert!(server.registry.session(&two.token).is_some());
}

#[test]
fn another_password_ends_every_session_also_when_another_process_sets_it() {
    let server = with_user();
    let old = logged_in(&server.registry, PASSWORD);
    server.registry.add_user("you@example.com", PASSWORD).expect("adds");
    let other =
        server.registry.login("you@example.com", PASSWORD).expect("not throttled").expect("logged in");
    server.beside().set_password(ME, "battery staple").expect("sets");
    assert!(server.registry.session(&old.token).is_none());
    assert!(server.registry.session(&other.token).is_some(), "other users stay");
    assert!(server.registry.login(ME, PASSWORD).expect("not throttled").is_none());
    logged_in(&server.registry, "battery staple");
    let missing = server.registry.set_password("nobody@example.com", "battery staple");
    assert!(matches!(missing, Err(RegistryError::NoSuchUser(_))));
}

#[test]
fn users_are_added_once_and_listed_by_address() {
    let server = Fixture::new();
    assert!(!server.registry.has_users());
    server.beside().add_user("b@example.com", PASSWORD).expect("adds");
    server.registry.refresh().expect("refreshes");
    assert!(server.registry.has_users());
    server.registry.add_user("A@example.com", PASSWORD).expect("adds");
    let again = server.registry.add_user("B@example.com ", "battery staple");
    assert!(matches!(again, Err(RegistryError::UserExists(email)) if email == "b@example.com"));
    for (email, password) in [("no address", PASSWORD), ("c@example.com", "short"), (ME, &"x".repeat(1_025))]
    {
        let refused = server.registry.add_user(email, password);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))), "{email}");
    }
    let emails: Vec<_> = server.registry.users().expect("reads").into_iter().map(|user| user.email).collect();
    assert_eq!(emails, ["a@example.com", "b@example.com"]);
}

#[test]
fn forty_wrong_passwords_close_an_account_for_ten_seconds() {
    let server = with_user();
    for _ in 0..40 {
        assert!(server.registry.login(ME, "wrong").expect("not throttled").is_none());
    }
    assert_eq!(wait_secs(server.registry.login(ME, PASSWORD)), 10, "the right one, too");
    assert!(matches!(
        server.registry.check_password(" ME@example.com", PASSWORD),
        Err(RegistryError::TooManyTries { .. })
    ));
    assert!(server.registry.login("you@example.com", "wrong").expect("another is open").is_none());
    server.clock.advance_ms(9_999);
    assert_eq!(wait_secs(server.registry.login(ME, PASSWORD)), 1);
    server.clock.advance_ms(1);
    logged_in(&server.registry, PASSWORD);
}

#[test]
fn right_passwords_use_no_tries_up() {
    let server = with_user();
    for _ in 0..8 {
        assert!(server.registry.check_password(ME, PASSWORD).expect("not throttled"));
    }
    assert!(!server.registry.check_password(ME, "wrong").expect("not throttled"));
}

#[test]
fn fifty_wrong_passwords_anywhere_slow_everybody_down() {
    let server = with_user();
    for n in 0..50 {
        let login = server.registry.login(&format!("{n}@example.com"), "wrong");
        assert!(login.expect("not throttled").is_none());
    }
    assert_eq!(wait_secs(server.registry.login(ME, PASSWORD)), 1);
    server.clock.advance_ms(1_000);
    logged_in(&server.registry, PASSWORD);
}

#[test]
fn a_user_has_at_most_fifty_sessions_and_the_oldest_goes_first() {
    let server = with_user();
    let sessions: Vec<_> = (0..51)
        .map(|_| {
            server.clock.advance_ms(1);
            logged_in(&server.registry, PASSWORD)
        })
        .collect();
    let lives: Vec<_> = sessions.iter().map(|s| server.registry.session(&s.token).is_some()).collect();
    assert!(!lives[0]);
    assert!(lives[1..].iter().all(|lives| *lives));
}

#[test]
fn neither_passwords_nor_tokens_are_in_the_database() {
    let server = with_user();
    let session = logged_in(&server.registry, PASSWORD);
    assert!(server.database_holds(ME.as_bytes()), "the search finds what is there");
    assert!(!server.database_holds(PASSWORD.as_bytes()));
    assert!(!server.database_holds(session.token.as_bytes()));
    assert!(!format!("{session:?}").contains(&session.token));
}
