//! What happens when more comes than can be folded: the real server with a small backlog, the processor
//! draining, and senders who heed nothing they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::deliveries::{Delivery, deliveries};
use super::figures::Sorted;
use super::flood::{Flood, Seen};
use super::gauges::{Gauges, Samples};
use super::report::{Figure, Section, figure};
use super::run::Bench;
use super::server::Server;
use crate::output;

/// As large as a busy page's: whoever sends shares the machine with the server, and ten times what it
/// can fold has to be sent by it, too.
const EVENTS_PER_DELIVERY: usize = 50;

const CONNECTIONS: u32 = 256;

/// Small, so that every layer is met within seconds.
const BACKLOG_EVENTS_MAX: u64 = 100_000;

/// Whoever is let in shares the writer with so many others at most: the tail of what is accepted grows
/// with this.
const DELIVERIES_AT_ONCE_MAX: u64 = 32;

const STEPS: [u32; 3] = [1, 2, 5];

/// How long the sustainable rate is looked for: first the backlog has to fill.
const FILL: Duration = Duration::from_secs(5);
const SUSTAIN: Duration = Duration::from_secs(10);

/// A server that needs longer does not recover by itself.
const RECOVERY_MAX: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const LAYERS: [&str; 6] = ["permit", "waiting", "backlog", "site_share", "disk", "not_written"];

/// The steps, and the proof that nothing was lost or counted twice meanwhile.
pub(super) fn measure(bench: &Bench<'_>) -> anyhow::Result<(Vec<Section>, Section)> {
    let mut overload = Overload::start(bench)?;
    let rate = match bench.args.rate.first() {
        Some(rate) => *rate as f64,
        None => overload.sustainable()?,
    };
    let mut steps = vec![overload.beside_busy_loops(rate)?];
    for factor in STEPS.into_iter().filter(|step| *step < bench.args.factor).chain([bench.args.factor]) {
        steps.push(overload.step(rate, factor, format!("{factor}x"))?);
    }
    Ok((steps, overload.proof(rate)?))
}

struct Overload<'a> {
    bench: &'a Bench<'a>,
    server: Server,
    gauges: Gauges,
    flood: Flood,
    runtime: tokio::runtime::Runtime,
    acknowledged_events: u64,
}

/// How long after the last step's end.
struct Recovery {
    first_accepted: Duration,
    /// Deliveries that came too early.
    refused: u64,
    backlog_empty: Duration,
}

