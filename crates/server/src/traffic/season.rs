//! How busy a moment is: by the hour, by the weekday, by the trend.

use weir_event::LocalDay;

use super::random::{Random, mixed};

/// Of a clock's hours, against each other: asleep, at work, a peak after dinner.
pub(super) const HOURS: [f64; 24] = [
    1.6, 1.0, 0.7, 0.5, 0.5, 0.8, 1.6, 2.9, 4.3, 5.3, 5.8, 5.7, 5.4, 5.4, 5.6, 5.5, 5.3, 5.2, 5.5, 6.2, 6.8,
    6.6, 5.1, 3.1,
];

/// Monday to Sunday, 1 being the mean.
const WEEKDAYS: [f64; 7] = [1.06, 1.09, 1.07, 1.03, 0.95, 0.86, 0.94];

/// Monday is 0.
pub(super) fn weekday(day: LocalDay) -> usize {
    // 1970-01-01 was a Thursday.
    (day.0 + 3).rem_euclid(7) as usize
}

/// Visitors of a day against the last day's mean.
pub(super) fn factor(day: LocalDay, last: LocalDay, growth_per_day: f64, seed: u64) -> f64 {
    let trend = (growth_per_day * f64::from(day.0 - last.0)).exp();
    let mut random = Random::new(seed, of_day(day, 1));
    WEEKDAYS[weekday(day)] * trend * random.between(0.92, 1.08)
}

/// Now and then somebody well known links here: one day in 36 has this much more.
pub(super) fn surge(day: LocalDay, seed: u64) -> Option<f64> {
    let mut random = Random::new(seed, of_day(day, 2));
    random.chance(1.0 / 36.0).then(|| random.between(0.5, 1.4))
}

/// A stream of numbers of a day's own.
pub(super) fn of_day(day: LocalDay, purpose: u64) -> u64 {
    mixed(day.0 as u64).wrapping_add(purpose)
}
