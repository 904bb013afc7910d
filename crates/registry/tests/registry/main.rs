//! The registry as its users see it: real files, a clock that stands where the test puts it.

mod accounts;
mod counts;
mod day_keys;
mod proofs;
mod setup;
mod sites;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use weir_event::{Millis, Zone};
use weir_registry::{Registry, Site};
use weir_testkit::TestClock;

/// 2026-06-01T12:00:00Z
const NOON: Millis = Millis(1_780_315_200_000);

/// A data folder, and a server's registry in it.
struct Fixture {
    folder: TempDir,
    clock: TestClock,
    registry: Registry,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = TestClock::at(NOON);
        let registry = open(folder.path(), &clock);
        Self { folder, clock, registry }
    }

    /// Lets the registry go without a word and opens what is on disk, as after a crash.
    fn restart(&mut self) {
        self.registry = open(self.folder.path(), &self.clock);
    }

    fn beside(&self) -> Registry {
        Registry::open_beside(self.folder.path(), Arc::new(self.clock.clone())).expect("opens beside")
    }

    fn site(&self, domain: &str, zone: &str) -> Site {
        self.registry.add_site(domain, &zone.parse().expect("a zone")).expect("adds")
    }

    /// Changes the database behind the registry's back.
    fn tamper(&self, sql: &str) {
        let path = self.folder.path().join("registry.db");
        let conn = weir_sqlite::open_writer(&path, &weir_sqlite::Tuning::default()).expect("opens");
        conn.execute_batch(sql).expect("changes");
    }

    /// Whether the bytes are anywhere in the database's files.
    fn database_holds(&self, bytes: &[u8]) -> bool {
        ["registry.db", "registry.db-wal"].iter().any(|name| {
            let file = std::fs::read(self.folder.path().join(name)).unwrap_or_default();
            file.windows(bytes.len()).any(|window| window == bytes)
        })
    }
}

fn open(folder: &Path, clock: &TestClock) -> Registry {
    Registry::open(folder, Arc::new(clock.clone())).expect("opens")
}

fn utc() -> Zone {
    Zone::utc()
}

#[cfg(unix)]
fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
}