impl<'a> Overload<'a> {
    fn start(bench: &'a Bench<'a>) -> anyhow::Result<Self> {
        let settings = [
            ("WEIR_BACKLOG_EVENTS_MAX", BACKLOG_EVENTS_MAX.to_string()),
            ("WEIR_DELIVERIES_AT_ONCE_MAX", DELIVERIES_AT_ONCE_MAX.to_string()),
        ];
        let server = Server::start_with(bench.folder()?, &settings)?;
        let gauges = Gauges::connect(&server)?;
        let deliveries: Arc<[Delivery]> = deliveries(EVENTS_PER_DELIVERY).into();
        let (address, stop) = (server.address.clone(), bench.stop.clone());
        let flood = Flood { address, deliveries, connections: CONNECTIONS, stop };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { bench, server, gauges, flood, runtime, acknowledged_events: 0 })
    }

    /// Events a second that are folded while the backlog is full.
    fn sustainable(&mut self) -> anyhow::Result<f64> {
        output::note("Overload: looking for the sustainable rate ...");
        self.take(|flood, runtime| runtime.block_on(flood.sustain(FILL)))?;
        let before = self.drained()?;
        let begun = Instant::now();
        self.take(|flood, runtime| runtime.block_on(flood.sustain(SUSTAIN)))?;
        let rate = (self.drained()? - before) / begun.elapsed().as_secs_f64();
        ensure!(rate > 0.0, "nothing was folded");
        self.recover()?;
        Ok(rate)
    }

    /// What the tail is where nothing is refused, but others use the processor as senders of an
    /// overload do: these share the machine with the server.
    fn beside_busy_loops(&mut self, rate: f64) -> anyhow::Result<Section> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let measured = self.step(rate, 1, "1x_beside_busy_loops".to_owned());
            over.store(true, Ordering::Relaxed);
            measured
        })
    }

    fn step(&mut self, rate: f64, factor: u32, name: String) -> anyhow::Result<Section> {
        let offered = rate * f64::from(factor);
        let secs = self.bench.secs();
        output::note(&format!("Overload, {name}: {offered:.0} events a second, {secs} s ..."));
        let before = self.gauges.read()?;
        let cpu_before = self.server.cpu_secs();
        let begun = Instant::now();
        let per_sec = offered / EVENTS_PER_DELIVERY as f64;
        let time = Duration::from_secs(secs);
        let (seen, most) = self.take(|flood, runtime| runtime.block_on(flood.run(per_sec, time)))?;
        let took = begun.elapsed().as_secs_f64();
        let recovery = self.recover()?;
        let cpu = self.server.cpu_secs().zip(cpu_before).map(|(after, before)| after - before);
        let refused = refused_by_layer(&before, &self.gauges.read()?);
        let by_layers: f64 = refused.iter().map(|refused| refused.value).sum();
        let told = (seen.refused + recovery.refused) as f64;
        ensure!(
            (by_layers - told).abs() < 0.5,
            "{told} deliveries were refused, the layers tell of {by_layers}"
        );
        let mut figures = vec![
            figure("offered_events_per_second", offered),
            figure("sent_events_per_second", per_second(seen.sent, took)),
            figure("not_sent_events_per_second", per_second(seen.not_sent, took)),
            figure("accepted_events_per_second", seen.accepted_events as f64 / took),
            figure("refused_deliveries", seen.refused as f64),
        ];
        figures.extend(refused);
        figures.extend(latencies(seen));
        figures.extend(most_of(&most));
        figures.push(figure("first_accepted_again_ms", recovery.first_accepted.as_secs_f64() * 1e3));
        figures.push(figure("backlog_empty_again_ms", recovery.backlog_empty.as_secs_f64() * 1e3));
        figures.extend(cpu.map(|secs| figure("server_cpu_secs", secs)));
        Ok(Section { name, figures })
    }

    /// Sends while the gauges are watched.
    fn take(
        &mut self,
        send: impl FnOnce(&Flood, &tokio::runtime::Runtime) -> anyhow::Result<Seen>,
    ) -> anyhow::Result<(Seen, Samples)> {
        let (flood, runtime) = (&self.flood, &self.runtime);
        let watched = self.gauges.watch_while(|| send(flood, runtime));
        self.bench.check_stopped()?;
        let (seen, most) = watched?;
        self.acknowledged_events += seen.accepted_events;
        Ok((seen, most))
    }

    /// Waits until a delivery is taken again, then until nothing waits to be folded.
    fn recover(&mut self) -> anyhow::Result<Recovery> {
        let begun = Instant::now();
        let mut refused = 0;
        loop {
            let seen = self.runtime.block_on(self.flood.one())?;
            self.acknowledged_events += seen.accepted_events;
            refused += seen.refused;
            if seen.accepted_events > 0 {
                break;
            }
            self.bench.check_stopped()?;
            ensure!(begun.elapsed() < RECOVERY_MAX, "nothing is accepted any more");
            pause(LOOK_AGAIN);
        }
        let first_accepted = begun.elapsed();
        while self.gauges.read()?.get("weir_queue_backlog_events").is_none_or(|events| *events > 0.0) {
            self.bench.check_stopped()?;
            ensure!(begun.elapsed() < RECOVERY_MAX, "the backlog does not empty");
            pause(LOOK_AGAIN);
        }
        Ok(Recovery { first_accepted, refused, backlog_empty: begun.elapsed() })
    }

    fn drained(&mut self) -> anyhow::Result<f64> {
        let samples = self.gauges.read()?;
        samples.get("weir_queue_drained_events_total").copied().context("the drain is not told")
    }

    /// What senders were promised, what the queue took and what became of it; all of it folded.
    fn proof(&self, rate: f64) -> anyhow::Result<Section> {
        output::note("Overload: checking the books and every statistic ...");
        let (ledger, balanced) = self.server.ask(&["ledger"])?;
        let (_, equal) = self.server.ask(&["verify"])?;
        let days = ledger["sites"].as_array().into_iter().flatten();
        let days: Vec<&Value> = days.filter_map(|site| site["days"].as_array()).flatten().collect();
        let sum = |name: &str| days.iter().filter_map(|day| day[name].as_u64()).sum::<u64>();
        let aside = days.iter().filter_map(|day| day["set_aside"].as_object());
        let aside: u64 = aside.flat_map(|reasons| reasons.values()).filter_map(Value::as_u64).sum();
        let (acknowledged, received) = (self.acknowledged_events, sum("received"));
        ensure!(acknowledged == received, "{acknowledged} events were acknowledged, {received} are received");
        ensure!(balanced, "the books do not balance");
        ensure!(equal, "a statistic is not what the log says");
        let figures = vec![
            figure("sustainable_events_per_second", rate),
            figure("acknowledged_events", acknowledged as f64),
            figure("received_events", received as f64),
            figure("stored_events", sum("stored") as f64),
            figure("set_aside_events", aside as f64),
            figure("duplicate_events", sum("duplicate") as f64),
            figure("dead_events", sum("dead") as f64),
            figure("pending_events", sum("pending") as f64),
            figure("books_balanced", f64::from(u8::from(balanced))),
            figure("verify_equal", f64::from(u8::from(equal))),
        ];
        Ok(Section { name: "overload_proof".to_owned(), figures })
    }
}

