use std::env;

/// How many cases, schedules or mutations a test tries: what it asks for, times `EFFORT`. A soak sets
/// that high; everybody else leaves it at 1.
pub fn effort(usual: u32) -> u32 {
    usual.saturating_mul(u32::try_from(number("EFFORT").unwrap_or(1)).unwrap_or(u32::MAX))
}

/// What tests that draw lots begin from: the environment's `SEED`, else 1.
pub fn seed() -> u64 {
    number("SEED").unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text:?} is no whole number")))
}
