//! Figures under their names, in columns as they come, or all of them as JSON.

use super::floor::Floor;
use super::results::Results;
use crate::machine::Machine;
use crate::output;

/// What one measurement found.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub name: String,
    pub figures: Vec<Figure>,
}

impl Section {
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Adds what one of its figures is of the same figure elsewhere.
    pub fn against(&mut self, other: Option<&Section>, name: &str, ratio: &str) {
        let values = self.value(name).zip(other.and_then(|other| other.value(name)));
        self.figures.extend(values.map(|(value, of)| figure(ratio, value / of.max(f64::EPSILON))));
    }
}

/// A figure; its name says the unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub name: String,
    pub value: f64,
}

pub(super) fn figure(name: impl Into<String>, value: f64) -> Figure {
    Figure { name: name.into(), value }
}

/// Collects the sections of all runs, and prints each as it comes unless JSON is asked for.
pub(super) struct Report {
    quiet: bool,
    results: Results,
}

impl Report {
    pub fn new(as_json: bool, machine: &Machine) -> Self {
        if !as_json {
            output::line(&machine.to_string());
        }
        Self { quiet: as_json, results: Results::new(machine.json()) }
    }

    pub fn begin_run(&mut self, floor: &Floor) {
        self.results.runs.push(Vec::new());
        floor.sections().into_iter().for_each(|section| self.add(floor, section));
    }

    pub fn add(&mut self, floor: &Floor, section: Section) {
        if !self.quiet {
            print(floor, &section);
        }
        self.keep(section);
    }

    /// Sections with the same figures, side by side.
    pub fn add_table(&mut self, name: &str, sections: Vec<Section>) {
        if !self.quiet {
            print_table(name, &sections);
        }
        for section in sections {
            self.keep(Section { name: format!("{name}_{}", section.name), ..section });
        }
    }

    fn keep(&mut self, section: Section) {
        self.results.runs.last_mut().expect("a run has begun").push(section);
    }

    pub fn finish(self) -> Results {
        self.results
    }
}

fn print(floor: &Floor, section: &Section) {
    let row = |figure: &Figure| {
        let [flushes, works] =
            floor.ratios(figure).map_or([const { String::new() }; 2], |two| two.map(readable));
        vec![format!("  {}", figure.name), right(&readable(figure.value)), right(&flushes), right(&works)]
    };
    output::line("");
    let [value, flushes, works] = ["", "to fdatasync", "to cpu work"].map(right);
    let rows: Vec<_> = section.figures.iter().map(row).collect();
    output::table(&[&section.name, &value, &flushes, &works], &rows);
}

fn right(text: &str) -> String {
    format!("{text:>14}")
}

fn print_table(name: &str, sections: &[Section]) {
    output::line("");
    let head = std::iter::once(name).chain(sections.iter().map(|section| section.name.as_str()));
    let names = sections.first().map(|section| section.figures.iter().map(|figure| figure.name.as_str()));
    let value = |section: &Section, n: usize| section.figures.get(n).map(|figure| readable(figure.value));
    let row = |(n, name): (usize, &str)| {
        let values = sections.iter().map(|section| value(section, n).unwrap_or_default());
        std::iter::once(name.to_owned()).chain(values).collect()
    };
    let rows: Vec<Vec<String>> = names.into_iter().flatten().enumerate().map(row).collect();
    output::table(&head.collect::<Vec<_>>(), &rows);
}

pub(super) fn readable(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => grouped(value),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let first = digits.len() % 3;
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && n % 3 == first % 3 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable_at_any_size() {
        for (value, text) in [
            (0.1234, "0.123"),
            (9.9996, "10.000"),
            (42.25, "42.2"),
            (999.94, "999.9"),
            (1_000.0, "1,000"),
            (12_345.6, "12,346"),
            (-1_234_567.0, "-1,234,567"),
        ] {
            assert_eq!(readable(value), text);
        }
    }
}
