//! How often someone may guess.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use weir_event::{Millis, limits};

/// What failed tries are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Guesser {
    /// An IPv4 address or the first half of an IPv6 one, which is what one customer gets.
    Address(IpAddr),
    /// An account, by a hash that only this process knows.
    Account(u64),
}

/// Failed tries of the last window. Bounded; a restart forgets them.
#[derive(Default)]
pub(crate) struct Tries {
    failed: Mutex<HashMap<Guesser, Failed>>,
    hasher: RandomState,
}

struct Failed {
    n: u32,
    first: Millis,
}

impl Guesser {
    pub(crate) fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 => v4,
        })
    }

    fn tries_max(self) -> u32 {
        match self {
            Self::Address(_) => limits::LOGIN_TRIES_PER_ADDRESS_MAX,
            Self::Account(_) => limits::LOGIN_TRIES_PER_ACCOUNT_MAX,
        }
    }
}

impl Failed {
    fn ends(&self) -> Millis {
        self.first + limits::LOGIN_TRIES_WINDOW_MS
    }
}

impl Tries {
    pub(crate) fn account(&self, email: &str) -> Guesser {
        Guesser::Account(self.hasher.hash_one(email.trim().to_lowercase()))
    }

    /// Takes one try of each, before the answer is known: many at once must not all see the last
    /// one free. [`Self::forgive`] gives them back.
    ///
    /// # Errors
    /// Seconds until the next try, when one of them has none left. Nothing is taken then.
    pub(crate) fn take(&self, guessers: &[Guesser], now: Millis) -> Result<(), u32> {
        let mut failed = self.lock();
        for guesser in guessers {
            if let Some(past) = failed.get(guesser)
                && now < past.ends()
                && past.n >= guesser.tries_max()
            {
                let wait_ms = past.ends() - now;
                return Err(u32::try_from(wait_ms / Millis::SECOND + 1).unwrap_or(u32::MAX));
            }
        }
        for guesser in guessers {
            make_room(&mut failed, *guesser, now);
            let past = failed.entry(*guesser).or_insert(Failed { n: 0, first: now });
            if past.ends() <= now {
                *past = Failed { n: 0, first: now };
            }
            past.n += 1;
        }
        Ok(())
    }

    /// The try succeeded: it doesn't count. Earlier failures of the account stay counted, else an
    /// attacker with one good account could go on for ever.
    pub(crate) fn forgive(&self, guessers: &[Guesser]) {
        let mut failed = self.lock();
        for guesser in guessers {
            if let Some(past) = failed.get_mut(guesser) {
                past.n = past.n.saturating_sub(1);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Guesser, Failed>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(failed: &mut HashMap<Guesser, Failed>, newcomer: Guesser, now: Millis) {
    if failed.len() < limits::LOGIN_KEYS_MAX || failed.contains_key(&newcomer) {
        return;
    }
    failed.retain(|_, past| now < past.ends());
    while failed.len() >= limits::LOGIN_KEYS_MAX {
        let oldest = failed.iter().min_by_key(|(_, past)| past.first).map(|(guesser, _)| *guesser);
        failed.remove(&oldest.expect("a map over its limit is not empty"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_780_000_000_000);

    fn address(last: u8) -> Guesser {
        Guesser::address([192, 0, 2, last].into())
    }

    #[test]
    fn tries_end_at_the_limit_and_come_back_after_the_window() {
        let tries = Tries::default();
        for _ in 0..limits::LOGIN_TRIES_PER_ADDRESS_MAX {
            assert_eq!(tries.take(&[address(1)], NOW), Ok(()));
        }
        assert_eq!(tries.take(&[address(1)], NOW), Err(301));
        assert_eq!(tries.take(&[address(2)], NOW), Ok(()), "another address");
        assert_eq!(tries.take(&[address(1)], NOW + limits::LOGIN_TRIES_WINDOW_MS), Ok(()));
    }

    #[test]
    fn an_account_is_limited_across_addresses() {
        let tries = Tries::default();
        let account = tries.account("a@example.com");
        assert_eq!(account, tries.account(" A@Example.com"));
        for n in 0..limits::LOGIN_TRIES_PER_ACCOUNT_MAX {
            assert_eq!(tries.take(&[address(n as u8), account], NOW), Ok(()));
        }
        assert!(tries.take(&[address(200), account], NOW).is_err());
        assert_eq!(tries.take(&[address(200)], NOW), Ok(()), "nothing was taken from the address");
    }

    #[test]
    fn a_success_costs_no_try() {
        let tries = Tries::default();
        for _ in 0..limits::LOGIN_TRIES_PER_ADDRESS_MAX * 2 {
            assert_eq!(tries.take(&[address(1)], NOW), Ok(()));
            tries.forgive(&[address(1)]);
        }
    }

    #[test]
    fn addresses_of_one_network_share_their_tries() {
        let of = |text: &str| Guesser::address(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), address(1));
    }

    #[test]
    fn no_more_guessers_are_remembered_than_allowed_and_the_oldest_goes_first() {
        let tries = Tries::default();
        for n in 0..=limits::LOGIN_KEYS_MAX as u64 {
            assert_eq!(tries.take(&[Guesser::Account(n)], NOW + n as i64), Ok(()));
        }
        let failed = tries.lock();
        assert_eq!(failed.len(), limits::LOGIN_KEYS_MAX);
        assert!(!failed.contains_key(&Guesser::Account(0)));
    }
}
