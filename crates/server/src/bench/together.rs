//! A steady stream, taken and folded at once: does it come through without a refusal, and is it
//! folded as fast as it comes?

use std::time::Duration;

use anyhow::ensure;

use super::deliveries::deliveries;
use super::figures::Sorted;
use super::flood::Flood;
use super::gauges::{Gauges, Samples};
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use crate::output;

const EVENTS_PER_SECOND: u64 = 70_000;
const SECONDS: u64 = 60;
const EVENTS_PER_DELIVERY: usize = 10;
const CONNECTIONS: u32 = 64;

pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<Section> {
    let (rate, secs) = (bench.rate_or(EVENTS_PER_SECOND), bench.args.seconds.unwrap_or(SECONDS));
    output::note(&format!("Taking and folding {rate} events a second, {secs} s ..."));
    let server = Server::start(bench.folder()?)?;
    let mut gauges = Gauges::connect(&server)?;
    let deliveries = deliveries(EVENTS_PER_DELIVERY).into();
    let flood = Flood {
        address: server.address.clone(),
        deliveries,
        connections: CONNECTIONS,
        stop: bench.stop.clone(),
    };
    let before = gauges.read()?;
    let cpu_before = server.cpu_secs();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let per_sec = rate as f64 / EVENTS_PER_DELIVERY as f64;
    let sending = flood.run(per_sec, Duration::from_secs(secs));
    let (seen, most) = gauges.watch_while(|| runtime.block_on(sending))?;
    bench.check_stopped()?;
    let after = gauges.read()?;
    let cpu_secs = server.cpu_secs().zip(cpu_before).map(|(after, before)| after - before);
    let (received, _) = server.books()?;
    ensure!(
        received == seen.accepted_events,
        "{} were acknowledged, {received} are on disk",
        seen.accepted_events
    );
    let of = |samples: &Samples, name: &str| samples.get(name).copied().unwrap_or(0.0);
    let drained = "weir_queue_drained_events_total";
    let accepted = seen.accepted_events as f64;
    let times = Sorted::new(seen.from_due_us);
    let mut figures = vec![
        figure("offered_events_per_second", rate as f64),
        figure("accepted_events_per_second", accepted / secs as f64),
        figure("drained_events_per_second", (of(&after, drained) - of(&before, drained)) / secs as f64),
        figure("refused_deliveries", seen.refused as f64),
        figure("not_sent_deliveries", seen.not_sent as f64),
        figure("p50_ms", times.percentile(50.0) / 1e3),
        figure("p99_ms", times.percentile(99.0) / 1e3),
        figure("backlog_events_max", of(&most, "weir_queue_backlog_events")),
        figure("not_folded_at_the_end", of(&after, "weir_queue_backlog_events")),
    ];
    figures.extend(cpu_secs.map(|secs| figure("server_cpu_us_per_event", secs * 1e6 / accepted.max(1.0))));
    figures.extend(server.memory_mib_max().map(|mib| figure("server_mib_max", mib)));
    Ok(Section { name: "together".to_owned(), figures })
}
