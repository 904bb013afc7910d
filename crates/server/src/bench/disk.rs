//! What the disk can do by itself: the floor under every durable figure.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::figures::Sorted;
use super::report::{Section, figure};

const APPENDS: usize = 500;
const APPEND_BYTES: usize = 4 * 1_024;

/// A slow disk answers the question sooner.
const PROBE_TIME_MAX: Duration = Duration::from_secs(3);

/// Times of an append of 4 KiB and a flush, in microseconds.
#[derive(Debug)]
pub(super) struct Disk {
    fsync: Sorted,
    fdatasync: Sorted,
}

impl Disk {
    pub fn probe(parent: &Path) -> anyhow::Result<Self> {
        let probe = || -> io::Result<Self> {
            let fsync = appends(parent, std::fs::File::sync_all)?;
            Ok(Self { fsync, fdatasync: appends(parent, std::fs::File::sync_data)? })
        };
        probe().with_context(|| format!("can't write to {}", parent.display()))
    }

    /// The ordinary flush, in microseconds.
    pub fn flush_us(&self) -> f64 {
        self.fdatasync.percentile(50.0)
    }

    pub fn section(&self) -> Section {
        let figures = vec![
            figure("fsync_p50_ms", self.fsync.percentile(50.0) / 1_000.0),
            figure("fsync_p99_ms", self.fsync.percentile(99.0) / 1_000.0),
            figure("fdatasync_p50_ms", self.fdatasync.percentile(50.0) / 1_000.0),
            figure("fdatasync_p99_ms", self.fdatasync.percentile(99.0) / 1_000.0),
        ];
        Section { name: "disk".to_owned(), figures }
    }
}

fn appends(parent: &Path, flush: impl Fn(&std::fs::File) -> io::Result<()>) -> io::Result<Sorted> {
    let mut file = tempfile::tempfile_in(parent)?;
    let block = [0x57; APPEND_BYTES];
    let begun = Instant::now();
    let mut times = Vec::with_capacity(APPENDS);
    while times.len() < APPENDS && begun.elapsed() < PROBE_TIME_MAX {
        let start = Instant::now();
        file.write_all(&block)?;
        flush(&file)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Sorted::new(times))
}
