//! What changed between two results, beyond what runs of the same program differ by.

use serde_json::{Value, json};

use super::floor;
use super::measure::Measure;
use super::report::readable;
use super::results::{Results, Spread};
use crate::output;

/// Runs that say how far they are apart; of fewer it has to be guessed.
const RUNS_THAT_TELL: usize = 3;

/// Less is never more than noise, however close the runs are.
const NOISE_MIN: f64 = 0.05;

/// Where there are too few runs to tell.
const NOISE_GUESSED: f64 = 0.2;

/// Sizes that are further apart say nothing about each other.
const SIZES_APART_MAX: f64 = 0.1;

/// A figure that both results have, and that has a better and a worse.
#[derive(Debug)]
pub(super) struct Change {
    section: String,
    name: String,
    before: f64,
    now: f64,
    /// Part of the figure before.
    noise: f64,
    /// `None` within noise.
    better: Option<bool>,
}

impl Change {
    pub fn is_worse(&self) -> bool {
        self.better == Some(false)
    }

    /// Part of the figure before; where that was nothing, all of it.
    fn change(&self) -> f64 {
        if self.before == 0.0 { f64::from(u8::from(self.now != 0.0)) } else { self.now / self.before - 1.0 }
    }

    fn verdict(&self) -> &'static str {
        match self.better {
            Some(true) => "better",
            Some(false) => "worse",
            None => "same",
        }
    }
}

/// Medians against each other, of sections of the same size. What the disk and the CPU could do by themselves is no change of the
/// program.
pub(super) fn changes(before: &Results, now: &Results) -> Vec<Change> {
    let mut changes = Vec::new();
    let old = before.spreads();
    for (section, figures) in now.spreads() {
        let Some((_, old)) = old.iter().find(|(name, _)| *name == section) else { continue };
        if floor::SECTIONS.contains(&section) || !is_of_one_size(old, &figures) {
            continue;
        }
        for (name, new) in figures {
            let old = old.iter().find(|(old, _)| *old == name);
            changes.extend(old.and_then(|(_, old)| change(section, name, old, &new)));
        }
    }
    changes
}

/// Whether both say that they are of the same kind of machine.
pub(super) fn is_of_one_machine(before: &Results, now: &Results) -> bool {
    ["processor", "cores", "optimised"].iter().all(|name| before.machine[name] == now.machine[name])
}

/// Whether both sections are of about as many events.
fn is_of_one_size(old: &[(&str, Spread)], new: &[(&str, Spread)]) -> bool {
    let events = |figures: &[(&str, Spread)]| {
        figures.iter().find(|(name, _)| *name == "events").map_or(0.0, |(_, spread)| spread.median())
    };
    (events(new) - events(old)).abs() <= events(old) * SIZES_APART_MAX
}

fn change(section: &str, name: &str, old: &Spread, new: &Spread) -> Option<Change> {
    let (before, now) = (old.median(), new.median());
    let measure = Measure::of(name);
    if measure == Measure::Count {
        return None;
    }
    let noise = noise(old).max(noise(new));
    let mut change =
        Change { section: section.to_owned(), name: name.to_owned(), before, now, noise, better: None };
    if change.change().abs() > noise {
        change.better = measure.is_better(now, before);
    }
    Some(change)
}

/// How far apart runs are, as a part of their median.
fn noise(spread: &Spread) -> f64 {
    if spread.runs() < RUNS_THAT_TELL {
        return NOISE_GUESSED;
    }
    let apart = (spread.most() - spread.least()) / spread.median().abs().max(f64::EPSILON);
    apart.clamp(NOISE_MIN, 1.0)
}

pub(super) fn json(changes: &[Change]) -> Value {
    let change = |change: &Change| {
        json!({ "section": change.section, "figure": change.name, "before": change.before,
            "now": change.now, "change": change.change(), "noise": change.noise,
            "verdict": change.verdict() })
    };
    changes.iter().map(change).collect()
}

/// Only what is beyond noise, and how much is not.
pub(super) fn print(changes: &[Change]) {
    output::line("");
    let (moved, same): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|change| change.better.is_some());
    let row = |change: &&Change| {
        vec![
            format!("  {} {}", change.section, change.name),
            readable(change.before),
            readable(change.now),
            format!("{:+.0} %", change.change() * 100.0),
            format!("{:.0} %", change.noise * 100.0),
            change.verdict().to_owned(),
        ]
    };
    if !moved.is_empty() {
        let rows: Vec<_> = moved.iter().map(row).collect();
        output::table(&["changed", "before", "now", "by", "noise", ""], &rows);
    }
    let same = same.len();
    output::line(&format!(
        "{same} figures are the same within noise; those of other sizes are not compared."
    ));
}

#[cfg(test)]
mod tests {
    use super::super::report::{Section, figure};
    use super::*;

    #[test]
    fn sections_of_other_sizes_are_not_compared() {
        let results = |events: f64| {
            let figures = vec![figure("events", events), figure("p99_ms", events)];
            Results { machine: json!({}), runs: vec![vec![Section { name: "s".to_owned(), figures }]] }
        };
        assert_eq!(changes(&results(1_000.0), &results(1_099.0)).len(), 1);
        assert_eq!(changes(&results(1_000.0), &results(1_101.0)).len(), 0);
    }

    #[track_caller]
    fn check_change(name: &str, before: &[f64], now: &[f64], expected: Option<&str>) {
        let results = |values: &[f64]| Results {
            machine: json!({}),
            runs: values
                .iter()
                .map(|value| vec![Section { name: "s".to_owned(), figures: vec![figure(name, *value)] }])
                .collect(),
        };
        let changes = changes(&results(before), &results(now));
        let verdict = changes.first().map(Change::verdict);
        assert_eq!(verdict, expected, "{name}: {before:?} {now:?}");
    }

    #[test]
    fn a_change_is_told_when_it_is_larger_than_the_runs_are_apart() {
        let close = [100.0, 101.0, 99.0];
        check_change("events_per_second", &close, &[120.0, 121.0, 119.0], Some("better"));
        check_change("events_per_second", &close, &[80.0, 81.0, 79.0], Some("worse"));
        check_change("events_per_second", &close, &[104.0, 104.0, 104.0], Some("same"));
        check_change("events_per_second", &[80.0, 100.0, 130.0], &[120.0, 121.0, 119.0], Some("same"));
        check_change("p99_ms", &close, &[120.0, 121.0, 119.0], Some("worse"));
        check_change("p99_ms", &[100.0], &[115.0], Some("same"));
        check_change("p99_ms", &[100.0], &[75.0], Some("better"));
        check_change("p99_ms", &[0.0; 3], &[0.0; 3], Some("same"));
        check_change("events", &close, &[300.0; 3], None);
    }
}
