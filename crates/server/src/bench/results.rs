//! All runs of a command: best and median of each figure, written to and read from JSON.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

use super::measure::Measure;
use super::report::{Figure, Section, figure};

/// A file of results is far smaller.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

const RUNS: &str = "runs";
const BEST: &str = "best";

#[derive(Debug)]
pub(super) struct Results {
    pub machine: Value,
    /// The sections of each.
    pub runs: Vec<Vec<Section>>,
}

/// The values of one figure in all runs, ascending.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread(Vec<f64>);

impl Results {
    pub fn new(machine: Value) -> Self {
        Self { machine, runs: Vec::new() }
    }

    /// Sections and figures in the order in which they came, with the values of all runs.
    pub fn spreads(&self) -> Vec<(&str, Vec<(&str, Spread)>)> {
        let mut values: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
        let mut order: Vec<(&str, Vec<&str>)> = Vec::new();
        for section in self.runs.iter().flatten() {
            let at = order.iter().position(|(name, _)| *name == section.name);
            let at = at.unwrap_or_else(|| {
                order.push((&section.name, Vec::new()));
                order.len() - 1
            });
            for Figure { name, value } in &section.figures {
                let of = values.entry((&section.name, name)).or_default();
                if of.is_empty() {
                    order[at].1.push(name);
                }
                of.push(*value);
            }
        }
        let mut spread = |section, name| Spread::new(values.remove(&(section, name)).unwrap_or_default());
        let section = |(section, names): (_, Vec<_>)| {
            (section, names.into_iter().map(|name| (name, spread(section, name))).collect())
        };
        order.into_iter().map(section).collect()
    }

    /// Stable: sections with the median of each figure, and under `best` and `runs` the same with the
    /// best, and with what each run found.
    pub fn json(&self) -> Value {
        let mut all = self.picked(|_, spread| spread.median());
        let run = |sections: &Vec<Section>| {
            let section = |section: &Section| (section.name.clone(), values(section.figures.iter().cloned()));
            Value::Object(sections.iter().map(section).collect())
        };
        all.insert("machine".to_owned(), self.machine.clone());
        all.insert(
            BEST.to_owned(),
            Value::Object(self.picked(|name, spread| spread.best(Measure::of(name)))),
        );
        all.insert(RUNS.to_owned(), self.runs.iter().map(run).collect());
        Value::Object(all)
    }

    fn picked(&self, pick: impl Fn(&str, &Spread) -> f64) -> Map<String, Value> {
        let section = |(name, figures): (&str, Vec<(&str, Spread)>)| {
            let figures = figures.iter().map(|(name, spread)| figure(*name, pick(name, spread)));
            (name.to_owned(), values(figures))
        };
        self.spreads().into_iter().map(section).collect()
    }

    /// # Errors
    /// The file can't be read, or is no answer of `weir bench --json`.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = std::fs::metadata(path).with_context(|| format!("can't read {shown}"))?;
        ensure!(file.is_file() && file.len() <= BYTES_MAX, "{shown} is no answer of `weir bench --json`");
        let text = std::fs::read(path).with_context(|| format!("can't read {shown}"))?;
        let said: Option<Value> = serde_json::from_slice(&text).ok();
        let results = said.as_ref().and_then(Self::from_json);
        results.with_context(|| format!("{shown} is no answer of `weir bench --json`"))
    }

    fn from_json(said: &Value) -> Option<Self> {
        let run = |run: &Value| -> Option<Vec<Section>> { run.as_object()?.iter().map(section).collect() };
        let runs: Vec<_> = said.get(RUNS)?.as_array()?.iter().map(run).collect::<Option<_>>()?;
        Some(Self { machine: said.get("machine")?.clone(), runs })
    }
}

fn section((name, figures): (&String, &Value)) -> Option<Section> {
    let read = |(name, value): (&String, &Value)| Some(figure(name, value.as_f64()?));
    let figures = figures.as_object()?.iter().map(read).collect::<Option<_>>()?;
    Some(Section { name: name.clone(), figures })
}

fn values(figures: impl Iterator<Item = Figure>) -> Value {
    Value::Object(figures.map(|figure| (figure.name, json!(rounded(figure.value)))).collect())
}

/// Four digits past the point are more than any clock here is worth.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

impl Spread {
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// Of an even number of runs the better of two would flatter, so it is their mean.
    pub fn median(&self) -> f64 {
        match self.0.len() {
            0 => 0.0,
            n if n % 2 == 1 => self.0[n / 2],
            n => f64::midpoint(self.0[n / 2 - 1], self.0[n / 2]),
        }
    }

    /// The median, where nothing is better than anything else.
    pub fn best(&self, measure: Measure) -> f64 {
        let (Some(least), Some(most)) = (self.0.first(), self.0.last()) else { return 0.0 };
        match measure.is_better(*most, *least) {
            Some(true) => *most,
            Some(false) => *least,
            None => self.median(),
        }
    }

    pub fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(0.0)
    }

    pub fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(0.0)
    }

    pub fn runs(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(runs: &[(f64, f64)]) -> Results {
        let run = |(rate, ms): &(f64, f64)| {
            let figures = vec![figure("events_per_second", *rate), figure("p99_ms", *ms)];
            vec![Section { name: "ingest".to_owned(), figures }]
        };
        Results { machine: json!({"cores": 2}), runs: runs.iter().map(run).collect() }
    }

    #[test]
    fn the_best_of_runs_is_the_highest_rate_and_the_shortest_time() {
        let said = results(&[(100.0, 3.0), (300.0, 9.0), (200.0, 1.0)]).json();
        assert_eq!(said["ingest"], json!({"events_per_second": 200.0, "p99_ms": 3.0}));
        assert_eq!(said["best"]["ingest"], json!({"events_per_second": 300.0, "p99_ms": 1.0}));
        assert_eq!(said["runs"][1]["ingest"], json!({"events_per_second": 300.0, "p99_ms": 9.0}));
        assert_eq!(results(&[(100.0, 3.0), (200.0, 4.0)]).json()["ingest"]["events_per_second"], 150.0);
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.json");
        let said = results(&[(100.0, 3.0), (300.0, 9.0)]).json();
        std::fs::write(&path, said.to_string()).expect("written");
        assert_eq!(Results::read(&path).expect("read").json(), said);
        for other in ["", "{}", "[1]", r#"{"machine":{},"runs":[{"ingest":{"p99_ms":"fast"}}]}"#] {
            std::fs::write(&path, other).expect("written");
            let error = Results::read(&path).expect_err(other).to_string();
            assert!(error.contains("is no answer of `weir bench --json`"), "{error}");
        }
        assert!(Results::read(&folder.path().join("none")).is_err());
    }
}
