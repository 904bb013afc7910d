//! The fuzzers in `fuzz/`, on stable Rust: libFuzzer, with the compiler telling it which ways a run
//! took. What must hold of an input is written in the crates that parse (`src/fuzzing.rs`), and their
//! ordinary tests replay the corpus; here new inputs are looked for.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

use crate::chore::{output, root, run, run_with};
use crate::flags::Flags;

pub(crate) const TARGETS: [&str; 11] = [
    "checkup",
    "client_ip",
    "day_keys",
    "delivery",
    "enrich",
    "hosts",
    "http",
    "page",
    "question",
    "row",
    "words",
];

/// Counts which edges were taken and what was compared; no sanitizer, since there is no unsafe code.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

const SECONDS: u64 = 60;

/// `cargo xtask fuzz [TARGET...] [--seconds N] [--seed S]`
pub(crate) fn run_targets(args: &[String]) -> anyhow::Result<()> {
    let flags = Flags::read(args, &["seconds", "seed"])?;
    if let Some(unknown) = flags.words.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        bail!("there is no fuzzer {unknown:?}: they are {}", TARGETS.join(", "));
    }
    let fuzzers = Fuzzers::build()?;
    for target in TARGETS {
        if flags.words.is_empty() || flags.words.iter().any(|name| name == target) {
            fuzzers.run(
                target,
                flags.number("seconds").unwrap_or(SECONDS),
                flags.number("seed").unwrap_or(1),
            )?;
        }
    }
    Ok(())
}

/// The built programs.
pub(crate) struct Fuzzers(PathBuf);

impl Fuzzers {
    pub(crate) fn build() -> anyhow::Result<Self> {
        let host = output(".", "rustc", &["-vV"])?;
        let host =
            host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        // Named, so that the flags do not reach build scripts, which have no fuzzer to link with.
        // Not locked: its lock file follows the crates, which change without it.
        let args = ["build", "--release", "--target", host];
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("fuzz/target"), Into::into);
        let target: PathBuf = target.join("fuzz");
        let env = [("RUSTFLAGS", RUSTFLAGS), ("CARGO_TARGET_DIR", &target.to_string_lossy())];
        run_with("fuzz", "cargo", &args, &env)?;
        Ok(Self(target.join(host).join("release")))
    }

    /// Looks for inputs that take new ways, beginning with the corpus; keeps them in `fuzz/found`. One
    /// that breaks a promise ends it and lies in `fuzz/artifacts`.
    pub(crate) fn run(&self, target: &str, seconds: u64, seed: u64) -> anyhow::Result<()> {
        let (found, artifacts) = (format!("found/{target}"), format!("artifacts/{target}-"));
        let folder = root().join("fuzz");
        for made in [folder.join(&found), folder.join("artifacts")] {
            fs::create_dir_all(&made).with_context(|| format!("can't make {}", made.display()))?;
        }
        let program = self.0.join(target);
        let args = [
            found,
            format!("corpus/{target}"),
            format!("-max_total_time={seconds}"),
            // Zero would mean: any.
            format!("-seed={}", seed.clamp(1, u64::from(u32::MAX))),
            format!("-artifact_prefix={artifacts}"),
            "-timeout=20".to_owned(),
            "-rss_limit_mb=2048".to_owned(),
            "-print_final_stats=1".to_owned(),
            "-verbosity=1".to_owned(),
        ];
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        ensure!(program.is_file(), "{} was not built", program.display());
        run("fuzz", &program.to_string_lossy(), &args)
    }
}
