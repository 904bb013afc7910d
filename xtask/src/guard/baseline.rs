//! The counts that were written down, and how far off others are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use super::count::Counts;
use crate::chore::output;

const HEAD: &str = "\
# What a unit of each hot path costs: instructions, and calls that sync, write and read files.
# `cargo xtask guard` compares; `cargo xtask guard --write` writes this file anew, all of it but the tolerance.
# Commit it together with the change that made the difference, and say why there.
";

/// Instructions of a unit that is no event, but a page of questions.
const WHOLE_QUESTIONS: f64 = 1_000_000.0;

/// What decides which instructions there are, beside the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Machine {
    pub target: String,
    pub rustc: String,
}

#[derive(Debug, PartialEq)]
pub(super) struct Baseline {
    pub machine: Machine,
    pub tolerance_percent: f64,
    paths: BTreeMap<String, Counts>,
}

/// One figure, before and now.
pub(super) struct Verdict {
    pub what: &'static str,
    pub before: Option<f64>,
    pub now: f64,
    /// A smaller difference is none.
    floor: f64,
}

impl Machine {
    pub(super) fn this() -> anyhow::Result<Self> {
        let version = output(".", "rustc", &["-vV"])?;
        let of = |key: &str| {
            let line = version.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim().to_owned()).with_context(|| format!("rustc says no {key}"))
        };
        Ok(Self { target: of("host:")?, rustc: format!("rustc {}", of("release:")?) })
    }
}

impl Baseline {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not what --write writes", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse()?;
        let text_of = |key: &str| {
            table
                .get(key)
                .and_then(toml::Value::as_str)
                .map(str::to_owned)
                .with_context(|| format!("no {key}"))
        };
        let machine = Machine { target: text_of("target")?, rustc: text_of("rustc")? };
        let number = |table: &toml::Table, key: &str| {
            table.get(key).and_then(toml::Value::as_float).with_context(|| format!("no number {key}"))
        };
        let tolerance_percent = number(&table, "tolerance_percent")?;
        ensure!((0.0..=50.0).contains(&tolerance_percent), "tolerance_percent would let anything pass");
        let counts = |path: &toml::Table| -> anyhow::Result<Counts> {
            Ok(Counts {
                instructions: number(path, "instructions")?,
                syncs: number(path, "syncs")?,
                writes: number(path, "writes")?,
                reads: number(path, "reads")?,
            })
        };
        let tables = table.iter().filter_map(|(name, value)| Some((name, value.as_table()?)));
        let paths =
            tables.map(|(name, path)| Ok((name.clone(), counts(path)?))).collect::<anyhow::Result<_>>()?;
        Ok(Self { machine, tolerance_percent, paths })
    }

    /// Forgets what was known of these paths. Whoever names some of them leaves the others.
    pub(super) fn take(&mut self, machine: Machine, counted: impl Iterator<Item = (String, Counts)>) {
        self.machine = machine;
        self.paths.extend(counted);
    }

    pub(super) fn write(&self, file: &Path) -> anyhow::Result<()> {
        fs::write(file, self.text()).with_context(|| format!("can't write {}", file.display()))
    }

    fn text(&self) -> String {
        let Machine { target, rustc } = &self.machine;
        let mut text = format!("{HEAD}target = {target:?}\nrustc = {rustc:?}\n");
        let _ = writeln!(text, "tolerance_percent = {:.1}", self.tolerance_percent);
        for (name, counts) in &self.paths {
            let _ = writeln!(text, "\n[{name}]");
            for (what, n) in figures(counts) {
                let digits = if what == "instructions" { 1 } else { 4 };
                let _ = writeln!(text, "{what} = {n:.digits$}");
            }
        }
        text
    }

    pub(super) fn judge(&self, path: &str, now: &Counts) -> Vec<Verdict> {
        let before = self.paths.get(path).map(figures);
        // What is written down is rounded. Calls that a whole dashboard makes depend on what the caches of
        // its two threads happen to hold: some 50 each.
        let floor = if now.instructions < WHOLE_QUESTIONS { 0.001 } else { 64.0 };
        let now = figures(now).into_iter().enumerate();
        now.map(|(n, (what, now))| Verdict { what, before: before.map(|all| all[n].1), now, floor }).collect()
    }
}

