//! How long after its acknowledgement an event is in the answer to a question.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::deliveries::Delivery;
use super::figures::Sorted;
use super::ingest::nonce;
use super::pace::{Pace, exchange};
use super::questions;
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use crate::output;
use crate::traffic::Random;

/// Events that come meanwhile.
const EVENTS_PER_SECOND: u64 = 10_000;

/// Events whose way is watched, and how often somebody looks: twice as often would be much work for
/// the server by itself.
const WATCHED_PER_SECOND: u32 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A server that needs longer has stopped counting.
const UNSEEN_MAX: Duration = Duration::from_secs(120);

/// A page that nobody else visits.
const PATH: &str = "/watched-by-the-bench";

pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<Section> {
    let rate = bench.rate_or(EVENTS_PER_SECOND);
    output::note(&format!(
        "From acknowledgement to dashboard at {rate} events a second, {} s ...",
        bench.secs()
    ));
    let server = Server::start(bench.folder()?)?;
    let pace = Pace::new(bench, &server, rate);
    let (times, taken) = pace.beside(|| watch(bench, &server))?;
    let watched = times.len();
    let times = Sorted::new(times);
    let figures = vec![
        figure("offered_events_per_second", rate as f64),
        figure("accepted_events_per_second", taken.accepted_per_second()),
        figure("watched_events", watched as f64),
        figure("p50_ms", times.percentile(50.0)),
        figure("p99_ms", times.percentile(99.0)),
        figure("max_ms", times.max()),
        figure("asked_every_ms", LOOK_EVERY.as_secs_f64() * 1e3),
    ];
    Ok(Section { name: "fresh".to_owned(), figures })
}

/// Milliseconds from each watched event's acknowledgement until a question counted it. They are
/// folded in order, so a count says which of them are there.
fn watch(bench: &Bench<'_>, server: &Server) -> anyhow::Result<Vec<f64>> {
    let (acknowledged, waiting) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || send(bench, server, &acknowledged));
        let mut caller = server.caller()?;
        let question = questions::views_of(PATH);
        let (mut seen, mut sent, mut over) = (Vec::new(), Vec::new(), false);
        while !over || seen.len() < sent.len() {
            let looked = Instant::now();
            let count = caller.number(&question)? as usize;
            let now = Instant::now();
            over |= drain(&waiting, &mut sent)?;
            // Counted before its acknowledgement was noted down: the wait was none.
            let fresh = sent.iter().take(count).skip(seen.len());
            seen.extend(
                fresh.map(|at| now.saturating_duration_since(*at).as_secs_f64() * 1e3).collect::<Vec<_>>(),
            );
            let oldest = sent.get(seen.len()).map_or(Duration::ZERO, |at| at.elapsed());
            ensure!(
                oldest < UNSEEN_MAX,
                "an event is not counted {} s after its acknowledgement",
                oldest.as_secs()
            );
            bench.check_stopped()?;
            #[allow(clippy::disallowed_methods)] // how often somebody looks is part of what is measured
            std::thread::sleep(LOOK_EVERY.saturating_sub(looked.elapsed()));
        }
        Ok(seen)
    })
}

type Sent = anyhow::Result<Instant>;

/// Takes what was acknowledged by now, and says whether no more will be.
fn drain(waiting: &std::sync::mpsc::Receiver<Sent>, sent: &mut Vec<Instant>) -> anyhow::Result<bool> {
    loop {
        match waiting.try_recv() {
            Ok(acknowledged) => sent.push(acknowledged?),
            Err(error) => return Ok(error == std::sync::mpsc::TryRecvError::Disconnected),
        }
    }
}

/// One after the other, so that they are acknowledged in the order in which they are folded.
fn send(bench: &Bench<'_>, server: &Server, acknowledged: &std::sync::mpsc::Sender<Sent>) {
    let send = || -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(&server.address).context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        let delivery = Delivery::view(PATH);
        let (mut random, mut request, mut read) = (Random::new(nonce(), 0), Vec::new(), Vec::new());
        let begun = Instant::now();
        for n in 0..WATCHED_PER_SECOND * u32::try_from(bench.secs())? {
            let due = begun + Duration::from_secs(1) * n / WATCHED_PER_SECOND;
            #[allow(clippy::disallowed_methods)] // the pace is part of what is measured
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            delivery.write(&mut random, &mut request);
            let answer = exchange(&mut stream, &request, &mut read)?;
            ensure!(answer.accepted == 1, "a watched event was refused with {}", answer.status);
            if bench.is_stopped() || acknowledged.send(Ok(Instant::now())).is_err() {
                break;
            }
        }
        Ok(())
    };
    if let Err(error) = send() {
        // Who watches may have given up before.
        let _ = acknowledged.send(Err(error));
    }
}
