//! The threads and tasks behind the edge: the processor's loop, and what has to be done by the
//! second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use weir_processor::Processor;
use weir_queue::Queue;
use weir_registry::Registry;

use super::health::HealthProbe;

/// The processor's thread.
pub(crate) struct Pipeline {
    stop: Arc<AtomicBool>,
    queue: Queue,
    thread: JoinHandle<()>,
}

impl Pipeline {
    pub fn start(mut processor: Processor, queue: Queue, probe: Arc<HealthProbe>) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("processor".to_owned())
            .spawn(move || processor.run(&stopped, &|error| probe.processor(error)))
            .context("can't start the processor's thread")?;
        Ok(Self { stop, queue, thread })
    }

    /// Ends the loop after the batch in work. What is still in the queue is on disk and waits.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.queue.wake();
        if self.thread.join().is_err() {
            tracing::error!("the processor's thread panicked; its last batch will be repeated");
        }
        self.queue.close();
    }
}

/// Sites, users and tokens may be changed by another process; refusals are counted in memory. Both
/// are looked after every second, until the task is dropped.
pub(crate) async fn every_second(registry: Registry, queue: Queue) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let (registry, queue) = (registry.clone(), queue.clone());
        let done = tokio::task::spawn_blocking(move || {
            match registry.refresh() {
                // A removed site leaves a control row, which another process can't announce.
                Ok(true) => queue.wake(),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the registry can't be read; sites stay as they were"),
            }
            queue.share_among(registry.snapshot().sites().len());
            if let Err(error) = registry.flush_counts() {
                tracing::warn!(%error, "refusals can't be written down yet");
            }
        });
        if done.await.is_err() {
            tracing::error!("looking after the registry panicked");
        }
    }
}
