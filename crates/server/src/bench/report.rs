//! Figures under their names, in columns or as JSON.

use serde_json::{Map, Value, json};

use super::disk::Disk;
use crate::machine::Machine;
use crate::output;

/// What one measurement found.
#[derive(Debug)]
pub(super) struct Section {
    pub name: String,
    pub figures: Vec<Figure>,
}

/// A figure; its name says the unit.
#[derive(Debug)]
pub(super) struct Figure {
    pub name: String,
    pub value: f64,
}

pub(super) fn figure(name: impl Into<String>, value: f64) -> Figure {
    Figure { name: name.into(), value }
}

/// Collects sections for JSON, or prints each as it comes.
pub(super) struct Report {
    json: Option<Map<String, Value>>,
}

impl Report {
    pub fn new(as_json: bool, machine: &Machine, disk: &Disk) -> Self {
        let mut report = Self { json: as_json.then(Map::new) };
        match &mut report.json {
            Some(json) => {
                json.insert("machine".to_owned(), machine.json());
            }
            None => output::line(&machine.to_string()),
        }
        report.add(disk.section());
        report
    }

    pub fn add(&mut self, section: Section) {
        if let Some(json) = &mut self.json {
            let figures =
                section.figures.iter().map(|figure| (figure.name.clone(), json!(rounded(figure.value))));
            json.insert(section.name, Value::Object(figures.collect()));
            return;
        }
        output::line("");
        output::line(&section.name);
        let width = section.figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        for Figure { name, value } in &section.figures {
            output::line(&format!("  {name:<width$}  {:>14}", readable(*value)));
        }
    }

    /// Sections with the same figures, side by side.
    pub fn add_table(&mut self, name: &str, sections: Vec<Section>) {
        if self.json.is_some() {
            for mut section in sections {
                section.name = format!("{name}_{}", section.name);
                self.add(section);
            }
            return;
        }
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

    pub fn finish(self) -> anyhow::Result<()> {
        self.json.map_or(Ok(()), |json| output::json(&json))
    }
}

/// Three digits past the point are more than any clock here is worth.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn readable(value: f64) -> String {
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
