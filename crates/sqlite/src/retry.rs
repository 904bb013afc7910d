use std::time::{Duration, Instant};

/// The first pause after a failed try. Each next one doubles: ten of them last four seconds.
const PAUSE_FIRST: Duration = Duration::from_millis(4);

/// How often and how long something is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    since: Instant,
    deadline: Duration,
    pause: Duration,
    retries_left: u32,
}

impl Patience {
    pub fn new(retries_max: u32, since: Instant, deadline: Duration) -> Self {
        Self { since, deadline, pause: PAUSE_FIRST, retries_left: retries_max }
    }

    /// The pause before the next try; `None` where there is none, for the tries or the time are used
    /// up.
    pub fn next_pause(&mut self) -> Option<Duration> {
        let pause = self.pause;
        if self.retries_left == 0 || self.since.elapsed() + pause >= self.deadline {
            return None;
        }
        self.retries_left -= 1;
        self.pause *= 2;
        Some(pause)
    }
}

#[expect(clippy::disallowed_methods, reason = "a pause between tries: there is no condition to await")]
pub fn back_off(pause: Duration) {
    std::thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_tries_or_time_are_used_up() {
        let pauses = |retries_max, deadline_ms| {
            let deadline = Duration::from_millis(deadline_ms);
            let mut patience = Patience::new(retries_max, Instant::now(), deadline);
            std::iter::from_fn(move || patience.next_pause())
                .map(|pause| pause.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(10, 600_000), [4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048]);
        assert_eq!(pauses(3, 600_000), [4, 8, 16]);
        assert_eq!(pauses(10, 4), []);
        assert_eq!(pauses(0, 600_000), []);
    }
}
