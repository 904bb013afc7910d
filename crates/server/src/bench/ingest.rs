//! How much can be taken: connections that each wait for an answer, then send the next delivery, and
//! deliveries that come whether earlier ones were answered or not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::deliveries::{Delivery, deliveries};
use super::exchange::exchange;
use super::figures::{SAMPLES_MAX, Sorted};
use super::flood::Flood;
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use crate::output;
use crate::traffic::Random;

/// Before the clock runs: connections, caches and pages are as they will be.
const WARM_UP: Duration = Duration::from_secs(1);

/// Connections of the open loop, and of those that are new for every delivery.
const CONNECTIONS: u32 = 64;

/// Of what a closed loop reached, the part that the open one sends: any more is overload.
const OPEN_LOOP_PART: f64 = 0.8;

/// What one connection, or all, saw.
#[derive(Debug, Default)]
struct Seen {
    accepted: usize,
    refused: usize,
    times_us: Vec<f64>,
}

pub(super) fn measure(bench: &Bench<'_>, add: &mut dyn FnMut(Section)) -> anyhow::Result<()> {
    for events in [10, 1] {
        let deliveries: Arc<[Delivery]> = deliveries(events).into();
        let mut most = 0.0_f64;
        for &connections in &bench.args.connections {
            let name = format!("ingest_by_{events}_over_{connections}_connections");
            let loop_ = ClosedLoop { bench, deliveries: &deliveries, connections, is_new: false };
            let (section, per_second) = loop_.measure(name)?;
            most = most.max(per_second);
            add(section);
        }
        let connections = CONNECTIONS;
        let loop_ = ClosedLoop { bench, deliveries: &deliveries, connections, is_new: true };
        add(loop_.measure(format!("ingest_by_{events}_over_new_connections"))?.0);
        add(open_loop(bench, &deliveries, most * OPEN_LOOP_PART)?);
    }
    Ok(())
}

struct ClosedLoop<'a> {
    bench: &'a Bench<'a>,
    deliveries: &'a Arc<[Delivery]>,
    connections: u32,
    /// Whether every delivery takes a connection of its own.
    is_new: bool,
}

impl ClosedLoop<'_> {
    /// With the events accepted a second.
    fn measure(&self, name: String) -> anyhow::Result<(Section, f64)> {
        let bench = self.bench;
        output::note(&format!("{name}, {} s ...", bench.secs()));
        let server = Server::start(bench.folder()?)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let warm = runtime.block_on(self.load(&server, WARM_UP))?;
        let cpu_before = server.cpu_secs();
        let begun = Instant::now();
        let seen = runtime.block_on(self.load(&server, bench.time()))?;
        let secs = begun.elapsed().as_secs_f64();
        bench.check_stopped()?;
        let cpu_secs = server.cpu_secs().zip(cpu_before).map(|(after, before)| after - before);
        let pending = check_books(&server, (warm.accepted + seen.accepted) as u64)?;
        let (accepted, requests) = (seen.accepted as f64, seen.times_us.len() as f64);
        let times = Sorted::new(seen.times_us);
        let mut figures = vec![
            figure("accepted_events_per_second", accepted / secs),
            figure("requests_per_second", requests / secs),
            figure("refused_events", seen.refused as f64),
            figure("p50_ms", times.percentile(50.0) / 1_000.0),
            figure("p99_ms", times.percentile(99.0) / 1_000.0),
            figure("p50_to_fdatasync", times.percentile(50.0) / bench.floor.flush_us()),
            figure("connections", f64::from(self.connections)),
            figure("not_folded_at_the_end", pending as f64),
        ];
        figures
            .extend(cpu_secs.map(|secs| figure("server_cpu_us_per_event", secs * 1e6 / accepted.max(1.0))));
        figures.extend(server.memory_mib_max().map(|mib| figure("server_mib_max", mib)));
        Ok((Section { name, figures }, accepted / secs))
    }

    async fn load(&self, server: &Server, time: Duration) -> anyhow::Result<Seen> {
        let until = Instant::now() + time;
        let mut clients = tokio::task::JoinSet::new();
        for n in 0..self.connections {
            let client = Client {
                stream: connect(&server.address).await?,
                new_at: self.is_new.then(|| server.address.clone()),
                random: Random::new(nonce(), n.into()),
                deliveries: self.deliveries.clone(),
                request: vec![],
                read: vec![],
            };
            let stop = self.bench.stop.clone();
            let over = move || Instant::now() >= until || stop.load(std::sync::atomic::Ordering::Acquire);
            clients.spawn(client.run(over));
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
}

fn open_loop(bench: &Bench<'_>, deliveries: &Arc<[Delivery]>, per_second: f64) -> anyhow::Result<Section> {
    let events = deliveries.first().map_or(1, |delivery| delivery.events);
    let name = format!("ingest_by_{events}_open_loop");
    output::note(&format!("{name} at {per_second:.0} events a second, {} s ...", bench.secs()));
    let server = Server::start(bench.folder()?)?;
    let (address, stop) = (server.address.clone(), bench.stop.clone());
    let flood = Flood { address, deliveries: deliveries.clone(), connections: CONNECTIONS, stop };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let per_sec = per_second / events as f64;
    let warm = runtime.block_on(flood.run(per_sec, WARM_UP))?;
    let seen = runtime.block_on(flood.run(per_sec, bench.time()))?;
    bench.check_stopped()?;
    let pending = check_books(&server, warm.accepted_events + seen.accepted_events)?;
    let times = Sorted::new(seen.from_due_us);
    let figures = vec![
        figure("offered_events_per_second", per_second),
        figure("accepted_events_per_second", seen.accepted_events as f64 / bench.secs() as f64),
        figure("refused_deliveries", seen.refused as f64),
        figure("not_sent_deliveries", seen.not_sent as f64),
        figure("p50_ms", times.percentile(50.0) / 1_000.0),
        figure("p99_ms", times.percentile(99.0) / 1_000.0),
        figure("connections", f64::from(CONNECTIONS)),
        figure("not_folded_at_the_end", pending as f64),
    ];
    Ok(Section { name, figures })
}

/// How many are not folded yet.
///
/// # Errors
/// What was acknowledged is not what is on disk.
fn check_books(server: &Server, acknowledged: u64) -> anyhow::Result<u64> {
    let (received, pending) = server.books()?;
    ensure!(received == acknowledged, "{acknowledged} events were acknowledged, {received} are on disk");
    Ok(pending)
}

/// Another number for every process and moment: ids must not come again.
pub(super) fn nonce() -> u64 {
    let mut bytes = [0; 8];
    // Without the system's randomness ids would repeat, and repeated events are cheaper than new ones.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    u64::from_be_bytes(bytes)
}

async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.context("the server takes no connection")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

struct Client {
    stream: TcpStream,
    /// Where to connect anew for every delivery.
    new_at: Option<String>,
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
            if let Some(address) = &self.new_at {
                // Closed at once: this machine has only so many ports, and one that waits is none.
                SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
                self.stream = connect(address).await?;
            }
            let answer = exchange(&mut self.stream, &self.request, &mut self.read).await?;
            seen.times_us.push(start.elapsed().as_secs_f64() * 1e6);
            seen.accepted += answer.accepted;
            seen.refused += events - answer.accepted.min(events);
        }
        Ok(seen)
    }
}
