//! Every check, in the order in which mistakes are cheapest to find.

use anyhow::{bail, ensure};

use crate::chore::{need, output, run, run_with, target, unpacked};
use crate::{guard, tidy, torture};

type Part = (&'static str, fn() -> anyhow::Result<()>);

const PARTS: [Part; 7] = [
    ("tidy", tidy::run),
    ("rust", rust),
    ("guard", guard::check),
    ("torture", torture::share),
    ("tracker", tracker),
    ("ui", ui),
    ("browser", browser),
];

/// Runs all parts, or those named.
pub(crate) fn run_parts(wanted: &[String]) -> anyhow::Result<()> {
    if let Some(unknown) = wanted.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        bail!("there is no part {unknown:?}: the parts are {}", PARTS.map(|(part, _)| part).join(", "));
    }
    for (part, check) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|name| name == part) {
            println!("\n== {part} ==");
            check()?;
        }
    }
    println!("\nAll checks passed.");
    Ok(())
}

fn rust() -> anyhow::Result<()> {
    run(".", "cargo", &["fmt", "--all", "--check"])?;
    run(".", "cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    run(".", "cargo", &["test", "--workspace", "--locked"])
}

fn tracker() -> anyhow::Result<()> {
    package("sdk")?;
    run("sdk", "npm", &["run", "build"])?;
    is_committed("sdk/dist")
}

fn ui() -> anyhow::Result<()> {
    package("ui")?;
    run("ui", "npm", &["run", "build"])?;
    is_committed("ui/dist")
}

/// What every npm package is asked.
fn package(folder: &str) -> anyhow::Result<()> {
    run(folder, "npm", &["ci", "--no-audit", "--no-fund"])?;
    run(folder, "npm", &["run", "check"])?;
    run(folder, "npm", &["test"])
}

/// The committed build is what its source builds to, file for file.
fn is_committed(folder: &str) -> anyhow::Result<()> {
    let changed = output(".", "git", &["status", "--porcelain", "--", folder])?;
    ensure!(
        changed.is_empty(),
        "{folder} is not what its source builds to; commit what the build made:\n{changed}"
    );
    Ok(())
}

/// The whole path, from a real browser to the figures.
fn browser() -> anyhow::Result<()> {
    need("chromium", "chromium")?;
    run(".", "cargo", &["build", "--locked", "--package", "weir"])?;
    let binary = target().join("debug").join("weir");
    let nginx = unpacked("usr/sbin/nginx", "nginx")?;
    let caddy = unpacked("usr/bin/caddy", "caddy")?;
    run("tests/browser", "npm", &["ci", "--no-audit", "--no-fund"])?;
    run("tests/browser", "npm", &["run", "check"])?;
    let programs = [("BINARY_UNDER_TEST", binary), ("NGINX", nginx), ("CADDY", caddy)];
    let programs = programs.each_ref().map(|(name, path)| (*name, path.to_string_lossy()));
    run_with("tests/browser", "npm", &["test"], &programs.each_ref().map(|(name, path)| (*name, &**path)))
}
