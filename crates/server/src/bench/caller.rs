//! Who reads figures of the running server: a connection that stays open, and a token.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

/// More is somebody else's server.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a new token may stay unknown.
const UNKNOWN_MAX: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const UNAUTHORISED: u16 = 401;

pub(super) struct Caller {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Caller {
    /// Waits until the token is known.
    pub fn connect(address: &str, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        let mut caller = Self { stream: BufReader::new(stream), token: token.to_owned() };
        let begun = Instant::now();
        while caller.exchange("GET", "/metrics", b"")?.0 == UNAUTHORISED {
            ensure!(begun.elapsed() < UNKNOWN_MAX, "the server does not know a new token");
            #[allow(clippy::disallowed_methods)] // another process tells nobody what it knows
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(caller)
    }

    pub fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, body) = self.exchange("GET", path, b"")?;
        ensure!(status == 200, "GET {path} was answered {status}");
        Ok(body)
    }

    /// Asks a question of the API.
    pub fn query(&mut self, question: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (status, body) = self.exchange("POST", "/api/v2/query", question)?;
        let said = String::from_utf8_lossy(&body);
        ensure!(
            status == 200,
            "a question was answered {status}: {}",
            said.chars().take(200).collect::<String>()
        );
        Ok(body)
    }

    /// The first metric of the first row that a question is answered by.
    pub fn number(&mut self, question: &[u8]) -> anyhow::Result<f64> {
        let answer: Value = serde_json::from_slice(&self.query(question)?)?;
        answer["results"][0]["metrics"][0].as_f64().context("the answer has no number")
    }

    fn exchange(&mut self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let (mut line, mut status, mut length) = (String::new(), None, None);
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server hung up");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = Some(value.parse()?);
                }
                None if line.trim_end().is_empty() => break,
                None => status = line.get(9..12).and_then(|digits| digits.parse().ok()),
                Some(_) => {}
            }
        }
        let (status, length): (_, usize) =
            status.zip(length).with_context(|| format!("{path} was answered in no way that is known"))?;
        ensure!(length < BYTES_MAX, "the answer of {path} is too long");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}
