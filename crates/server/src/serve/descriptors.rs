//! File descriptors: each connection takes one, and the databases must never be the ones to go without.

use weir_event::limits;

/// What databases, logs and the runtime need besides connections, with room to spare.
const KEPT: usize = 256;

/// Raises what this process may have open as far as the system lets it, and tells how many of them
/// connections may take.
pub(super) fn for_connections() -> usize {
    connections_within(raised())
}

fn connections_within(descriptors: usize) -> usize {
    // A system that allows hardly any is left half of them.
    descriptors.saturating_sub(KEPT).max(descriptors / 2).clamp(1, limits::CONNECTIONS_MAX)
}

/// The soft limit is 1,024 on most systems, far below the hard one.
#[cfg(unix)]
fn raised() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let found = getrlimit(Resource::Nofile);
    let wanted = (limits::CONNECTIONS_MAX + KEPT) as u64;
    let possible = found.maximum.map_or(wanted, |hard| hard.min(wanted));
    let now = found.current.unwrap_or(u64::MAX);
    let raised = Rlimit { current: Some(possible), ..found };
    // Where it can't be raised, it stays: fewer connections are no reason not to start.
    let allowed = if now < possible && setrlimit(Resource::Nofile, raised).is_ok() { possible } else { now };
    usize::try_from(allowed).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn raised() -> usize {
    limits::CONNECTIONS_MAX + KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_databases_their_descriptors() {
        for (descriptors, connections) in [
            (1_000_000, limits::CONNECTIONS_MAX),
            (10_256, 10_000),
            (10_255, 9_999),
            (1_024, 768),
            (256, 128),
            (1, 1),
        ] {
            assert_eq!(connections_within(descriptors), connections, "{descriptors}");
        }
        assert!((1..=limits::CONNECTIONS_MAX).contains(&for_connections()));
    }
}
