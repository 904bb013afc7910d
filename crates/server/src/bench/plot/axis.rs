//! From values to places along an axis, and the values worth a mark.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From nothing on.
    Linear,
    /// Every step is so many times as much.
    Log,
}

#[derive(Debug)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    pub marks: Vec<f64>,
}

/// Marks of a linear axis, at most.
const MARKS_MAX: f64 = 6.0;

/// Where an axis of nothing ends.
const HIGH_MIN: f64 = 1e-6;

impl Axis {
    /// Over all of the values, which are above 0 where the scale is logarithmic.
    pub fn over(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let most = values.clone().fold(0.0, f64::max).max(HIGH_MIN);
        match scale {
            Scale::Linear => Self::linear(most),
            Scale::Log => Self::log(values.fold(f64::INFINITY, f64::min).clamp(HIGH_MIN, most), most),
        }
    }

    fn linear(most: f64) -> Self {
        let step = step(most / MARKS_MAX);
        let steps = (most / step).ceil();
        let marks = (0..=steps as u32).map(|n| f64::from(n) * step).collect();
        Self { scale: Scale::Linear, low: 0.0, high: steps * step, marks }
    }

    /// With a decade around a single value, so that it has a place.
    fn log(least: f64, most: f64) -> Self {
        let (mut low, mut high) = (least.log10(), most.log10());
        if high - low < 0.5 {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let decades = low.floor() as i32..=high.ceil() as i32;
        let leads: &[f64] = if high - low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let marks = decades.flat_map(|decade| leads.iter().map(move |lead| lead * 10f64.powi(decade)));
        let seen = |mark: &f64| (low - 1e-9..=high + 1e-9).contains(&mark.log10());
        Self { scale: Scale::Log, low, high, marks: marks.filter(seen).collect() }
    }

    /// From 0, where it begins, to 1, where it ends.
    pub fn place(&self, value: f64) -> f64 {
        let value = if self.scale == Scale::Log { value.max(HIGH_MIN).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The next 1, 2 or 5 with zeros that is no less.
fn step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|lead| lead * decade).into_iter().find(|step| *step >= least).unwrap_or(decade)
}

/// A value in few characters.
pub(super) fn label(value: f64) -> String {
    let (value, unit) = match value {
        _ if value >= 1e9 => (value / 1e9, "G"),
        _ if value >= 1e6 => (value / 1e6, "M"),
        _ if value >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.4}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_marks(scale: Scale, values: &[f64], expected: &[&str]) {
        let axis = Axis::over(scale, values.iter().copied());
        let marks: Vec<String> = axis.marks.iter().map(|mark| label(*mark)).collect();
        assert_eq!(marks, expected, "{values:?}");
        for value in values {
            assert!((0.0..=1.0).contains(&axis.place(*value)));
        }
    }

    #[test]
    fn marks_are_round_and_few() {
        check_marks(
            Scale::Linear,
            &[118_004.0, 22_531.0],
            &["0", "20k", "40k", "60k", "80k", "100k", "120k"],
        );
        check_marks(Scale::Linear, &[0.61], &["0", "0.2", "0.4", "0.6", "0.8"]);
        check_marks(Scale::Linear, &[], &["0", "0", "0", "0", "0", "0"]);
        check_marks(Scale::Log, &[1.0, 256.0], &["1", "2", "5", "10", "20", "50", "100", "200"]);
        check_marks(Scale::Log, &[1e5, 1e8], &["100k", "1M", "10M", "100M"]);
        check_marks(Scale::Log, &[1e6], &["500k", "1M", "2M"]);
        let axis = Axis::over(Scale::Log, [1e5, 1e8].into_iter());
        assert!((axis.place(1e6) - 1.0 / 3.0).abs() < 1e-9);
    }
}
