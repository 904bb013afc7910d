use weir_registry::{Registry, RegistryError};

use crate::Fixture;

const ME: &str = "me@example.com";
const PASSWORD: &str = "correct horse";

fn code(registry: &Registry) -> String {
    registry.setup_code().expect("no error").expect("a code")
}

#[test]
fn the_code_is_easy_to_type_and_stays_until_it_is_used() {
    let mut server = Fixture::new();
    let first = code(&server.registry);
    assert!(first.split('-').all(|group| group.len() == 4) && first.split('-').count() == 4, "{first}");
    assert_eq!(code(&server.registry), first);
    server.restart();
    assert_eq!(code(&server.registry), first);
    assert_eq!(code(&server.beside()), first);
    assert!(!server.database_holds(first.as_bytes()));
    #[cfg(unix)]
    assert_eq!(crate::mode_of(&server.folder.path().join("setup-code")), 0o600);

    let session = server.registry.set_up_owner(&first, ME, PASSWORD).expect("the owner");
    assert_eq!(server.registry.session(&session.token).map(|user| user.email), Some(ME.to_owned()));
    assert!(server.registry.has_users());
    assert_eq!(server.registry.setup_code().expect("no error"), None);
    assert!(!server.folder.path().join("setup-code").exists());
    let again = server.registry.set_up_owner(&first, "you@example.com", PASSWORD);
    assert!(matches!(again, Err(RegistryError::AlreadySetUp)));
}

#[test]
fn it_is_taken_however_a_person_types_it() {
    for typed in [
        |code: &str| code.to_lowercase(),
        |code: &str| code.replace('-', ""),
        |code: &str| format!(" {} ", code.replace('-', " ")),
        |code: &str| code.replace('0', "o").replace('1', "l"),
    ] {
        let server = Fixture::new();
        let typed = typed(&code(&server.registry));
        server.registry.set_up_owner(&typed, ME, PASSWORD).expect(&typed);
    }
}

#[test]
fn wrong_codes_are_refused_and_after_five_the_right_one_waits_too() {
    let server = Fixture::new();
    let right = code(&server.registry);
    for wrong in ["", "AAAA-AAAA-AAAA-AAAA", &right[1..], &format!("{right}0"), &"0".repeat(100_000)] {
        let refused = server.registry.set_up_owner(wrong, ME, PASSWORD);
        assert!(matches!(refused, Err(RegistryError::WrongSetupCode)), "{wrong:.40}");
    }
    let throttled = server.registry.set_up_owner(&right, ME, PASSWORD);
    assert!(matches!(throttled, Err(RegistryError::TooManyTries { retry_after_secs: 30 })));
    assert!(!server.registry.has_users());
    server.clock.advance_ms(30_000);
    server.registry.set_up_owner(&right, ME, PASSWORD).expect("the owner");
}

#[test]
fn a_weak_password_does_not_use_the_code_up() {
    let server = Fixture::new();
    let code = code(&server.registry);
    for (email, password) in [(ME, "1234567"), ("no address", PASSWORD)].repeat(4) {
        let refused = server.registry.set_up_owner(&code, email, password);
        assert!(matches!(refused, Err(RegistryError::Invalid(_))));
    }
    server.registry.set_up_owner(&code, ME, PASSWORD).expect("the owner");
}

#[test]
fn without_a_code_that_was_made_no_code_is_right() {
    let server = Fixture::new();
    let refused = server.registry.set_up_owner("", ME, PASSWORD);
    assert!(matches!(refused, Err(RegistryError::WrongSetupCode)));
}

#[test]
fn a_user_added_by_command_ends_the_set_up() {
    let server = Fixture::new();
    let code = code(&server.registry);
    server.beside().add_user("you@example.com", PASSWORD).expect("adds");
    let late = server.registry.set_up_owner(&code, ME, PASSWORD);
    assert!(matches!(late, Err(RegistryError::AlreadySetUp)));
    assert!(!server.folder.path().join("setup-code").exists());
}

#[test]
fn a_lost_file_makes_a_new_code_and_the_old_one_worthless() {
    let server = Fixture::new();
    let old = code(&server.registry);
    std::fs::remove_file(server.folder.path().join("setup-code")).expect("removes");
    let new = code(&server.registry);
    assert_ne!(old, new);
    let refused = server.registry.set_up_owner(&old, ME, PASSWORD);
    assert!(matches!(refused, Err(RegistryError::WrongSetupCode)));
    server.registry.set_up_owner(&new, ME, PASSWORD).expect("the owner");
}

#[test]
fn of_many_who_have_the_code_one_becomes_the_owner() {
    let server = Fixture::new();
    let code = code(&server.registry);
    let owners = std::thread::scope(|scope| {
        let set_up = |n: usize| {
            let (registry, code) = (&server.registry, &code);
            scope.spawn(move || registry.set_up_owner(code, &format!("{n}@example.com"), PASSWORD).is_ok())
        };
        let threads: Vec<_> = (0..4).map(set_up).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).filter(|ok| *ok).count()
    });
    assert_eq!(owners, 1);
    assert_eq!(server.registry.users().expect("reads").len(), 1);
}
