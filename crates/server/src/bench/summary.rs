//! What several runs say together.

use super::measure::Measure;
use super::report::readable;
use super::results::Results;
use crate::output;

/// Best and median of every figure, and how far the runs are apart.
pub(super) fn print(results: &Results) {
    output::line("");
    let runs = format!("{} runs", results.runs.len());
    let mut rows = Vec::new();
    for (section, figures) in results.spreads() {
        rows.push(vec![section.to_owned(), String::new(), String::new(), String::new(), String::new()]);
        rows.extend(figures.into_iter().map(|(name, spread)| {
            let best = spread.best(Measure::of(name));
            let figures = [best, spread.median(), spread.least(), spread.most()];
            std::iter::once(format!("  {name}")).chain(figures.map(|value| right(&readable(value)))).collect()
        }));
    }
    let head = ["best", "median", "least", "most"].map(right);
    output::table(&[&runs, &head[0], &head[1], &head[2], &head[3]], &rows);
}

fn right(text: &str) -> String {
    format!("{text:>13}")
}
