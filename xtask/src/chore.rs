//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// The repository's root: this crate's parent.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
}

/// Runs a program in a folder of the repository, its output going to the terminal.
pub(crate) fn run(folder: &str, program: &str, args: &[&str]) -> anyhow::Result<()> {
    run_with(folder, program, args, &[])
}

pub(crate) fn run_with(
    folder: &str,
    program: &str,
    args: &[&str],
    env: &[(&str, &str)],
) -> anyhow::Result<()> {
    println!("\n$ ({folder}) {program} {}", args.join(" "));
    let status =
        Command::new(program).args(args).envs(env.iter().copied()).current_dir(root().join(folder)).status();
    let status = status.with_context(|| format!("{program} can't be started: is it installed?"))?;
    ensure!(status.success(), "{program} {} in {folder} ended with {status}", args.join(" "));
    Ok(())
}

/// What a program prints.
pub(crate) fn output(folder: &str, program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(args).current_dir(root().join(folder)).output();
    let output = output.with_context(|| format!("{program} can't be started: is it installed?"))?;
    ensure!(output.status.success(), "{program} {} ended with {}", args.join(" "), output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program answers to its name.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

/// Installs a Debian package unless `program` is there already; says what to do where it may not.
pub(crate) fn need(program: &str, package: &str) -> anyhow::Result<()> {
    if has(program) {
        return Ok(());
    }
    if !(has("apt-get") && is_root()) {
        bail!(
            "{program} is missing: install it (on Debian as root: apt-get install {package}) and run this again"
        );
    }
    // Package lists on a new machine are empty or old.
    run(".", "apt-get", &["update", "-q"])?;
    run_with(".", "apt-get", &["install", "-y", "-q", package], &[("DEBIAN_FRONTEND", "noninteractive")])
}

/// A program of a Debian package that is not installed but unpacked into the target folder: to install a server
/// is to start it. On other systems it is where they may have it.
pub(crate) fn unpacked(program: &str, package: &str) -> anyhow::Result<PathBuf> {
    let installed = Path::new("/").join(program);
    if installed.exists() || !has("apt-get") {
        return Ok(installed);
    }
    let folder = target().join("packages").join(package);
    if !folder.join(program).exists() {
        std::fs::create_dir_all(&folder)?;
        let folder = folder.to_string_lossy();
        if is_root() {
            run(".", "apt-get", &["update", "-q"])?;
        }
        run(&folder, "apt-get", &["download", "-q", package])?;
        run(&folder, "sh", &["-c", "dpkg-deb --extract *.deb ."])?;
    }
    Ok(folder.join(program))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root().join("target"), Into::into)
}
