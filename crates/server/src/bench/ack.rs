//! How long an acknowledgement takes while events come at their own pace, whether the server keeps up
//! or not: time is taken from when a delivery was due, not from when it could be sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::deliveries::{Delivery, deliveries};
use super::exchange::{Answer, parse};
use super::figures::Sorted;
use super::ingest::nonce;
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use crate::output;
use crate::traffic::Random;

const EVENTS_PER_DELIVERY: usize = 10;
const DELIVERIES_PER_SECOND: u64 = 1_000;

/// Threads, each with a connection: timers of an async runtime are too coarse for this.
const SENDERS: u64 = 16;

/// Before the clock runs.
const WARM_UP_SECS: u64 = 1;

/// (when it was due, sent that much later, answered that much later), microseconds.
struct Taken {
    late_us: f64,
    answered_us: f64,
    accepted: usize,
}

pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<Section> {
    output::note(&format!("Acknowledgements at 10,000 events a second, {} s ...", bench.args.seconds));
    let server = Server::start(bench.folder()?)?;
    let deliveries = deliveries(EVENTS_PER_DELIVERY);
    send(bench, &server, &deliveries, WARM_UP_SECS)?;
    let cpu_before = server.cpu_secs();
    let taken = send(bench, &server, &deliveries, bench.args.seconds)?;
    bench.check_stopped()?;
    let cpu_secs = server.cpu_secs().zip(cpu_before).map(|(after, before)| after - before);
    let accepted: usize = taken.iter().map(|taken| taken.accepted).sum();
    let late = Sorted::new(taken.iter().map(|taken| taken.late_us).collect());
    let times = Sorted::new(taken.into_iter().map(|taken| taken.answered_us).collect());
    let ms = |percent| times.percentile(percent) / 1_000.0;
    let to_floor = |percent| times.percentile(percent) / bench.disk.flush_us();
    let mut figures = vec![
        figure("accepted_events_per_second", accepted as f64 / bench.args.seconds as f64),
        figure("refused_events", (times.len() * EVENTS_PER_DELIVERY - accepted) as f64),
        figure("p50_ms", ms(50.0)),
        figure("p99_ms", ms(99.0)),
        figure("p99_9_ms", ms(99.9)),
        figure("max_ms", times.max() / 1_000.0),
        figure("p50_to_fdatasync", to_floor(50.0)),
        figure("p99_to_fdatasync", to_floor(99.0)),
        figure("sent_late_p50_ms", late.percentile(50.0) / 1_000.0),
        figure("sent_late_p99_ms", late.percentile(99.0) / 1_000.0),
    ];
    let per_event = |secs: f64| secs * 1e6 / accepted.max(1) as f64;
    figures.extend(cpu_secs.map(|secs| figure("server_cpu_us_per_event", per_event(secs))));
    figures.extend(server.memory_mib().map(|mib| figure("server_memory_mib_max", mib)));
    Ok(Section { name: "ack_at_10k_events_per_second".to_owned(), figures })
}

fn send(
    bench: &Bench<'_>,
    server: &Server,
    deliveries: &[Delivery],
    secs: u64,
) -> anyhow::Result<Vec<Taken>> {
    let begin = Instant::now() + Duration::from_millis(20);
    let total = secs * DELIVERIES_PER_SECOND;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|n| {
                let due = (n..total).step_by(SENDERS as usize);
                scope.spawn(move || sender(bench, server, deliveries, begin, due))
            })
            .collect();
        let mut taken = Vec::new();
        for sender in senders {
            taken.extend(sender.join().expect("a sender doesn't panic")?);
        }
        Ok(taken)
    })
}

fn sender(
    bench: &Bench<'_>,
    server: &Server,
    deliveries: &[Delivery],
    begin: Instant,
    due: impl Iterator<Item = u64>,
) -> anyhow::Result<Vec<Taken>> {
    let mut stream = TcpStream::connect(&server.address).context("the server takes no connection")?;
    stream.set_nodelay(true)?;
    let mut random = Random::new(nonce(), 0);
    let (mut request, mut read) = (Vec::new(), Vec::new());
    let mut taken = Vec::new();
    for n in due {
        deliveries[random.below(deliveries.len())].write(&mut random, &mut request);
        let due = begin + Duration::from_micros(n * 1_000_000 / DELIVERIES_PER_SECOND);
        #[allow(clippy::disallowed_methods)] // the pace is what is measured by
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if bench.stop.load(Ordering::Acquire) {
            break;
        }
        let late_us = due.elapsed().as_secs_f64() * 1e6;
        let accepted = exchange(&mut stream, &request, &mut read)?.accepted;
        taken.push(Taken { late_us, answered_us: due.elapsed().as_secs_f64() * 1e6, accepted });
    }
    Ok(taken)
}

fn exchange(stream: &mut TcpStream, request: &[u8], read: &mut Vec<u8>) -> anyhow::Result<Answer> {
    stream.write_all(request)?;
    let mut piece = [0; 4_096];
    loop {
        if let Some(answer) = parse(read)? {
            read.drain(..answer.bytes);
            return Ok(answer);
        }
        let n = stream.read(&mut piece)?;
        ensure!(n > 0, "the server hung up");
        read.extend_from_slice(&piece[..n]);
    }
}
