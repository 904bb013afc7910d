use std::fmt;

use serde_json::{Value, json};

/// What it runs on, as far as the system tells.
#[derive(Debug)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_mib: u64,
    optimised: bool,
}

impl Machine {
    pub fn look() -> Self {
        Self {
            processor: after_colon("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib("/proc/meminfo", "MemTotal").unwrap_or(0) / 1_024,
            optimised: !cfg!(debug_assertions),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "memory_mib": self.memory_mib,
            "optimised": self.optimised,
            "version": env!("CARGO_PKG_VERSION"),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_mib, optimised } = self;
        let version = env!("CARGO_PKG_VERSION");
        write!(f, "weir {version} on {processor}, {cores} cores, {memory_mib} MiB")?;
        if *optimised { Ok(()) } else { f.write_str(" (DEBUG BUILD: figures mean nothing)") }
    }
}

/// A figure in KiB from one of the kernel's lists; nothing on systems without them.
pub(crate) fn kib(file: &str, name: &str) -> Option<u64> {
    after_colon(file, name)?.split_whitespace().next()?.parse().ok()
}

/// The unit of CPU times that the kernel tells: fixed at 100 a second for every program on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time that a process has spent so far, user's and system's; nothing on systems that don't tell.
pub(crate) fn cpu_secs(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, but ends with the last parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn after_colon(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
