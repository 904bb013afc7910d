//! The project's chores. `cargo xtask test` runs every check there is and installs what it needs;
//! `cargo xtask tidy` checks the house rules that no compiler knows.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a tool for the terminal

mod chore;

mod tidy;

mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [PART...]   every check: tidy, rust, tracker, ui, browser (or only those named)
cargo xtask tidy             arrows between crates, sizes of files, who knows what";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((chore, parts)) if chore == "test" => test::run_parts(parts),
        Some((chore, [])) if chore == "tidy" => tidy::run(),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nFAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
