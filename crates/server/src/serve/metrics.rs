//! Every counter and gauge of the server, in Prometheus' text format. Names and units are stable; labels
//! are of closed lists only, so that no sender can make a collector's memory grow.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_dashboard::OpenStreams;
use weir_event::{Clock, Millis, Reason, limits};
use weir_ingest::Ingest;
use weir_processor::Committed;
use weir_queue::{Gauges, Limit, Queue};
use weir_store::StoreReader;

use super::connections::Connections;
use super::health::HealthProbe;

/// What the processor did since the start.
#[derive(Default)]
pub(crate) struct Folded {
    batches: AtomicU64,
    dead: AtomicU64,
}

impl Folded {
    pub fn count(&self, committed: &Committed) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.dead.fetch_add(committed.dead, Ordering::Relaxed);
    }
}

/// The parts that are asked. Costs a few locks and file sizes, and one row of the store.
pub(crate) struct Metrics {
    pub queue: Queue,
    pub store: StoreReader,
    pub ingest: Ingest,
    pub clock: Arc<dyn Clock>,
    pub probe: Arc<HealthProbe>,
    pub connections: Arc<Connections>,
    pub folded: Arc<Folded>,
    pub started: Millis,
}

impl Metrics {
    pub fn text(&self, streams: OpenStreams) -> String {
        let mut text = Exposition::default();
        self.process(&mut text);
        self.edge(&mut text);
        let gauges = self.queue.gauges();
        self.queue(&mut text, &gauges);
        self.processor(&mut text, &gauges);
        self.checks(&mut text);
        let help = "Connections that are open";
        text.against("weir_connections", help, self.connections.open(), self.connections.max());
        text.counter(
            "weir_connections_refused_total",
            "Connections refused because their address had too many",
            self.connections.refused(),
        );
        text.against("weir_live_streams", "Live views that are open", streams.open, streams.open_max);
        text.0
    }

    fn process(&self, text: &mut Exposition) {
        let version = [(env!("CARGO_PKG_VERSION"), 1)];
        text.family("weir_build_info", "gauge", "Always 1; the label tells the version", "version", version);
        let started = self.started.0 as f64 / 1_000.0;
        text.gauge("process_start_time_seconds", "When the server started, Unix time", started);
        // Nothing on systems that don't tell.
        if let Some(bytes) = resident_bytes() {
            text.gauge("process_resident_memory_bytes", "Memory that the server holds", bytes);
        }
    }

    fn edge(&self, text: &mut Exposition) {
        let edge = self.ingest.gauges();
        text.counter("weir_deliveries_total", "Requests with events", edge.deliveries);
        text.counter("weir_events_accepted_total", "Events acknowledged", edge.accepted_events);
        let refused = self.queue.gauges().refused;
        let by_layer = [("permit", edge.without_permit), ("rate_limit", edge.rate_limited)];
        let by_layer = by_layer.into_iter().chain([("not_written", edge.not_written)]);
        let by_layer = by_layer.chain(Limit::ALL.map(|limit| (limit.name(), refused.by(limit))));
        text.family(
            "weir_deliveries_refused_total",
            "counter",
            "Deliveries told to come back, by the layer that refused",
            "layer",
            by_layer,
        );
        let reasons = Reason::ALL.into_iter().filter(|reason| reason.is_of_the_edge());
        text.family(
            "weir_events_refused_total",
            "counter",
            "Events refused before the queue; a delivery that was not looked at counts as one",
            "reason",
            reasons.map(|reason| (reason.name(), self.ingest.refused_events(reason))),
        );
        text.counter(
            "weir_events_tracker_lost_total",
            "Events that trackers gave up, by their own account",
            edge.tracker_lost,
        );
        let help = "Deliveries in work, each with a permit";
        text.against("weir_deliveries_in_work", help, edge.in_work, edge.in_work_max);
    }

