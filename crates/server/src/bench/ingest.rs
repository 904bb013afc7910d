//! How much can be taken: connections that each wait for an answer, then send the next delivery.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::net::TcpStream;

use super::deliveries::{Delivery, deliveries};
use super::exchange::exchange;
use super::figures::{SAMPLES_MAX, Sorted};
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use crate::output;
use crate::traffic::Random;

/// Before the clock runs: connections, caches and pages are as they will be.
const WARM_UP: Duration = Duration::from_millis(1_500);

/// What one connection, or all, saw.
#[derive(Debug, Default)]
struct Seen {
    accepted: usize,
    refused: usize,
    times_us: Vec<f64>,
}

pub(super) fn measure(bench: &Bench<'_>, events: usize) -> anyhow::Result<Section> {
    output::note(&format!("Ingest, {events} to a delivery, {} s ...", bench.args.seconds));
    let server = Server::start(bench.folder()?)?;
    let deliveries: Arc<[Delivery]> = deliveries(events).into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let warm = runtime.block_on(load(bench, &server, &deliveries, WARM_UP))?;
    let cpu_before = server.cpu_secs();
    let begun = Instant::now();
    let seen =
        runtime.block_on(load(bench, &server, &deliveries, Duration::from_secs(bench.args.seconds)))?;
    let secs = begun.elapsed().as_secs_f64();
    bench.check_stopped()?;
    let cpu_secs = server.cpu_secs().zip(cpu_before).map(|(after, before)| after - before);
    let (received, pending) = server.books()?;
    let acknowledged = (warm.accepted + seen.accepted) as u64;
    ensure!(received == acknowledged, "{acknowledged} events were acknowledged, {received} are on disk");
    let requests = seen.times_us.len() as f64;
    let times = Sorted::new(seen.times_us);
    let accepted = seen.accepted as f64;
    let mut figures = vec![
        figure("accepted_events_per_second", accepted / secs),
        figure("requests_per_second", requests / secs),
        figure("refused_events", seen.refused as f64),
        figure("p50_ms", times.percentile(50.0) / 1_000.0),
        figure("p99_ms", times.percentile(99.0) / 1_000.0),
        figure("p50_to_fdatasync", times.percentile(50.0) / bench.disk.flush_us()),
        figure("connections", f64::from(bench.args.connections)),
        figure("not_folded_at_the_end", pending as f64),
        figure("server_start_ms", server.start_ms),
    ];
    figures.extend(cpu_secs.map(|secs| figure("server_cpu_us_per_event", secs * 1e6 / accepted.max(1.0))));
    figures.extend(server.memory_mib().map(|mib| figure("server_memory_mib_max", mib)));
    Ok(Section { name: format!("ingest_by_{events}"), figures })
}

async fn load(
    bench: &Bench<'_>,
    server: &Server,
    deliveries: &Arc<[Delivery]>,
    time: Duration,
) -> anyhow::Result<Seen> {
    let until = Instant::now() + time;
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..bench.args.connections {
        let stream = TcpStream::connect(&server.address).await.context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        let random = Random::new(until.elapsed().subsec_nanos().into(), u64::from(n) + nonce());
        let client = Client { stream, random, deliveries: deliveries.clone(), request: vec![], read: vec![] };
        let stop = bench.stop.clone();
        clients.spawn(client.run(move || Instant::now() >= until || stop.load(Ordering::Acquire)));
    }
    let mut all = Seen::default();
    while let Some(seen) = clients.join_next().await {
        let seen = seen.context("a client panicked")??;
        all.accepted += seen.accepted;
        all.refused += seen.refused;
        all.times_us.extend(seen.times_us);
    }
    Ok(all)
}

/// Another number for every process and moment: ids must not come again.
pub(super) fn nonce() -> u64 {
    let mut bytes = [0; 8];
    // Without the system's randomness ids would repeat, and repeated events are cheaper than new ones.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    u64::from_be_bytes(bytes)
}

struct Client {
    stream: TcpStream,
    random: Random,
    deliveries: Arc<[Delivery]>,
    request: Vec<u8>,
    read: Vec<u8>,
}

impl Client {
    async fn run(mut self, over: impl Fn() -> bool) -> anyhow::Result<Seen> {
        let mut seen = Seen::default();
        while !over() && seen.times_us.len() < SAMPLES_MAX {
            let delivery = &self.deliveries[self.random.below(self.deliveries.len())];
            let events = delivery.events;
            delivery.write(&mut self.random, &mut self.request);
            let start = Instant::now();
            let answer = exchange(&mut self.stream, &self.request, &mut self.read).await?;
            seen.times_us.push(start.elapsed().as_secs_f64() * 1e6);
            seen.accepted += answer.accepted;
            seen.refused += events - answer.accepted.min(events);
        }
        Ok(seen)
    }
}
