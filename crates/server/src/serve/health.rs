//! Whether all is well, in words.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use weir_dashboard::{Health, HealthCheck};
use weir_event::{Clock, Millis, limits};
use weir_ingest::Ingest;
use weir_processor::ProcessorError;
use weir_queue::{Limit, Queue};
use weir_registry::Registry;
use weir_store::{SeenIds, StoreReader};

use super::books::BooksCheck;
use super::nightly;
use crate::advice;

/// A log may pass its bound for as long as a large transaction or a reader lasts; this many times the
/// bound is no passing matter.
const WAL_ALARM_TIMES: u64 = 4;

/// Looks at the parts when asked; the processor leaves word of its trouble here.
pub(crate) struct HealthProbe {
    registry: Registry,
    queue: Queue,
    store: StoreReader,
    ingest: Ingest,
    clock: Arc<dyn Clock>,
    store_path: PathBuf,
    /// What was missing when the server started.
    made_anew: Option<&'static str>,
    processor_trouble: Mutex<Option<String>>,
    books: BooksCheck,
}

impl HealthProbe {
    pub fn new(
        registry: Registry,
        queue: Queue,
        store: StoreReader,
        ingest: Ingest,
        clock: Arc<dyn Clock>,
        store_path: PathBuf,
        made_anew: Option<&'static str>,
    ) -> Self {
        let (processor_trouble, books) = (Mutex::default(), BooksCheck::default());
        Self { registry, queue, store, ingest, clock, store_path, made_anew, processor_trouble, books }
    }

    pub fn processor(&self, error: Option<&ProcessorError>) {
        let mut trouble = self.processor_trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (error, trouble.is_some()) {
            (Some(error), false) => {
                tracing::error!(%error, "the processor waits: acknowledged events stay in the queue")
            }
            (None, true) => tracing::info!("the processor goes on"),
            _ => {}
        }
        *trouble = error.map(|error| advice::told(error.to_string(), error.trouble()));
    }

