//! The server's own metrics, as a collector reads them, and the most that each gauge showed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::server::Server;

const INTERVAL: Duration = Duration::from_millis(100);

/// More is somebody else's server.
const BYTES_MAX: usize = 1024 * 1024;

/// Values by sample: name and labels.
pub(super) type Samples = BTreeMap<String, f64>;

/// Asks over a connection of its own.
pub(super) struct Gauges {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Gauges {
    pub fn connect(server: &Server, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&server.address).context("the server takes no connection")?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer {token}\r\n\r\n");
        Ok(Self { stream: BufReader::new(stream), request })
    }

    pub fn read(&mut self) -> anyhow::Result<Samples> {
        self.stream.get_mut().write_all(self.request.as_bytes())?;
        let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server hung up");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?
                }
                None if line.trim_end().is_empty() => break,
                None => status = line.trim_end().to_owned(),
                Some(_) => {}
            }
        }
        ensure!(status.contains(" 200 ") && length < BYTES_MAX, "no metrics: {status}");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(parse(std::str::from_utf8(&body)?))
    }

    /// The most of each, looked at ten times a second until `over`.
    pub fn watch(&mut self, over: &AtomicBool) -> anyhow::Result<Samples> {
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
