//! The threads and tasks behind the edge: the processor's loop, and what has to be done by the
//! second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use weir_processor::Processor;
use weir_queue::{Queue, QueueReader};
use weir_registry::Registry;
use weir_verdicts::Verdicts;

use super::health::HealthProbe;

/// How far the processor stands back while the processors of the machine are all busy, as `nice` counts.
/// It still gets its part, about a tenth of what each of the others does.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

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
            .spawn(move || {
                give_way();
                processor.run(&stopped, &|error| probe.processor(error));
            })
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
pub(crate) async fn every_second(registry: Registry, queue: Queue, verdicts: Verdicts) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut beside = None;
    loop {
        tick.tick().await;
        verdicts.forget_old();
        let (registry, queue) = (registry.clone(), queue.clone());
        let done = tokio::task::spawn_blocking(move || {
            if let Err(error) = registry.refresh() {
                tracing::warn!(%error, "the registry can't be read; sites stay as they were");
            }
            queue.share_among(registry.snapshot().sites().len());
            let beside = wake_for_wishes(&queue, beside);
            if let Err(error) = registry.flush_counts() {
                tracing::warn!(%error, "refusals can't be written down yet");
            }
            beside
        });
        beside = done.await.unwrap_or_else(|_| {
            tracing::error!("looking after the registry panicked");
            None
        });
    }
}

/// Commands leave control rows in the queue, which another process can't announce. Returns the
/// reader, to look through again.
fn wake_for_wishes(queue: &Queue, reader: Option<QueueReader>) -> Option<QueueReader> {
    let looked = reader.map_or_else(|| queue.reader(), Ok).and_then(|reader| {
        if reader.last_seq()? > queue.gauges().last_seq {
            queue.wake();
        }
        Ok(reader)
    });
    looked
        .inspect_err(
            |error| tracing::warn!(%error, "the queue can't be looked at: commands may wait a minute"),
        )
        .ok()
}

/// What was acknowledged waits on disk and can wait longer; a visitor's browser can not. So under full
/// load the threads that answer come first, until the backlog is full and what is refused leaves
/// time to fold.
fn give_way() {
    // No id stands for the calling thread, on Linux alone; elsewhere it would be the whole program.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the processor runs at the same priority as all other threads");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn the_processor_s_thread_gives_way_and_no_other_does() {
        let before = getpriority_process(None).expect("a priority");
        let given = std::thread::spawn(|| {
            give_way();
            getpriority_process(None).expect("a priority")
        });
        assert_eq!(given.join().expect("no panic"), before.max(NICE));
        assert_eq!(getpriority_process(None).expect("a priority"), before);
    }
}
