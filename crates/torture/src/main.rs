//! `torture`: breaks the pipeline on purpose and counts what is left.

use clap::Parser;

/// Breaks the pipeline on purpose and counts what is left. Every run is repeatable by its seed.
#[derive(Parser)]
struct Args {}

fn main() {
    let Args {} = Args::parse();
}
