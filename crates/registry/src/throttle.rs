use std::collections::HashMap;
use std::hash::Hash;

use weir_event::Millis;

/// So many tries at once, then one more every so often. One number: the instant at which all tries
/// will be there again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowance {
    whole_again: Millis,
}

/// How many tries at once, and after how long each comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) tries_max: i64,
    pub(crate) try_ms: i64,
}

impl Allowance {
    /// Takes a try, or says in how many milliseconds there will be one.
    pub(crate) fn take(&mut self, rate: Rate, now: Millis) -> Result<(), i64> {
        let full_ms = rate.tries_max * rate.try_ms;
        // A clock that was set back must not lock anyone out for as long.
        let whole_again = self.whole_again.clamp(now, now + full_ms);
        let wait_ms = (whole_again + rate.try_ms) - (now + full_ms);
        if wait_ms > 0 {
            return Err(wait_ms);
        }
        self.whole_again = whole_again + rate.try_ms;
        Ok(())
    }

    pub(crate) fn give_back(&mut self, rate: Rate) {
        self.whole_again = self.whole_again - rate.try_ms;
    }
}

/// An allowance for each key, for a bounded number of keys.
#[derive(Debug)]
pub(crate) struct Throttle<K> {
    rate: Rate,
    keys_max: usize,
    allowances: HashMap<K, Allowance>,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    pub(crate) fn new(rate: Rate, keys_max: usize) -> Self {
        Self { rate, keys_max, allowances: HashMap::new() }
    }

    pub(crate) fn take(&mut self, key: &K, now: Millis) -> Result<(), i64> {
        if !self.allowances.contains_key(key) {
            self.make_room(now);
        }
        self.allowances.entry(key.clone()).or_default().take(self.rate, now)
    }

    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(allowance) = self.allowances.get_mut(key) {
            allowance.give_back(self.rate);
        }
    }

    /// Forgets keys that have all their tries; if there is none, the one nearest to that.
    fn make_room(&mut self, now: Millis) {
        if self.allowances.len() < self.keys_max {
            return;
        }
        self.allowances.retain(|_, allowance| allowance.whole_again > now);
        if self.allowances.len() >= self.keys_max
            && let Some(key) =
                self.allowances.iter().min_by_key(|(_, a)| a.whole_again).map(|(key, _)| key.clone())
        {
            self.allowances.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { tries_max: 3, try_ms: 1_000 };

    #[test]
    fn tries_run_out_and_come_back_one_by_one() {
        let mut allowance = Allowance::default();
        let now = Millis(1_000_000);
        for _ in 0..3 {
            assert_eq!(allowance.take(RATE, now), Ok(()));
        }
        assert_eq!(allowance.take(RATE, now), Err(1_000));
        assert_eq!(allowance.take(RATE, now + 999), Err(1));
        assert_eq!(allowance.take(RATE, now + 1_000), Ok(()));
        assert_eq!(allowance.take(RATE, now + 1_000), Err(1_000));
        for _ in 0..3 {
            assert_eq!(allowance.take(RATE, now + 60_000), Ok(()), "never more than three at once");
        }
        assert_eq!(allowance.take(RATE, now + 60_000), Err(1_000));
    }

    #[test]
    fn a_try_that_is_given_back_can_be_taken_again() {
        let mut allowance = Allowance::default();
        for _ in 0..10 {
            assert_eq!(allowance.take(RATE, Millis(0)), Ok(()));
            allowance.give_back(RATE);
        }
    }

    #[test]
    fn a_clock_set_back_by_a_year_locks_nobody_out() {
        let mut allowance = Allowance::default();
        let year = Millis(365 * Millis::DAY);
        for _ in 0..3 {
            assert_eq!(allowance.take(RATE, year), Ok(()));
        }
        assert_eq!(allowance.take(RATE, Millis(0)), Err(1_000));
    }

    #[test]
    fn keys_do_not_share_tries_and_no_more_are_held_than_allowed() {
        let mut throttle = Throttle::new(RATE, 2);
        let now = Millis(1_000_000);
        for _ in 0..3 {
            assert_eq!(throttle.take(&"a", now), Ok(()));
        }
        assert_eq!(throttle.take(&"b", now), Ok(()));
        assert_eq!(throttle.take(&"c", now), Ok(()));
        assert_eq!(throttle.allowances.len(), 2);
        assert_eq!(throttle.take(&"a", now), Err(1_000), "the one with the fewest tries left stays");
    }
}
