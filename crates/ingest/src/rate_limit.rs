use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use weir_event::limits;

use crate::RateLimit;
use crate::client_ip::sender_network;

/// A token bucket per sender, in events.
pub(crate) struct RateLimiter {
    burst: NonZeroU32,
    quota: Quota,
    clock: DefaultClock,
    buckets: RwLock<DefaultKeyedRateLimiter<u64>>,
    checks: AtomicU64,
}

/// Full buckets are forgotten whenever this many deliveries have been checked. No timer: without
/// deliveries nothing grows.
const CHECKS_PER_CLEANUP: u64 = 8_192;

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.events_per_second).allow_burst(limit.burst_events);
        Self {
            burst: limit.burst_events,
            quota,
            clock: DefaultClock::default(),
            buckets: RwLock::new(DefaultKeyedRateLimiter::keyed(quota)),
            checks: AtomicU64::new(0),
        }
    }

    /// Takes `events` from the sender's bucket, or says in how many seconds they will be there.
    pub(crate) fn check(&self, ip: IpAddr, events: usize) -> Result<(), u32> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_PER_CLEANUP == CHECKS_PER_CLEANUP - 1 {
            self.forget_full_buckets(limits::RATE_LIMIT_KEYS_MAX);
        }
        // A delivery larger than the bucket would never pass; it takes all there is instead.
        let events = u32::try_from(events).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        match buckets.check_key_n(&sender_network(ip), events.min(self.burst)) {
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(self.clock.now());
                Err(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
            }
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn forget_full_buckets(&self, keys_max: usize) {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.retain_recent();
        if buckets.len() > keys_max {
            // Whoever commands that many addresses is not held back by a limit per address.
            *buckets = DefaultKeyedRateLimiter::keyed(self.quota);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(burst: u32) -> RateLimiter {
        let count = |n| NonZeroU32::new(n).expect("not zero");
        RateLimiter::new(RateLimit { events_per_second: count(1), burst_events: count(burst) })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_sender_may_spend_the_burst_and_not_one_more() {
        let limiter = limiter(1_000);
        assert_eq!(limiter.check(ip("203.0.113.1"), 1_000), Ok(()));
        let wait = limiter.check(ip("203.0.113.1"), 900).expect_err("the bucket is empty");
        assert!((1..=901).contains(&wait), "{wait}");
        assert_eq!(limiter.check(ip("203.0.113.2"), 1_000), Ok(()), "another sender has their own");
    }

    #[test]
    fn a_delivery_larger_than_the_bucket_passes_once() {
        let limiter = limiter(50);
        assert_eq!(limiter.check(ip("203.0.113.1"), 100), Ok(()));
        limiter.check(ip("203.0.113.1"), 50).expect_err("the bucket is empty");
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_share_a_bucket() {
        let limiter = limiter(1_000);
        assert_eq!(limiter.check(ip("2001:db8::1"), 1_000), Ok(()));
        limiter.check(ip("2001:db8::2"), 900).expect_err("the bucket is empty");
        assert_eq!(limiter.check(ip("2001:db8:0:1::2"), 900), Ok(()));
    }

    #[test]
    fn more_addresses_than_the_limit_are_forgotten() {
        let limiter = limiter(1_000);
        for n in 0..11u8 {
            assert_eq!(limiter.check(ip(&format!("203.0.113.{n}")), 1_000), Ok(()));
        }
        limiter.forget_full_buckets(11);
        limiter.check(ip("203.0.113.1"), 900).expect_err("remembered at the limit");
        limiter.forget_full_buckets(10);
        assert_eq!(limiter.check(ip("203.0.113.1"), 900), Ok(()), "forgotten past it");
    }
}
