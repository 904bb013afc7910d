use weir_event::limits;

/// The least width of the window in which those come back who were turned away together.
const WINDOW_SECS_MIN: u32 = 2;

/// A moment in a window that begins after `secs` and is half as long again: those who were turned
/// away together must not come back together. The window ends at the longest wait that anybody is
/// asked for; where that would squeeze it, it begins earlier instead.
pub(super) fn spread(secs: u32) -> u32 {
    let mut random = [0; 4];
    // Without randomness there is no spread, which is no reason to fail.
    let _ = getrandom::fill(&mut random);
    within_window(secs, u32::from_le_bytes(random))
}

fn within_window(secs: u32, random: u32) -> u32 {
    let secs = secs.clamp(1, limits::RETRY_AFTER_SECS_MAX);
    let width = WINDOW_SECS_MIN.max(secs / 2);
    let first = secs.min(limits::RETRY_AFTER_SECS_MAX - width);
    first + random % (width + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait computed, and the window in which senders come back, all of whose seconds are used.
    fn check_window(secs: u32, first: u32, last: u32) {
        let found: std::collections::BTreeSet<u32> =
            (0..1_000).map(|random| within_window(secs, random)).collect();
        assert_eq!(found, (first..=last).collect(), "{secs} s");
    }

    #[test]
    fn waits_are_spread_and_never_longer_than_the_longest() {
        check_window(0, 1, 3);
        check_window(1, 1, 3);
        check_window(5, 5, 7);
        check_window(10, 10, 15);
        check_window(20, 20, 30);
        check_window(21, 20, 30);
        check_window(30, 15, 30);
        check_window(u32::MAX, 15, 30);
    }

    #[test]
    fn two_hundred_senders_come_back_in_every_second_of_the_window() {
        let found: std::collections::BTreeSet<u32> = (0..200).map(|_| spread(4)).collect();
        assert_eq!(found, (4..=6).collect());
    }
}
