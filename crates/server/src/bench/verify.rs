//! `weir verify` and `weir rebuild` of large days, beside a server that takes events meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::deliveries::deliveries;
use super::flood::{Flood, Seen};
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use super::stored::Stored;
use crate::output;

const EVENTS_PER_DELIVERY: usize = 10;
const CONNECTIONS: u32 = 16;

/// What comes meanwhile: far below what the machine takes, and a commit every few milliseconds.
const DELIVERIES_PER_SECOND: f64 = 200.0;

/// Longer than anybody waits for this.
const AT_MOST: Duration = Duration::from_secs(24 * 3_600);

const DRAIN_WAIT_MAX: Duration = Duration::from_secs(60);

pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<Section> {
    let stored = Stored::get(bench)?;
    let events = stored.about.events as f64;
    let server = Server::start(stored.copy(bench)?)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flood = Flood {
        address: server.address.clone(),
        deliveries: deliveries(EVENTS_PER_DELIVERY).into(),
        connections: CONNECTIONS,
        stop: stop.clone(),
    };
    let (done, seen) = std::thread::scope(|scope| {
        let sending = scope.spawn(move || send(&flood));
        let done = prove(bench, &server);
        stop.store(true, Ordering::Release);
        (done, sending.join().expect("the sender doesn't panic"))
    });
    let ((verified, rebuild_secs), seen) = (done?, seen?);
    drained(&server)?;
    let (again, equal) = server.ask(&["verify"])?;
    ensure!(equal, "a statistic is not what the log says: {again}");
    let of = |said: &Value, name: &str| said[name].as_f64().with_context(|| format!("no {name} in {said}"));
    let secs = of(&verified, "took_ms")? / 1e3;
    Ok(Section {
        name: "verify_beside_a_server".to_owned(),
        figures: vec![
            figure("events", events),
            figure("days", f64::from(stored.about.days)),
            figure("accepted_events_meanwhile", seen.accepted_events as f64),
            figure("verify_secs", secs),
            figure("verified_events_per_second", of(&verified, "events")? / secs),
            figure("verified_rows", of(&verified, "rows")?),
            figure("moving", of(&verified, "moving")?),
            figure("longest_read_ms", of(&verified, "longest_read_ms")?),
            figure("verify_memory_mib_max", of(&verified, "memory_mib_max")?),
            figure("rebuild_secs", rebuild_secs),
            figure("rebuilt_events_per_second", events / rebuild_secs),
            figure("server_memory_mib_max", server.memory_mib_max().unwrap_or(0.0)),
            figure("longest_read_ms_at_rest", of(&again, "longest_read_ms")?),
            figure("at_rest_events_per_second", of(&again, "events")? / of(&again, "took_ms")? * 1e3),
        ],
    })
}

fn send(flood: &Flood) -> anyhow::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(flood.run(DELIVERIES_PER_SECOND, AT_MOST))
}

fn prove(bench: &Bench<'_>, server: &Server) -> anyhow::Result<(Value, f64)> {
    output::note("Verifying beside the server ...");
    let (verified, equal) = server.ask(&["verify"])?;
    ensure!(equal, "a statistic is not what the log says: {verified}");
    bench.check_stopped()?;
    output::note("The server rebuilds ...");
    let begun = Instant::now();
    server.ask(&["rebuild"])?;
    bench.check_stopped()?;
    Ok((verified, begun.elapsed().as_secs_f64()))
}

fn drained(server: &Server) -> anyhow::Result<()> {
    let begun = Instant::now();
    while server.books()?.1 > 0 {
        ensure!(begun.elapsed() < DRAIN_WAIT_MAX, "the queue is not drained");
        #[allow(clippy::disallowed_methods)] // another process tells nobody when it is ready
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
