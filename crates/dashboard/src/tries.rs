//! How often one address may guess.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use weir_event::{Millis, limits};

/// An IPv4 address, or the first half of an IPv6 one, which is what one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Guesser(IpAddr);

/// Wrong guesses of the last window. Bounded; a restart forgets them.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<Guesser, Wrong>>);

struct Wrong {
    n: u32,
    first: Millis,
}

impl From<IpAddr> for Guesser {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 => v4,
        })
    }
}

impl Wrong {
    fn ends(&self) -> Millis {
        self.first + limits::GUESSES_WINDOW_MS
    }
}

impl Tries {
    /// Takes a try before its answer is known: many at once must not all see the last one free.
    /// [`Self::give_back`] undoes it for what was no wrong guess.
    ///
    /// # Errors
    /// Seconds until the next try.
    pub(crate) fn take(&self, guesser: Guesser, now: Millis) -> Result<(), u32> {
        let mut wrong = self.lock();
        make_room(&mut wrong, guesser, now);
        let past = wrong.entry(guesser).or_insert(Wrong { n: 0, first: now });
        if past.ends() <= now {
            *past = Wrong { n: 0, first: now };
        }
        if past.n >= limits::GUESSES_PER_IP_MAX {
            let wait_secs = (past.ends() - now + Millis::SECOND - 1) / Millis::SECOND;
            return Err(u32::try_from(wait_secs).unwrap_or(u32::MAX));
        }
        past.n += 1;
        Ok(())
    }

    /// Earlier wrong guesses stay counted: one good account must not open the way to others.
    pub(crate) fn give_back(&self, guesser: Guesser) {
        if let Some(past) = self.lock().get_mut(&guesser) {
            past.n = past.n.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guesser, Wrong>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(wrong: &mut HashMap<Guesser, Wrong>, newcomer: Guesser, now: Millis) {
    if wrong.len() < limits::GUESSERS_MAX || wrong.contains_key(&newcomer) {
        return;
    }
    wrong.retain(|_, past| now < past.ends());
    while wrong.len() >= limits::GUESSERS_MAX {
        let oldest = wrong.iter().min_by_key(|(_, past)| past.first).map(|(guesser, _)| *guesser);
        wrong.remove(&oldest.expect("a map over its limit is not empty"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_780_000_000_000);

    fn guesser(text: &str) -> Guesser {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn tries_end_at_the_limit_and_come_back_after_the_window() {
        let (tries, address) = (Tries::default(), guesser("192.0.2.1"));
        for _ in 0..limits::GUESSES_PER_IP_MAX {
            assert_eq!(tries.take(address, NOW), Ok(()));
        }
        assert_eq!(tries.take(address, NOW), Err(300));
        assert_eq!(tries.take(address, NOW + limits::GUESSES_WINDOW_MS - 1), Err(1));
        assert_eq!(tries.take(guesser("192.0.2.2"), NOW), Ok(()), "another address");
        assert_eq!(tries.take(address, NOW + limits::GUESSES_WINDOW_MS), Ok(()));
    }

    #[test]
    fn a_try_given_back_costs_nothing() {
        let (tries, address) = (Tries::default(), guesser("192.0.2.1"));
        for _ in 0..limits::GUESSES_PER_IP_MAX * 2 {
            assert_eq!(tries.take(address, NOW), Ok(()));
            tries.give_back(address);
        }
    }

    #[test]
    fn addresses_of_one_network_share_their_tries() {
        assert_eq!(guesser("2001:db8:1:2::1"), guesser("2001:db8:1:2:ffff::9"));
        assert_ne!(guesser("2001:db8:1:2::1"), guesser("2001:db8:1:3::1"));
        assert_eq!(guesser("::ffff:192.0.2.1"), guesser("192.0.2.1"));
    }

    #[test]
    fn no_more_guessers_are_remembered_than_allowed_and_the_oldest_goes_first() {
        let tries = Tries::default();
        let nth = |n: u32| Guesser(IpAddr::from(n.to_be_bytes()));
        for n in 0..=limits::GUESSERS_MAX as u32 {
            assert_eq!(tries.take(nth(n), NOW + i64::from(n)), Ok(()));
        }
        let wrong = tries.lock();
        assert_eq!(wrong.len(), limits::GUESSERS_MAX);
        assert!(!wrong.contains_key(&nth(0)) && wrong.contains_key(&nth(1)));
    }
}
