//! A sender: one connection that is kept, spoken to by hand.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Far beyond what an answer takes: only a server that hangs gets there.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a delivery for a visitor; the status and body of the answer.
    pub fn deliver(&mut self, visitor: u64, body: &str) -> io::Result<(u16, String)> {
        let version = 100 + visitor % 40;
        let head = format!(
            "POST /x/api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: 145.100.1.{}\r\n\
             user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0\r\n\
             content-length: {}\r\n\r\n{body}",
            1 + visitor % 250,
            body.len(),
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.answer()
    }

    /// Waits; none if the server has gone away meanwhile.
    pub fn rest(mut self, pause: Duration) -> Option<Self> {
        // Nothing is on its way, so what arrives can only be the end.
        let stream = self.stream.get_mut();
        let waited = stream.set_read_timeout(Some(pause)).and_then(|()| stream.peek(&mut [0]));
        let is_quiet =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        waited.err().filter(is_quiet)?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(self)
    }

    fn answer(&mut self) -> io::Result<(u16, String)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {first:?}")))?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