fn per_second(deliveries: u64, secs: f64) -> f64 {
    deliveries as f64 * EVENTS_PER_DELIVERY as f64 / secs
}

fn refused_by_layer(before: &Samples, after: &Samples) -> Vec<Figure> {
    let refused = |layer: &&str| {
        let name = format!("weir_deliveries_refused_total{{layer=\"{layer}\"}}");
        let of = |samples: &Samples| samples.get(&name).copied().unwrap_or(0.0);
        figure(format!("refused_by_{layer}"), of(after) - of(before))
    };
    LAYERS.iter().map(refused).collect()
}

fn latencies(seen: Seen) -> Vec<Figure> {
    let (due, sent) = (Sorted::new(seen.from_due_us), Sorted::new(seen.from_sent_us));
    vec![
        figure("accepted_p50_ms_from_due", due.percentile(50.0) / 1e3),
        figure("accepted_p99_ms_from_due", due.percentile(99.0) / 1e3),
        figure("accepted_p50_ms_from_sent", sent.percentile(50.0) / 1e3),
        figure("accepted_p99_ms_from_sent", sent.percentile(99.0) / 1e3),
        figure("accepted_max_ms_from_sent", sent.max() / 1e3),
    ]
}

fn most_of(most: &Samples) -> Vec<Figure> {
    let of = |name: &str| most.get(name).copied().unwrap_or(0.0);
    const MIB: f64 = 1024.0 * 1024.0;
    vec![
        figure("memory_mib_max", of("process_resident_memory_bytes") / MIB),
        figure("in_work_max", of("weir_deliveries_in_work")),
        figure("waiting_events_max", of("weir_queue_waiting_events")),
        figure("backlog_events_max", of("weir_queue_backlog_events")),
        figure("queue_wal_mib_max", of("weir_queue_wal_bytes") / MIB),
        figure("store_wal_mib_max", of("weir_store_wal_bytes") / MIB),
    ]
}

#[allow(clippy::disallowed_methods)] // another process tells nobody when it is ready
fn pause(time: Duration) {
    std::thread::sleep(time);
}
