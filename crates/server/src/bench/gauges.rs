//! The server's own metrics, as a collector reads them, and the most that each gauge showed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::caller::Caller;
use super::server::Server;

const INTERVAL: Duration = Duration::from_millis(100);

/// Values by sample: name and labels.
pub(super) type Samples = BTreeMap<String, f64>;

/// Asks over a connection of its own.
pub(super) struct Gauges(Caller);

impl Gauges {
    pub fn connect(server: &Server) -> anyhow::Result<Self> {
        Ok(Self(server.caller()?))
    }

    pub fn read(&mut self) -> anyhow::Result<Samples> {
        Ok(parse(std::str::from_utf8(&self.0.get("/metrics")?)?))
    }

    /// The most of each, looked at ten times a second until `over`.
    fn watch(&mut self, over: &AtomicBool) -> anyhow::Result<Samples> {
        let mut most = self.read()?;
        while !over.load(Ordering::Acquire) {
            #[allow(clippy::disallowed_methods)] // nobody tells when a gauge moves
            std::thread::sleep(INTERVAL);
            for (name, value) in self.read()? {
                let most = most.entry(name).or_insert(value);
                *most = most.max(value);
            }
        }
        Ok(most)
    }

    /// The most of each while `work` is done.
    pub fn watch_while<T>(
        &mut self,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, Samples)> {
        let over = AtomicBool::new(false);
        let (done, most) = std::thread::scope(|scope| {
            let watching = scope.spawn(|| self.watch(&over));
            let done = work();
            over.store(true, Ordering::Release);
            (done, watching.join().expect("the watcher doesn't panic"))
        });
        Ok((done?, most?))
    }
}

fn parse(text: &str) -> Samples {
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_and_what_describes_them_is_not() {
        let text = "# HELP a What.\n# TYPE a counter\na{b=\"c d\"} 2\ne 0.5\n";
        let expected = [("a{b=\"c d\"}".to_owned(), 2.0), ("e".to_owned(), 0.5)];
        assert_eq!(parse(text), BTreeMap::from(expected));
    }
}