    fn queue(&self, text: &mut Exposition, gauges: &Gauges) {
        let options = self.queue.options();
        let help = "Events that wait for the queue's writer";
        text.against("weir_queue_waiting_events", help, gauges.waiting_events, options.waiting_events_max);
        let help = "Size of the events that wait for the queue's writer";
        text.against("weir_queue_waiting_bytes", help, gauges.waiting_bytes, options.waiting_bytes_max);
        let help = "Events on disk that are not folded and settled";
        text.against("weir_queue_backlog_events", help, gauges.backlog_events, options.backlog_events_max);
        let help = "What the site that holds most of the queue holds";
        text.gauge("weir_queue_largest_site_events", help, gauges.largest_site_events);
        let help = "Part that one site may fill of the room that the others leave";
        text.gauge("weir_queue_site_share_limit_ratio", help, options.site_share_max);
        if let Some(bytes) = self.queue.disk_free_bytes() {
            text.gauge("weir_disk_free_bytes", "Free space of the queue's disk", bytes);
        }
        let help = "Free space below which events are refused";
        text.gauge("weir_disk_reserve_bytes", help, options.disk_reserve_bytes);
        text.counter("weir_queue_commits_total", "Transactions of the queue", gauges.commits);
        let help = "Writes of the queue that failed and were tried again";
        text.counter("weir_queue_write_retries_total", help, gauges.retries);
        let help = "Size of the queue's write-ahead log";
        text.against("weir_queue_wal_bytes", help, self.queue.wal_bytes(), limits::QUEUE_WAL_BYTES_MAX);
        let help = "Events folded and settled";
        text.counter("weir_queue_drained_events_total", help, gauges.settled_events);
        let help = "Speed at which events are settled, as waits are computed from; 0 at rest";
        text.gauge("weir_queue_drain_events_per_second", help, gauges.settled_per_sec);
    }

    fn processor(&self, text: &mut Exposition, gauges: &Gauges) {
        let trouble = u8::from(self.probe.is_processor_in_trouble());
        text.gauge("weir_processor_trouble", "1 while the processor can't go on", trouble);
        let batches = self.folded.batches.load(Ordering::Relaxed);
        text.counter("weir_processor_batches_total", "Transactions of the statistics", batches);
        let dead = self.folded.dead.load(Ordering::Relaxed);
        let help = "Events put aside because they can't be folded";
        text.counter("weir_processor_dead_events_total", help, dead);
        let help = "Size of the statistics' write-ahead log";
        text.against("weir_store_wal_bytes", help, self.probe.store_wal_bytes(), limits::STORE_WAL_BYTES_MAX);
        // Left out while the statistics can't be read: no figure is better than a wrong one.
        if let Some(secs) = self.lag_secs(gauges) {
            let help = "How far the statistics are behind the events that were acknowledged";
            text.gauge("weir_statistics_lag_seconds", help, secs);
        }
    }

    /// The health page as numbers: the books, yesterday's proof and the rest each raise an alarm by
    /// their name. The names are the checks' own, a closed list.
    fn checks(&self, text: &mut Exposition) {
        let checks = self.probe.look().checks;
        let values = checks.iter().map(|check| (check.name.as_str(), u8::from(check.ok)));
        let help = "1 while a check of the health page finds all well";
        text.family("weir_health_check_ok", "gauge", help, "check", values);
    }

    fn lag_secs(&self, gauges: &Gauges) -> Option<f64> {
        let checkpoint = self.store.read(|reading| reading.checkpoint()).ok()?;
        let place = match checkpoint {
            Some(checkpoint) => self.queue.place_of(checkpoint.queue, checkpoint.seq).ok()?,
            None => None,
        };
        let since = match checkpoint.zip(place) {
            Some((here, place)) if place < gauges.last_seq => here.received,
            None if gauges.backlog_events > 0 => self.started,
            _ => return Some(0.0),
        };
        Some((self.clock.now() - since).max(0) as f64 / 1_000.0)
    }
}

/// The format itself: each name once, with what it means and of what kind it is.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.line(format_args!("{name} {value}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(format_args!("{name} {value}"));
    }

    /// A gauge and, beside it, its limit.
    fn against(&mut self, name: &str, help: &str, value: impl Display, limit: impl Display) {
        self.gauge(name, help, value);
        let limit_name = match name.strip_suffix("_bytes").map(|head| (head, "_bytes")) {
            Some((head, unit)) => format!("{head}_limit{unit}"),
            None => format!("{name}_limit"),
        };
        self.gauge(&limit_name, &format!("Limit of {name}"), limit);
    }

    fn family<'a, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            self.line(format_args!("{name}{{{label}=\"{of}\"}} {value}"));
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}.\n# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("memory takes what is written to it");
    }
}

/// What the kernel says of this process.
fn resident_bytes() -> Option<u64> {
    Some(crate::machine::kib("/proc/self/status", "VmRSS")? * 1_024)
}
