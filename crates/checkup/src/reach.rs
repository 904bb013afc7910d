//! What may be connected to. The last gate: it turns a name into addresses, and no other part does.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use weir_event::limits;

use crate::address::is_public;

const PORTS: [u16; 2] = [80, 443];

/// As many addresses of a name are tried; the client has room for no more.
const ADDRESSES_MAX: usize = 16;

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;
type Gate = dyn Fn(SocketAddr) -> bool + Send + Sync;

/// Names, and the addresses behind them that may be connected to. Cheap to clone.
#[derive(Clone)]
pub struct Reach {
    lookup: Arc<Lookup>,
    may_connect: Arc<Gate>,
    pub(crate) wait: Duration,
}

impl Reach {
    /// Names of the system's resolver, public addresses, the two ports of the web.
    pub fn public() -> Self {
        Self::new(by_system, |address| is_public(address.ip()) && PORTS.contains(&address.port()))
    }

    /// By other rules, such as those of a test. No setting leads here.
    pub fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
        may_connect: impl Fn(SocketAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let wait = Duration::from_millis(limits::CHECKED_PAGE_WAIT_MS_MAX);
        Self { lookup: Arc::new(lookup), may_connect: Arc::new(may_connect), wait }
    }

    /// With less time for a page.
    #[must_use]
    pub fn within(self, wait: Duration) -> Self {
        Self { wait: self.wait.min(wait), ..self }
    }

    /// The system's resolver knows no time limit, so it is asked by a thread that may be left behind.
    fn look_up(&self, host: &str, port: u16, wait: Duration) -> Option<Vec<SocketAddr>> {
        let (answer, answered) = mpsc::sync_channel(1);
        let (lookup, host) = (self.lookup.clone(), host.to_owned());
        thread::spawn(move || {
            // Nobody listens any more once the time is over.
            let _ = answer.send(lookup(&host, port));
        });
        answered.recv_timeout(wait).ok()?.ok()
    }
}

fn by_system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

impl Resolver for Reach {
    /// The client connects to what this gives and asks no second time. One address that may not be
    /// connected to spoils the name: whoever mixes them wants the other one to be hit.
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?.trim_matches(['[', ']']);
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let found = self.look_up(host, uri.port_u16().unwrap_or(usual), *timeout.after);
        let found = found.filter(|found| found.iter().all(|address| (self.may_connect)(*address)));
        let mut addresses = self.empty();
        found.into_iter().flatten().take(ADDRESSES_MAX).for_each(|address| addresses.push(address));
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reach")
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpListener;

    use url::Url;

    use super::*;
    use crate::{Ask, Finding, Server, check};

    /// Every one is a site's own domain here, so that the gate of names lets it through.
    const INNER: [&str; 29] = [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "2852039166",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::80ff:fffe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ];

    #[test]
    fn no_spelling_of_an_inner_address_is_connected_to() {
        let listeners = ["0.0.0.0:0", "[::1]:0"].map(|place| TcpListener::bind(place).unwrap());
        let server = Server::new("https://stats.test", None, None).unwrap();
        // Ports are no second reason to refuse it here.
        let reach = Reach::new(by_system, |address| is_public(address.ip()));
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
            let port = listener.local_addr().unwrap().port();
            for host in INNER {
                let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
                let domain = url.host_str().unwrap();
                let report = check(&reach, Ask { domain, url: Some(url.as_str()), server: &server }).unwrap();
                assert_eq!(report.findings, [Finding::Unreachable], "{host}");
            }
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came");
        }
    }

    #[test]
    fn public_addresses_are_reached_at_the_ports_of_the_web_only() {
        let may = |address: &str| (Reach::public().may_connect)(address.parse().unwrap());
        assert!(may("1.1.1.1:80") && may("1.1.1.1:443") && may("[2606:4700::1111]:443"));
        for address in ["1.1.1.1:22", "1.1.1.1:8080", "1.1.1.1:0", "[2606:4700::1111]:25", "10.0.0.1:443"] {
            assert!(!may(address), "{address}");
        }
    }
}
