use std::path::Path;

use anyhow::Context;
use weir_processor::{Enricher, Processor, ProcessorOptions, Retention};
use weir_queue::{Queue, QueueOptions, QueueReader};
use weir_registry::Registry;
use weir_store::{Store, StoreReader};

/// A failing append gives up after this: a few tries.
const DEADLINE_MS: u64 = 40;

/// Short, so that days expire within a round.
const RETENTION: Retention = Retention { raw_days: Some(2), set_aside_days: 1 };

/// All parts on one folder, as the server has them.
pub(super) struct Parts {
    pub queue: Queue,
    pub processor: Processor,
    pub reader: StoreReader,
    /// A second connection to the queue, for its books.
    pub queue_reader: QueueReader,
}

impl Parts {
    pub fn open(folder: &Path, registry: &Registry, enricher: Enricher) -> anyhow::Result<Self> {
        let options =
            QueueOptions { disk_reserve_bytes: 0, deadline_ms: DEADLINE_MS, ..QueueOptions::default() };
        let queue = Queue::open(&folder.join("queue.db"), options).context("the queue does not open")?;
        let store = Store::open(&folder.join("weir.db")).context("the store does not open")?;
        let (reader, queue_reader) = (store.reader(), queue.reader()?);
        let options = ProcessorOptions { retention: RETENTION, ..ProcessorOptions::default() };
        let on_commit = Box::new(|_: &_| {});
        let processor = Processor::new(store, queue.clone(), registry.clone(), options, on_commit)?;
        Ok(Self { queue, processor: processor.with_enricher(enricher), reader, queue_reader })
    }

    pub fn drain(&mut self) -> anyhow::Result<()> {
        let drained = self.processor.drain().context("the queue does not drain")?;
        anyhow::ensure!(drained.dead == 0, "{} events could not be folded", drained.dead);
        Ok(())
    }

    /// Closes all files. What the processor read of its lists is used again: reading them takes
    /// longer than everything else here.
    pub fn close(self) -> Enricher {
        let Self { queue, processor, reader, queue_reader } = self;
        drop((reader, queue_reader));
        let enricher = processor.into_enricher();
        queue.close();
        enricher
    }
}