    pub fn is_processor_in_trouble(&self) -> bool {
        self.processor_trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Size of the store's write-ahead log.
    pub fn store_wal_bytes(&self) -> u64 {
        weir_sqlite::wal_bytes(&self.store_path)
    }

    pub fn look(&self) -> Health {
        let store = self.store();
        let queue = self.queue();
        let database_ok = store.ok && queue.ok;
        Health {
            database_ok,
            checks: vec![
                queue,
                self.files(),
                self.accepting(),
                self.sharing(),
                self.processing(),
                store,
                self.books.look(&self.queue, &self.store, self.clock.now()),
                self.ids(),
                self.logs(),
                self.addresses(),
                nightly::health(&self.registry),
            ],
        }
    }

    fn store(&self) -> HealthCheck {
        match self.store.read(|reading| reading.checkpoint()) {
            Ok(Some(checkpoint)) => {
                let behind_secs = (self.clock.now() - checkpoint.received).max(0) / 1_000;
                check("statistics", true, format!("readable; the newest event folded is {behind_secs} s old"))
            }
            Ok(None) => check("statistics", true, "readable; no event yet".to_owned()),
            Err(error) => check("statistics", false, advice::told(error.to_string(), Some(error.trouble()))),
        }
    }

    fn queue(&self) -> HealthCheck {
        match self.queue.reader().and_then(|reader| reader.oldest()) {
            Ok(_) => {
                let backlog = self.queue.gauges().backlog_events;
                check("queue", true, format!("readable; events in the backlog: {backlog}"))
            }
            Err(error) => check("queue", false, advice::told(error.to_string(), error.trouble())),
        }
    }

    /// Unwell until the next start: a file that is gone must not go unnoticed.
    fn files(&self) -> HealthCheck {
        let all_there = "all files were there when the server started";
        check("files", self.made_anew.is_none(), self.made_anew.unwrap_or(all_there).to_owned())
    }

    /// Each layer that refuses at this moment, and what helps.
    fn accepting(&self) -> HealthCheck {
        let edge = self.ingest.gauges();
        let mut refusing = Vec::new();
        if edge.in_work >= edge.in_work_max {
            refusing.push(format!(
                "{} deliveries are in work, as many as may be: a slow disk or a flood; deliveries_at_once_max raises it",
                edge.in_work
            ));
        }
        refusing.extend(self.queue.trouble().map(|error| format!("the queue can't be written: {error}")));
        refusing.extend(self.queue.gauges().full_by.map(|limit| self.full_queue(limit)));
        match refusing.is_empty() {
            true => check("accepting", true, "events are being accepted".to_owned()),
            false => check(
                "accepting",
                false,
                format!(
                    "events are being refused with 503, and their senders keep them: {}",
                    refusing.join("; ")
                ),
            ),
        }
    }

    fn full_queue(&self, limit: Limit) -> String {
        let (gauges, options) = (self.queue.gauges(), self.queue.options());
        match limit {
            Limit::Waiting => format!(
                "{} events wait for the disk, as many as may: it is slow or failing; waiting_events_max and \
                 waiting_bytes_max raise it",
                gauges.waiting_events
            ),
            Limit::Backlog => format!(
                "{} events wait to be folded, as many as may: it goes on at {:.0} a second; backlog_events_max raises it",
                gauges.backlog_events, gauges.settled_per_sec
            ),
            Limit::SiteShare => "one site fills its share: site_share_max raises it".to_owned(),
            Limit::Disk => {
                let mib = |bytes: u64| bytes / (1024 * 1024);
                let free = self.queue.disk_free_bytes().map_or(0, mib);
                let reserve = mib(options.disk_reserve_bytes);
                format!(
                    "the disk has {free} MiB free, less than the {reserve} MiB of disk_reserve_mib: free some space"
                )
            }
        }
    }

    /// Whether one site is at its share while others are taken.
    fn sharing(&self) -> HealthCheck {
        let (gauges, options) = (self.queue.gauges(), self.queue.options());
        let of_max = |events: u64| events as f64 / options.backlog_events_max as f64;
        let is_crowded = of_max(gauges.largest_site_events) > options.site_share_max / 2.0;
        let held = gauges.largest_site_events;
        let refused = gauges.refused.by(Limit::SiteShare);
        let detail = match is_crowded {
            true => format!(
                "one site holds {held} events of the queue, and is refused past its share so that others get in: is \
                 it flooded? ({refused} deliveries so far)"
            ),
            false => format!(
                "no site crowds out others; {refused} deliveries refused for their site's share so far"
            ),
        };
        // Never unwell: that site is slowed down, which is what the share is for.
        check("sharing", true, detail)
    }

    fn logs(&self) -> HealthCheck {
        logs(&[
            ("queue.db-wal", self.queue.wal_bytes(), limits::QUEUE_WAL_BYTES_MAX),
            ("weir.db-wal", self.store_wal_bytes(), limits::STORE_WAL_BYTES_MAX),
        ])
    }

    /// With too many ids to remember, an event that is sent again late may count twice.
    fn ids(&self) -> HealthCheck {
        match self.store.read(|reading| Ok((reading.seen_ids(limits::SEEN_IDS_MAX)?, reading.checkpoint()?)))
        {
            Ok((SeenIds { ids, since: Some(since) }, Some(checkpoint))) => {
                let hours = (checkpoint.received - since).max(0) / Millis::HOUR;
                let max = limits::SEEN_IDS_MAX;
                let detail = format!(
                    "{ids} events came within 48 hours, and {max} are remembered: an event that is sent again after \
                     {hours} hours or more would count twice"
                );
                check("ids", false, detail)
            }
            Ok((SeenIds { ids, .. }, _)) => {
                check("ids", true, format!("ids remembered, each for 48 hours: {ids}"))
            }
            Err(error) => check("ids", false, error.to_string()),
        }
    }

    /// A wrong proxy setting would merge all visitors into a few, and nobody would notice.
    fn addresses(&self) -> HealthCheck {
        let gauges = self.ingest.gauges();
        let detail = if gauges.is_one_address {
            "most visits come from one address: set trusted_proxies to your proxy, and let it send X-Forwarded-For"
        } else if gauges.from_cdn > 0 {
            "visits come from a content network's addresses: add its preset to trusted_proxies"
        } else {
            "visitors' addresses look like visitors'"
        };
        check("addresses", !gauges.is_one_address && gauges.from_cdn == 0, detail.to_owned())
    }

    fn processing(&self) -> HealthCheck {
        let trouble = self.processor_trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble.as_deref() {
            Some(error) => check("processor", false, format!("waiting, nothing is lost: {error}")),
            None => check("processor", true, "folding".to_owned()),
        }
    }
}

/// A log that grows far past its bound is held by a reader, and starting again takes long.
fn logs(sizes: &[(&str, u64, u64)]) -> HealthCheck {
    let mib = |bytes: u64| bytes / (1024 * 1024);
    let large = sizes.iter().filter(|(_, bytes, max)| *bytes > WAL_ALARM_TIMES * max);
    let large: Vec<String> = large
        .map(|(name, bytes, max)| {
            format!(
                "{name} has {} MiB where {} are meant: another program may hold the database open for reading; end it, \
                 or restart the server",
                mib(*bytes),
                mib(*max)
            )
        })
        .collect();
    match large.is_empty() {
        true => check("logs", true, "the write-ahead logs are within bounds".to_owned()),
        false => check("logs", false, large.join("; ")),
    }
}

pub(super) fn check(name: &str, ok: bool, detail: String) -> HealthCheck {
    HealthCheck { name: name.to_owned(), ok, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_far_past_its_bound_is_named_and_one_that_grows_for_a_moment_is_not() {
        let max = limits::QUEUE_WAL_BYTES_MAX;
        let of = |bytes| logs(&[("queue.db-wal", bytes, max), ("weir.db-wal", 0, max)]);
        assert!(of(WAL_ALARM_TIMES * max).ok);
        let alarm = of(WAL_ALARM_TIMES * max + 1);
        assert!(!alarm.ok && alarm.detail.starts_with("queue.db-wal has 64 MiB where 16"), "{alarm:?}");
        assert!(!alarm.detail.contains("weir.db-wal"), "{alarm:?}");
    }
}
