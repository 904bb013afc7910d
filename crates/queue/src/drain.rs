use std::time::{Duration, Instant};

/// Settlements closer together than this belong to one stretch of work; a longer gap means that
/// there was nothing to do, which says nothing of the speed.
const GAP_MAX: Duration = Duration::from_secs(5);

/// The shortest stretch that gives a figure.
const STRETCH_MIN: Duration = Duration::from_secs(1);

/// How fast the processor empties the queue, from what it settles.
#[derive(Debug, Default)]
pub(crate) struct DrainRate {
    stretch: Option<Stretch>,
    per_sec: Option<f64>,
}

#[derive(Debug)]
struct Stretch {
    start: Instant,
    last: Instant,
    events: u64,
}

impl DrainRate {
    pub fn settled(&mut self, events: u64, now: Instant) {
        let stretch = match self.stretch.take() {
            Some(stretch) if now - stretch.last <= GAP_MAX => {
                Stretch { last: now, events: stretch.events + events, ..stretch }
            }
            // The first settlement's work was done before it: it only starts the clock.
            _ => Stretch { start: now, last: now, events: 0 },
        };
        let elapsed = now - stretch.start;
        if elapsed < STRETCH_MIN {
            self.stretch = Some(stretch);
            return;
        }
        let measured = stretch.events as f64 / elapsed.as_secs_f64();
        // Half of it is history: one slow batch does not send everybody away for half a minute.
        self.per_sec = Some(self.per_sec.map_or(measured, |before| (before + measured) / 2.0));
        self.stretch = Some(Stretch { start: now, last: now, events: 0 });
    }

    /// Whole seconds until that many events are settled; `None` while nobody can tell.
    pub fn secs_for(&self, events: u64, now: Instant) -> Option<f64> {
        self.per_sec(now).map(|per_sec| (events as f64 / per_sec).ceil())
    }

    /// `None` before anything was measured, and when nothing has been settled for a while: an old
    /// speed says nothing of a processor that stands still.
    pub fn per_sec(&self, now: Instant) -> Option<f64> {
        let last = self.stretch.as_ref()?.last;
        let goes_on = now.saturating_duration_since(last) <= GAP_MAX;
        self.per_sec.filter(|per_sec| goes_on && *per_sec > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(settlements: &[(u64, u64)]) -> Option<f64> {
        let start = Instant::now();
        let mut drain = DrainRate::default();
        for (at_ms, events) in settlements {
            drain.settled(*events, start + Duration::from_millis(*at_ms));
        }
        let now = start + Duration::from_millis(settlements.last().map_or(0, |(at_ms, _)| *at_ms));
        drain.secs_for(1_000, now)
    }

    #[test]
    fn nothing_is_claimed_before_a_second_of_work_was_seen() {
        assert_eq!(measured(&[]), None);
        assert_eq!(measured(&[(0, 500), (999, 500)]), None);
    }

    #[test]
    fn the_rate_is_what_was_settled_over_the_time_it_took() {
        assert_eq!(measured(&[(0, 7), (500, 50), (1_000, 50)]), Some(10.0));
        assert_eq!(measured(&[(0, 7), (1_000, 100), (2_000, 300)]), Some(5.0));
    }

    #[test]
    fn a_pause_is_not_taken_for_slowness() {
        assert_eq!(measured(&[(0, 7), (1_000, 100), (3_600_000, 100)]), Some(10.0));
    }

    #[test]
    fn a_standstill_gives_no_time() {
        assert_eq!(measured(&[(0, 7), (1_000, 0)]), None);
        let start = Instant::now();
        let mut drain = DrainRate::default();
        drain.settled(7, start);
        drain.settled(100, start + Duration::from_secs(1));
        assert_eq!(drain.per_sec(start + Duration::from_secs(1) + GAP_MAX), Some(100.0));
        assert_eq!(drain.per_sec(start + Duration::from_secs(2) + GAP_MAX), None);
    }
}
