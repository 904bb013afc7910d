//! How long it takes until the first event is taken.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::ensure;

use super::deliveries::Delivery;
use super::figures::Sorted;
use super::ingest::nonce;
use super::pace::{Pace, exchange};
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use super::stored::Stored;
use crate::output;
use crate::traffic::Random;

const STARTS: usize = 10;
const KILLS: usize = 5;

/// What goes on when it is killed.
const EVENTS_PER_SECOND: u64 = 10_000;
const SENT_BEFORE: Duration = Duration::from_secs(1);

pub(super) fn measure(
    bench: &Bench<'_>,
    stored: &Stored,
    add: &mut dyn FnMut(Section),
) -> anyhow::Result<()> {
    output::note("Starts ...");
    let mut times = Vec::new();
    for _ in 0..STARTS {
        bench.check_stopped()?;
        let server = Server::start(bench.folder()?)?;
        times.push((server.start_ms, first_taken(&server)?));
    }
    add(section("start_on_nothing", &times, 0));
    let mut server = Server::start(stored.copy(bench)?)?;
    times.clear();
    for _ in 0..KILLS {
        Pace::new(bench, &server, EVENTS_PER_SECOND).send(SENT_BEFORE)?;
        bench.check_stopped()?;
        server = server.kill_and_start()?;
        times.push((server.start_ms, first_taken(&server)?));
    }
    add(section("start_after_a_kill", &times, stored.about.events));
    Ok(())
}

/// Milliseconds from its start to its first acknowledgement.
fn first_taken(server: &Server) -> anyhow::Result<f64> {
    let (mut random, mut request, mut read) = (Random::new(nonce(), 0), Vec::new(), Vec::new());
    Delivery::view("/").write(&mut random, &mut request);
    let mut stream = TcpStream::connect(&server.address)?;
    stream.set_nodelay(true)?;
    let answer = exchange(&mut stream, &request, &mut read)?;
    ensure!(answer.accepted == 1, "the first event was answered {}", answer.status);
    Ok(server.begun.elapsed().as_secs_f64() * 1e3)
}

fn section(name: &str, times: &[(f64, f64)], events: u64) -> Section {
    let listens = Sorted::new(times.iter().map(|(listens, _)| *listens).collect());
    let taken = Sorted::new(times.iter().map(|(_, taken)| *taken).collect());
    let figures = vec![
        figure("events", events as f64),
        figure("starts", times.len() as f64),
        figure("listens_p50_ms", listens.percentile(50.0)),
        figure("first_202_p50_ms", taken.percentile(50.0)),
        figure("first_202_max_ms", taken.max()),
    ];
    Section { name: name.to_owned(), figures }
}
