//! Whether all is well, in words.

use std::sync::{Arc, Mutex, PoisonError};

use weir_dashboard::{Health, HealthCheck};
use weir_event::Clock;
use weir_ingest::Ingest;
use weir_processor::ProcessorError;
use weir_queue::Queue;
use weir_store::StoreReader;

/// Looks at the parts when asked; the processor leaves word of its trouble here.
pub(crate) struct HealthProbe {
    queue: Queue,
    store: StoreReader,
    ingest: Ingest,
    clock: Arc<dyn Clock>,
    processor_trouble: Mutex<Option<String>>,
}

impl HealthProbe {
    pub fn new(queue: Queue, store: StoreReader, ingest: Ingest, clock: Arc<dyn Clock>) -> Self {
        Self { queue, store, ingest, clock, processor_trouble: Mutex::default() }
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
        *trouble = error.map(ToString::to_string);
    }

    pub fn look(&self) -> Health {
        let store = self.store();
        let queue = self.queue();
        let database_ok = store.ok && queue.ok;
        Health {
            database_ok,
            checks: vec![queue, self.accepting(), self.processing(), store, self.addresses()],
        }
    }

    fn store(&self) -> HealthCheck {
        match self.store.read(|reading| reading.checkpoint()) {
            Ok(Some(checkpoint)) => {
                let behind_secs = (self.clock.now() - checkpoint.received).max(0) / 1_000;
                check("statistics", true, format!("readable; the newest event folded is {behind_secs} s old"))
            }
            Ok(None) => check("statistics", true, "readable; no event yet".to_owned()),
            Err(error) => check("statistics", false, error.to_string()),
        }
    }

    fn queue(&self) -> HealthCheck {
        match self.queue.reader().and_then(|reader| reader.oldest()) {
            Ok(_) => {
                let backlog = self.queue.gauges().backlog_events;
                check("queue", true, format!("readable; {backlog} events in the backlog"))
            }
            Err(error) => check("queue", false, error.to_string()),
        }
    }

    fn accepting(&self) -> HealthCheck {
        let gauges = self.queue.gauges();
        let detail = match gauges.full_by.is_some() {
            true => "events are being refused with 503: the queue is full or the disk is low".to_owned(),
            false => "events are being accepted".to_owned(),
        };
        check("accepting", gauges.full_by.is_none(), detail)
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

fn check(name: &str, ok: bool, detail: String) -> HealthCheck {
    HealthCheck { name: name.to_owned(), ok, detail }
}
