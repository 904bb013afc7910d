//! Measurements, sorted.

/// The highest number of measurements that one run keeps.
pub(super) const SAMPLES_MAX: usize = 20_000_000;

/// Durations in microseconds, ascending.
#[derive(Debug)]
pub(super) struct Sorted(Vec<f64>);

impl Sorted {
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The smallest value that `percent` of all do not exceed; 0 where there are none.
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or(0.0)
    }

    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_percentile(values: &[f64], percent: f64, expected: f64) {
        let found = Sorted::new(values.to_vec()).percentile(percent);
        assert!((found - expected).abs() < f64::EPSILON, "p{percent} of {values:?} is {found}");
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        check_percentile(&[], 50.0, 0.0);
        check_percentile(&[7.0], 50.0, 7.0);
        check_percentile(&[7.0], 99.9, 7.0);
        check_percentile(&[3.0, 1.0, 2.0], 50.0, 2.0);
        check_percentile(&[4.0, 1.0, 3.0, 2.0], 50.0, 2.0);
        check_percentile(&[1.0, 2.0, 3.0, 4.0], 75.0, 3.0);
        check_percentile(&[1.0, 2.0, 3.0, 4.0], 75.1, 4.0);
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        check_percentile(&hundred, 99.0, 99.0);
        check_percentile(&hundred, 99.9, 100.0);
        check_percentile(&hundred, 100.0, 100.0);
        check_percentile(&hundred, 0.0, 1.0);
    }
}
