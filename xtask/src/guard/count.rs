//! One run of a path under valgrind.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::chore::root;

/// What work cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counts {
    pub instructions: f64,
    /// Of the disk: calls that wait for it, that write a file and that read one.
    pub syncs: f64,
    pub writes: f64,
    pub reads: f64,
}

impl Counts {
    pub(super) fn since(self, less: Self) -> Self {
        // Where a run is luckier than the one that it is compared with, it made no calls of its own.
        self.with(less, |more, less| (more - less).max(0.0))
    }

    pub(super) fn each(self, units: usize) -> Self {
        self.with(self, |all, _| all / units as f64)
    }

    fn with(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            instructions: f(self.instructions, other.instructions),
            syncs: f(self.syncs, other.syncs),
            writes: f(self.writes, other.writes),
            reads: f(self.reads, other.reads),
        }
    }

    /// From what valgrind writes down.
    fn read(log: &str) -> Option<Self> {
        let total = log.lines().find_map(|line| line.split_once("I   refs:"))?.1;
        let instructions: f64 = total.replace(',', "").trim().parse().ok()?;
        let of = |names: &[&str]| {
            let is_one = |line: &&str| {
                let call = line.strip_prefix("SYSCALL[").and_then(|line| line.split_once(") sys_"));
                let name = call.and_then(|(_, call)| call.split([' ', '(']).next());
                name.is_some_and(|name| names.contains(&name))
            };
            log.lines().filter(is_one).count() as f64
        };
        let syncs = of(&["fdatasync", "fsync"]);
        Some(Self { instructions, syncs, writes: of(&["pwrite64"]), reads: of(&["pread64"]) })
    }
}

/// Makes a folder, runs the path in it, and takes it away again.
pub(super) fn count(program: &str, path: &str, units: usize) -> anyhow::Result<Counts> {
    let folder = Path::new(program).with_file_name(format!("guard-{path}-{units}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    let counts = count_in(&folder, program, path, units);
    fs::remove_dir_all(&folder)?;
    counts
}

fn count_in(folder: &Path, program: &str, path: &str, units: usize) -> anyhow::Result<Counts> {
    let (data, log) = (folder.join("data"), folder.join("valgrind.log"));
    fs::create_dir(&data)?;
    let args =
        |verb: &'static str| [verb, path, &data.to_string_lossy(), &units.to_string()].map(str::to_owned);
    let mut prepare = Command::new(program);
    finish(prepare.args(args("prepare")))?;
    let mut run = Command::new("valgrind");
    run.arg("--tool=cachegrind").args([
        "--cache-sim=no",
        "--trace-syscalls=yes",
        "--cachegrind-out-file=/dev/null",
    ]);
    run.arg(format!("--log-file={}", log.display())).arg(program).args(args("run"));
    finish(&mut run)?;
    let log = fs::read(&log).context("valgrind wrote nothing down")?;
    let counts = Counts::read(&String::from_utf8_lossy(&log));
    counts.with_context(|| format!("valgrind counted nothing of {path}"))
}

fn finish(command: &mut Command) -> anyhow::Result<()> {
    let output = command.current_dir(root()).output().with_context(|| format!("can't start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {}", output.status, said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_calls_are_read_from_what_valgrind_says() {
        let log = "SYSCALL[41,1](  0) sys_read ( 3, 0x1, 5 ) --> [async] ... \n\
                   SYSCALL[41,2]( 75) sys_fdatasync ( 9 ) --> [async] ... \n\
                   SYSCALL[41,2]( 18) sys_pwrite64 ( 9, 0x2, 4096, 0 )[sync] --> Success(0x1000) \n\
                   ==41== I   refs:      1,234,567\n";
        let counts = Counts { instructions: 1_234_567.0, syncs: 1.0, writes: 1.0, reads: 0.0 };
        assert_eq!(Counts::read(log), Some(counts));
        assert_eq!(Counts::read("==41== nothing"), None);
    }
}
