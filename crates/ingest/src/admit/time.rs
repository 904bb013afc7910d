//! When it happened.

use weir_event::{Millis, Reason, limits};

use super::delivery::Delivery;
use super::draft::Draft;

/// Corrects the sender's clock by the moment of sending, which both clocks know. A time that lies
/// ahead, or none, gives way to the time of receipt.
pub(super) fn drop_too_old(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    let received = delivery.received;
    let time = draft.sent.time.map_or(received, |time| corrected(received, delivery.sent_at, time.unix_ms));
    if received - time > limits::EVENT_AGE_MS_MAX {
        return Err(Reason::TooOld);
    }
    let site = draft.site();
    draft.event.received = received;
    draft.event.received_day = site.day_of(received);
    draft.event.time = time;
    draft.event.day = site.day_of(time);
    Ok(())
}

fn corrected(received: Millis, sent_at: Option<i64>, unix_ms: i64) -> Millis {
    let time = match sent_at {
        Some(sent_at) => received - sent_at.saturating_sub(unix_ms),
        None => Millis(unix_ms),
    };
    if time - received > limits::EVENT_AHEAD_MS_MAX { received } else { time }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_780_000_000_000;

    /// (sent at, timestamp) -> time, as offsets from the receipt
    fn check_time(sent_at: Option<i64>, timestamp: i64, expected: i64) {
        let time = corrected(Millis(NOW), sent_at.map(|ms| NOW + ms), NOW.saturating_add(timestamp));
        assert_eq!(time - Millis(NOW), expected, "{sent_at:?} {timestamp}");
    }

    #[test]
    fn a_wrong_clock_is_corrected_by_the_time_of_sending() {
        let year = 365 * Millis::DAY;
        check_time(Some(0), -5_000, -5_000);
        check_time(Some(year), year - 5_000, -5_000);
        check_time(Some(-year), -year - 5_000, -5_000);
        check_time(None, -5_000, -5_000);
    }

    #[test]
    fn a_minute_ahead_is_taken_and_more_gives_way_to_the_receipt() {
        check_time(None, limits::EVENT_AHEAD_MS_MAX, limits::EVENT_AHEAD_MS_MAX);
        check_time(None, limits::EVENT_AHEAD_MS_MAX + 1, 0);
        check_time(Some(0), i64::MAX, 0);
    }

    proptest! {
        #[test]
        fn no_time_is_ahead_and_none_overflows(sent_at: Option<i64>, timestamp: i64) {
            let time = corrected(Millis(NOW), sent_at, timestamp);
            prop_assert!(time - Millis(NOW) <= limits::EVENT_AHEAD_MS_MAX);
        }
    }
}
