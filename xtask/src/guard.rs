//! Counts what the hot paths cost, in instructions and calls of the system, and compares with what is
//! written down. Clocks say little on a machine that others use; counts are the same on a busy one.

mod baseline;
mod count;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail, ensure};

use crate::chore::{need, output, root, run, target};
use baseline::{Baseline, Machine, Verdict};
use count::{Counts, count};

/// Where the counts are written down.
const FILE: &str = "crates/guard/guard.toml";

/// The release's optimisation without its slow link step.
const PROFILE: &str = "measure";

/// What the program says of a path.
struct HotPath {
    name: String,
    unit: String,
    few: usize,
    many: usize,
}

/// The part of `cargo xtask test`.
pub(crate) fn check() -> anyhow::Result<()> {
    run_with(&[])
}

/// `cargo xtask guard [PATH...] [--write]`
pub(crate) fn run_with(args: &[String]) -> anyhow::Result<()> {
    let (flags, wanted): (Vec<_>, Vec<_>) = args.iter().cloned().partition(|arg| arg.starts_with("--"));
    let write = match flags.as_slice() {
        [] => false,
        [flag] if flag == "--write" => true,
        _ => bail!("guard takes names of paths and --write"),
    };
    need("valgrind", "valgrind")?;
    let program = build()?;
    let paths = choose(paths(&program)?, &wanted)?;
    let counted = count_all(&program, &paths)?;
    let machine = Machine::this()?;
    let file = root().join(FILE);
    let mut baseline = Baseline::read(&file)?;
    if write {
        baseline.take(machine, paths.iter().zip(counted).map(|(path, counts)| (path.name.clone(), counts)));
        baseline.write(&file)?;
        println!("\nguard: {FILE} says what was counted; commit it together with what changed the counts");
        return Ok(());
    }
    compare(&baseline, &machine, &program, &paths, &counted)
}

fn build() -> anyhow::Result<String> {
    run(".", "cargo", &["build", "--locked", "--profile", PROFILE, "--package", "weir-guard"])?;
    Ok(target().join(PROFILE).join("guard").to_string_lossy().into_owned())
}

fn paths(program: &str) -> anyhow::Result<Vec<HotPath>> {
    let list = output(".", program, &["list"])?;
    let path = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let (name, unit) = (words.next()?, words.next()?);
        let (few, many) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(HotPath { name, unit, few, many })
    };
    list.lines().map(path).collect::<Option<_>>().context("guard list says something else by now")
}

fn choose(paths: Vec<HotPath>, wanted: &[String]) -> anyhow::Result<Vec<HotPath>> {
    let known = paths.iter().map(|path| path.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = wanted.iter().find(|name| paths.iter().all(|path| path.name != **name)) {
        bail!("there is no path {unknown:?}: the paths are {known}");
    }
    Ok(paths.into_iter().filter(|path| wanted.is_empty() || wanted.contains(&path.name)).collect())
}

/// Two runs a path, all of them shared among the processors.
fn count_all(program: &str, paths: &[HotPath]) -> anyhow::Result<Vec<Counts>> {
    let mut runs: Vec<(usize, usize)> =
        (0..paths.len()).flat_map(|n| [(n, paths[n].many), (n, paths[n].few)]).collect();
    // What takes long begins first.
    runs.sort_by_key(|(n, units)| *units != paths[*n].many);
    let next = AtomicUsize::new(0);
    let counted = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        while let Some((n, units)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counts = count(program, &paths[*n].name, *units)?;
            counted.lock().expect("nobody panics with it").push((*n, *units, counts));
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("counting doesn't panic"))
    })?;
    let counted = counted.into_inner().expect("nobody panics with it");
    let of = |n: usize, units: usize| {
        let found = counted.iter().find(|(path, of, _)| (*path, *of) == (n, units));
        found.map(|(.., counts)| *counts).context("a run is missing")
    };
    let path = |n: usize| {
        let HotPath { few, many, .. } = paths[n];
        Ok(of(n, many)?.since(of(n, few)?).each(many - few))
    };
    (0..paths.len()).map(path).collect()
}

fn compare(
    baseline: &Baseline,
    machine: &Machine,
    program: &str,
    paths: &[HotPath],
    counted: &[Counts],
) -> anyhow::Result<()> {
    let comparable = baseline.machine.target == machine.target;
    println!("\n{:<14} {:<12} {:>14} {:>14} {:>9}", "path", "per", "before", "now", "change");
    let mut faults = Vec::new();
    for (path, counts) in paths.iter().zip(counted) {
        for verdict in baseline.judge(&path.name, counts) {
            let Verdict { what, before, now, .. } = verdict;
            if before == Some(0.0) && now == 0.0 {
                continue;
            }
            let change =
                verdict.change().map_or_else(|| "new".to_owned(), |change| format!("{change:+.1} %"));
            let before = before.map_or_else(|| "-".to_owned(), shown);
            println!(
                "{:<14} {:<12} {before:>14} {:>14} {change:>9}  {what}",
                path.name,
                path.unit,
                shown(now)
            );
            if verdict.is_off(baseline.tolerance_percent) {
                faults.push(format!(
                    "{}: {} {what} per {} now, {before} before ({change})",
                    path.name,
                    shown(now),
                    path.unit
                ));
            }
        }
    }
    if !comparable {
        println!(
            "guard: the counts are of {}; on {} they say nothing and were not compared",
            baseline.machine.target, machine.target
        );
        return Ok(());
    }
    let other_compiler = match baseline.machine.rustc == machine.rustc {
        true => String::new(),
        false => format!(
            "\nThe counts written down are of {}, this is {}: it may be the compiler.",
            baseline.machine.rustc, machine.rustc
        ),
    };
    let first = paths.first().map_or("", |path| &path.name);
    ensure!(
        faults.is_empty(),
        "hot paths cost something else than {FILE} says, by more than {} %:\n  {}{other_compiler}\n\
         Is it meant (a faster path is, too)? `cargo xtask guard --write`, and commit {FILE} with the reason.\n\
         Else look where the instructions go, with the folder made as `guard prepare` says:\n  \
         valgrind --tool=callgrind {program} run {first} FOLDER UNITS; callgrind_annotate callgrind.out.*",
        baseline.tolerance_percent,
        faults.join("\n  ")
    );
    println!("guard: the hot paths cost what {FILE} says");
    Ok(())
}

/// As many digits as say something.
fn shown(n: f64) -> String {
    if n >= 100.0 { format!("{n:.0}") } else { format!("{n:.3}") }
}
