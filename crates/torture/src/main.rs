//! `torture`: breaks the pipeline on purpose and counts what is left.

mod command;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Breaks the pipeline on purpose and counts what is left. Every run is repeatable by its seed.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Cuts the power of a simulated disk and compares what is left with what was acknowledged.
    PowerCuts(command::PowerCuts),
    /// Plants each known mistake in turn and demands that the power cuts find it.
    Mistakes(command::Mistakes),
    Kills(command::Kills),
}

/// Exit codes: 0 nothing was lost, 1 something was, 2 bad command line, 3 could not.
fn main() -> ExitCode {
    let answer = match Args::parse().command {
        Command::PowerCuts(command) => command.run(),
        Command::Mistakes(command) => command.run(),
        Command::Kills(command) => command.run(),
    };
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            output::error(&error);
            ExitCode::from(3)
        }
    }
}