fn figures(counts: &Counts) -> [(&'static str, f64); 4] {
    let Counts { instructions, syncs, writes, reads } = *counts;
    [("instructions", instructions), ("syncs", syncs), ("writes", writes), ("reads", reads)]
}

impl Verdict {
    /// In percent; `None` where nothing was written down.
    pub(super) fn change(&self) -> Option<f64> {
        let before = self.before?;
        Some(if before == self.now {
            0.0
        } else {
            (self.now - before) / before.abs().max(f64::MIN_POSITIVE) * 100.0
        })
    }

    /// Whether it is more, or less, than was written down. A path that is not written down is off.
    pub(super) fn is_off(&self, tolerance_percent: f64) -> bool {
        let Some(before) = self.before else { return true };
        (self.now - before).abs() > (before.abs() * tolerance_percent / 100.0).max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: f64, syncs: f64) -> Counts {
        Counts { instructions, syncs, writes: 0.0, reads: 2.0 }
    }

    fn baseline() -> Baseline {
        let machine =
            Machine { target: "x86_64-unknown-linux-gnu".to_owned(), rustc: "rustc 1.95.0".to_owned() };
        let paths = BTreeMap::from([("append".to_owned(), counts(10_000.0, 0.1))]);
        Baseline { machine, tolerance_percent: 5.0, paths }
    }

    /// What is off, by name.
    fn check_off(path: &str, now: Counts, off: &[&str]) {
        let verdicts = baseline().judge(path, &now);
        let found = verdicts.iter().filter(|verdict| verdict.is_off(5.0)).map(|verdict| verdict.what);
        assert_eq!(found.collect::<Vec<_>>(), off, "{path} {now:?}");
    }

    #[test]
    fn a_path_that_costs_more_or_less_than_the_tolerance_is_off() {
        check_off("append", counts(10_000.0, 0.1), &[]);
        check_off("append", counts(10_499.0, 0.1), &[]);
        check_off("append", counts(10_501.0, 0.1), &["instructions"]);
        check_off("append", counts(9_499.0, 0.1), &["instructions"]);
        check_off("append", counts(10_000.0, 0.2), &["syncs"]);
        check_off("append", counts(10_000.0, 0.0), &["syncs"]);
        check_off("append", Counts { reads: 2.09, ..counts(10_000.0, 0.1) }, &[]);
        check_off("append", Counts { reads: 2.2, ..counts(10_000.0, 0.1) }, &["reads"]);
        check_off("append", Counts { writes: 0.1, ..counts(10_000.0, 0.1) }, &["writes"]);
    }

    #[test]
    fn a_page_of_questions_may_find_other_pages_in_its_caches() {
        let mut baseline = baseline();
        let page = |reads| Counts { reads, ..counts(2_000_000.0, 0.0) };
        baseline.take(baseline.machine.clone(), [("read".to_owned(), page(0.0))].into_iter());
        let is_off = |reads| baseline.judge("read", &page(reads)).iter().any(|verdict| verdict.is_off(5.0));
        assert!(!is_off(0.2) && !is_off(64.0));
        assert!(is_off(65.0));
    }

    #[test]
    fn a_path_that_is_not_written_down_is_off() {
        check_off("fold", counts(1.0, 0.0), &["instructions", "syncs", "writes", "reads"]);
    }

    #[test]
    fn what_is_written_is_read_again_and_other_paths_stay() {
        let mut baseline = baseline();
        let machine = Machine { rustc: "rustc 1.96.0".to_owned(), ..baseline.machine.clone() };
        baseline.take(machine, [("fold".to_owned(), counts(70_000.5, 0.0002))].into_iter());
        let read = Baseline::parse(&baseline.text()).expect("it was just written");
        assert_eq!(read, baseline);
        assert_eq!(read.paths.len(), 2);
    }

    #[test]
    fn a_tolerance_that_lets_anything_pass_is_refused() {
        for bad in ["51.0", "-1.0", "nan"] {
            let text =
                baseline().text().replace("tolerance_percent = 5.0", &format!("tolerance_percent = {bad}"));
            assert!(Baseline::parse(&text).is_err(), "{bad}");
        }
    }
}
