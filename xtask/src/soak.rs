//! Everything that looks for what nobody thought of, for as long as one likes: in turn, each for its
//! share of the time, with a new seed each round.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::chore::{need, run_with};
use crate::flags::Flags;
use crate::fuzz::{Fuzzers, TARGETS};
use crate::torture::Torture;

struct Tools {
    torture: Torture,
    fuzzers: Fuzzers,
}

struct Step {
    name: &'static str,
    /// Of a hundred parts of the time.
    share: u32,
    /// One round under a seed. Rounds are repeated until the share is used up.
    round: fn(&Tools, u64) -> anyhow::Result<()>,
}

const STEPS: [Step; 8] = [
    Step { name: "power cuts", share: 25, round: power_cuts },
    Step { name: "planted mistakes", share: 5, round: mistakes },
    Step { name: "kills", share: 20, round: kills },
    Step { name: "hostile proxy", share: 10, round: hostile_proxy },
    Step { name: "queue against its model", share: 10, round: queue_model },
    Step { name: "statistics against the naive model", share: 10, round: naive_model },
    Step { name: "orders of threads", share: 10, round: schedules },
    Step { name: "fuzzers", share: 10, round: fuzzers },
];

/// How often a step came round, how long that took in all, and what ended it before its time.
struct Record {
    name: &'static str,
    seeds: std::ops::Range<u64>,
    took: Duration,
    failure: Option<anyhow::Error>,
}

/// `cargo xtask soak --minutes N [--seed S]`
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let flags = Flags::read(args, &["minutes", "seed"])?;
    ensure!(flags.words.is_empty(), "soak takes --minutes N and --seed S only");
    let minutes = flags.number("minutes").context("say for how long: --minutes N")?;
    let seed = flags.number("seed").unwrap_or(1);
    // Building is not soaking.
    let tools = Tools { torture: Torture::build(true)?, fuzzers: Fuzzers::build()? };
    need("chromium", "chromium")?;
    run_with("tests/browser", "npm", &["ci", "--no-audit", "--no-fund"], &[])?;
    let budget = Duration::from_secs(minutes.saturating_mul(60));
    let records: Vec<Record> = STEPS.iter().map(|step| soak(step, &tools, seed, budget)).collect();
    tell(&records);
    let failed = records.iter().filter(|record| record.failure.is_some()).count();
    ensure!(failed == 0, "{failed} of {} kinds of torture found something", records.len());
    Ok(())
}

/// Goes on until the share is used up or something is found; comes round once at least.
fn soak(step: &Step, tools: &Tools, seed: u64, budget: Duration) -> Record {
    let share = budget * step.share / 100;
    let begun = Instant::now();
    let mut record = Record { name: step.name, seeds: seed..seed, took: Duration::ZERO, failure: None };
    while record.failure.is_none() && (record.seeds.is_empty() || begun.elapsed() < share) {
        println!("\n== {}, seed {} ==", step.name, record.seeds.end);
        record.failure = (step.round)(tools, record.seeds.end).err();
        record.seeds.end += 1;
    }
    record.took = begun.elapsed();
    record
}

fn tell(records: &[Record]) {
    println!("\n{:<36} {:>14} {:>9}  outcome", "torture", "seeds", "seconds");
    for Record { name, seeds, took, failure } in records {
        let seeds = format!("{}..={}", seeds.start, seeds.end - 1);
        let outcome = failure.as_ref().map_or_else(|| "held".to_owned(), |failure| format!("{failure:#}"));
        println!("{name:<36} {seeds:>14} {:>9}  {outcome}", took.as_secs());
    }
}

fn power_cuts(tools: &Tools, seed: u64) -> anyhow::Result<()> {
    tools.torture.run(&["power-cuts", "--seed", &seed.to_string(), "--cuts", "5000"])
}

fn mistakes(tools: &Tools, seed: u64) -> anyhow::Result<()> {
    tools.torture.run(&["mistakes", "--seed", &seed.to_string()])
}

fn kills(tools: &Tools, seed: u64) -> anyhow::Result<()> {
    tools.torture.run(&["kills", "--seed", &seed.to_string(), "--cycles", "200"])
}

/// A real browser behind a proxy that breaks every way of talking there is.
fn hostile_proxy(tools: &Tools, seed: u64) -> anyhow::Result<()> {
    let binary = tools.torture.beside("weir");
    let env = [("BINARY_UNDER_TEST", binary.as_str())];
    run_with("tests/browser", "npm", &["run", "hostile", "--", "--seeds", &seed.to_string()], &env)
}

/// A crate's ordinary tests of this name, with more to try and other lots to draw.
fn test(package: &str, name: &str, seed: u64, env: &[(&str, &str)]) -> anyhow::Result<()> {
    let seed = seed.to_string();
    let mut env = env.to_vec();
    // The one is ours; the other makes property tests draw anew, but the same for the same seed.
    env.extend([("SEED", seed.as_str()), ("PROPTEST_RNG_SEED", seed.as_str())]);
    run_with(".", "cargo", &["test", "--locked", "--package", package, name], &env)
}

fn queue_model(_: &Tools, seed: u64) -> anyhow::Result<()> {
    test("weir-queue", "model::", seed, &[("EFFORT", "10")])
}

fn naive_model(_: &Tools, seed: u64) -> anyhow::Result<()> {
    test("weir-processor", "equals_naive_model::", seed, &[("PROPTEST_CASES", "500")])
}

fn schedules(_: &Tools, seed: u64) -> anyhow::Result<()> {
    test("weir-queue", "schedules::", seed, &[("EFFORT", "20")])
}

fn fuzzers(tools: &Tools, seed: u64) -> anyhow::Result<()> {
    TARGETS.iter().try_for_each(|target| tools.fuzzers.run(target, 30, seed))
}
