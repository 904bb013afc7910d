//! What commands print: words for people, JSON for programs, progress for the impatient.
#![allow(clippy::print_stdout, clippy::print_stderr)] // the one place that prints

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

pub(crate) fn line(text: &str) {
    println!("{text}");
}

pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// To standard error, so that it never mixes with an answer.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

pub(crate) fn error(error: &str) {
    eprintln!("weir: {error}");
}

/// A bar on a terminal, nothing elsewhere.
pub(crate) fn progress(what: &str, total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    let style = ProgressStyle::with_template("{msg} [{bar:32}] {human_pos}/{human_len} {per_sec} {eta} left");
    bar.with_style(style.expect("the template is well formed").progress_chars("=> "))
}

/// Columns of text, aligned.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).chain([head[i].len()]).max();
    let widths: Vec<usize> = (0..head.len()).map(|i| width(i).unwrap_or(0)).collect();
    let print = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(head.to_vec());
    rows.iter().for_each(|row| print(row.iter().map(String::as_str).collect()));
}
