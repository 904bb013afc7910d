//! The project's chores. `cargo xtask test` runs every check there is and installs what it needs;
//! `cargo xtask tidy` checks the house rules that no compiler knows.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a tool for the terminal

mod chore;
mod flags;

mod tidy;

mod torture;

mod guard;

mod test;

mod fuzz;
mod soak;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [PART...]   every check: tidy, rust, guard, torture, tracker, ui, browser (or only those named)
cargo xtask tidy             arrows between crates, sizes of files, who knows what
cargo xtask guard [PATH...] [--write]
                             what the hot paths cost in instructions, against what is written down
cargo xtask fuzz [TARGET...] [--seconds N] [--seed S]
                             throws bytes at parsers, N seconds (60) each; all of them or those named
cargo xtask soak --minutes N [--seed S]
                             power cuts, mistakes, kills, models, orders of threads and fuzzers in turn";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((chore, parts)) if chore == "test" => test::run_parts(parts),
        Some((chore, [])) if chore == "tidy" => tidy::run(),
        Some((chore, args)) if chore == "guard" => guard::run_with(args),
        Some((chore, args)) if chore == "fuzz" => fuzz::run_targets(args),
        Some((chore, args)) if chore == "soak" => soak::run(args),
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
