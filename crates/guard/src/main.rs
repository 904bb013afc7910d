//! The hot paths, each alone: what `cargo xtask guard` runs under an instruction counter.
//!
//! Promises: the same work each time, down to the byte, but for keys and seeds that the parts draw
//! themselves. Whatever is not the path's own is the same however many units are asked for, so that the
//! difference of two runs is the path alone.
//! Refuses to know: how instructions are counted, and how many are too many.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a tool for the terminal

mod traffic;

mod folder;

mod append;

mod admit;

mod fold;

mod read;

mod paths;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use paths::PATHS;

const HELP: &str = "\
guard list                          names of the paths: what a unit is, and two numbers of units to compare
guard prepare PATH FOLDER UNITS     makes what a run of so many units begins with, in an empty folder
guard run PATH FOLDER UNITS         runs so many units; prints how many";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["list"] => list(),
        [verb @ ("prepare" | "run"), path, folder, units] => work(verb, path, Path::new(folder), units),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(3)
        }
    }
}

fn list() -> anyhow::Result<()> {
    PATHS.iter().for_each(|path| println!("{} {} {} {}", path.name, path.unit, path.few, path.many));
    Ok(())
}

fn work(verb: &str, path: &str, folder: &Path, units: &str) -> anyhow::Result<()> {
    let Some(path) = PATHS.iter().find(|known| known.name == path) else {
        bail!("there is no path {path:?}: they are {}", PATHS.map(|path| path.name).join(", "));
    };
    let units = units.parse().with_context(|| format!("{units:?} is no number of units"))?;
    if verb == "prepare" {
        return (path.prepare)(folder, units);
    }
    (path.run)(folder, units)?;
    println!("{units}");
    Ok(())
}
