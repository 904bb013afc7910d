//! How much memory the server takes: at rest, under load, at rest again, and asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::deliveries::deliveries;
use super::flood::Flood;
use super::questions;
use super::report::{Section, figure};
use super::run::Bench;
use super::server::Server;
use super::stored::Stored;
use crate::output;

const EVENTS_PER_SECOND: u64 = 50_000;
const EVENTS_PER_DELIVERY: usize = 10;
const CONNECTIONS: u32 = 256;

/// A server that was just started is not at rest yet.
const REST: Duration = Duration::from_secs(1);

/// By then the processor and the readers have rested, and what is free has gone back to the system.
const REST_AGAIN: Duration = Duration::from_secs(130);

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) fn measure(
    bench: &Bench<'_>,
    stored: &Stored,
    add: &mut dyn FnMut(Section),
) -> anyhow::Result<()> {
    add(loaded(bench)?);
    add(asked(bench, stored)?);
    Ok(())
}

/// On nothing, then while events are taken and folded.
fn loaded(bench: &Bench<'_>) -> anyhow::Result<Section> {
    let rate = bench.rate_or(EVENTS_PER_SECOND);
    output::note(&format!(
        "Memory at {rate} events a second over {CONNECTIONS} connections, {} s ...",
        bench.secs()
    ));
    let server = Server::start(bench.folder()?)?;
    pause(REST);
    let idle = server.memory_mib();
    let flood = Flood {
        address: server.address.clone(),
        deliveries: deliveries(EVENTS_PER_DELIVERY).into(),
        connections: CONNECTIONS,
        stop: bench.stop.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sending = flood.run(rate as f64 / EVENTS_PER_DELIVERY as f64, bench.time());
    let over = AtomicBool::new(false);
    let (seen, looks) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| looks(&server, &over));
        let seen = runtime.block_on(sending);
        over.store(true, Ordering::Release);
        (seen, looking.join().expect("who looks doesn't panic"))
    });
    let seen = seen?;
    output::note("Memory once nothing has come for two minutes ...");
    let rests = Instant::now();
    while rests.elapsed() < REST_AGAIN {
        bench.check_stopped()?;
        pause(LOOK_EVERY);
    }
    let most = |looks: &[f64]| looks.iter().copied().fold(0.0, f64::max);
    let (first, second) = looks.split_at(looks.len() / 2);
    let mut figures = vec![
        figure("offered_events_per_second", rate as f64),
        figure("accepted_events_per_second", seen.accepted_events as f64 / bench.secs() as f64),
        figure("connections", f64::from(CONNECTIONS)),
        figure("first_half_mib_max", most(first)),
        figure("second_half_mib_max", most(second)),
    ];
    figures.extend(idle.map(|mib| figure("idle_mib", mib)));
    figures.extend(server.memory_mib_max().map(|mib| figure("loaded_mib_max", mib)));
    figures.extend(server.memory_mib().map(|mib| figure("idle_again_mib", mib)));
    Ok(Section { name: "memory".to_owned(), figures })
}

/// With a past: at rest, and asked for everything.
fn asked(bench: &Bench<'_>, stored: &Stored) -> anyhow::Result<Section> {
    output::note("Memory of questions ...");
    let server = Server::start(stored.copy(bench)?)?;
    pause(REST);
    let mut figures = vec![figure("events", stored.about.events as f64)];
    figures.extend(server.memory_mib().map(|mib| figure("idle_mib", mib)));
    let mut caller = server.caller()?;
    let asked = [
        ("dashboard_30_days", questions::dashboard("30d", &json!([]))),
        ("dashboard_all_time", questions::dashboard("all", &json!([]))),
        ("filtered_30_days", questions::filtered("30d")),
        ("filtered_all_time", questions::filtered("all")),
    ];
    for (name, questions) in asked {
        for (_, question) in &questions {
            bench.check_stopped()?;
            caller.query(question)?;
        }
        figures.extend(server.memory_mib().map(|mib| figure(format!("after_{name}_mib"), mib)));
    }
    figures.extend(server.memory_mib_max().map(|mib| figure("asked_mib_max", mib)));
    Ok(Section { name: "memory_of_questions".to_owned(), figures })
}

/// What it holds, ten times a second.
fn looks(server: &Server, over: &AtomicBool) -> Vec<f64> {
    let mut looks = Vec::new();
    while !over.load(Ordering::Acquire) {
        looks.extend(server.memory_mib());
        pause(LOOK_EVERY);
    }
    looks
}

#[allow(clippy::disallowed_methods)] // another process tells nobody what it holds, or when it rests
fn pause(time: Duration) {
    std::thread::sleep(time);
}
