//! The `weir` binary: commands, settings and the wiring of the parts, in the order in which an
//! event travels.

mod advice;
mod args;
mod config;
mod data_folder;
mod room;

mod serve;

mod bench;
mod demo;
mod traffic;

mod commands;

mod machine;
mod output;
mod telemetry;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;

/// What an exit code says. 2 is mostly clap's.
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// Done, and the answer is no: a row differs, the books don't balance, something is unwell.
    No,
    /// The command line makes no sense, which only shows once the data is read; it has been said why.
    BadLine,
    /// It could not be done, and the answer, which is printed, says why.
    CouldNot,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Ok(Outcome::BadLine) => ExitCode::from(2),
        Ok(Outcome::CouldNot) => ExitCode::from(3),
        Err(error) => {
            output::error(&advice::of_command(&error));
            ExitCode::from(3)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<Outcome> {
    // Whatever the command: a misspelt setting is found out now, not when the server starts.
    let config = config::load(args)?;
    match &args.command {
        None | Some(Command::Serve) => serve::serve(&config),
        Some(Command::Demo(demo)) => demo::demo(&config, demo),
        Some(Command::Site(command)) => commands::site::run(args, &config, command),
        Some(Command::User(command)) => commands::user::run(args, command),
        Some(Command::Token(command)) => commands::token::run(args, command),
        Some(Command::Verify { site }) => commands::verify::run(args, site.as_deref()),
        Some(Command::Rebuild { site, no_wait }) => commands::rebuild::run(args, site.as_deref(), !no_wait),
        Some(Command::Ledger { site }) => commands::ledger::run(args, site.as_deref()),
        Some(Command::Dead(command)) => commands::dead::run(args, command),
        Some(Command::Check { full }) => commands::check::run(args, *full),
        Some(Command::Repair { yes }) => commands::repair::run(args, *yes),
        Some(Command::Bench(asked)) => bench::bench(args, asked),
        Some(Command::Health) => commands::health::run(args),
    }
}
