//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use weir_event::limits;
use weir_ingest::{TrustedProxies, sender_network};

use super::descriptors;

/// Seconds after which an address that had too many may try again: some of them will have rested long
/// enough to be closed.
const RETRY_AFTER_SECS: u32 = 10;

/// Counts connections, and refuses an address that would take everybody's places.
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    max: usize,
    per_peer_max: usize,
    is_exempt: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    by_peer: Mutex<HashMap<u64, usize>>,
    refused: AtomicU64,
}

/// One address's right to one more connection; given back when dropped. Proxies need none.
pub(crate) struct PeerPlace {
    connections: Arc<Connections>,
    peer: Option<u64>,
}

impl Connections {
    /// Trusted proxies stand for many clients, and this machine is its operator's.
    pub fn new(trusted: TrustedProxies) -> Self {
        let is_exempt = move |ip: IpAddr| ip.is_loopback() || trusted.trusts(ip);
        Self::bounded(descriptors::for_connections(), limits::CONNECTIONS_PER_PEER_MAX, Box::new(is_exempt))
    }

    fn bounded(
        max: usize,
        per_peer_max: usize,
        is_exempt: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(max));
        Self { places, max, per_peer_max, is_exempt, by_peer: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// Waits until there may be one more connection.
    pub async fn place(&self) -> OwnedSemaphorePermit {
        self.places.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// `None` where the address has as many as one may have.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<PeerPlace> {
        let peer = peer.to_canonical();
        if (self.is_exempt)(peer) {
            return Some(PeerPlace { connections: self.clone(), peer: None });
        }
        let network = sender_network(peer);
        let mut by_peer = self.lock();
        let open = by_peer.entry(network).or_default();
        if *open >= self.per_peer_max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *open += 1;
        drop(by_peer);
        Some(PeerPlace { connections: self.clone(), peer: Some(network) })
    }

    pub fn open(&self) -> usize {
        self.max.saturating_sub(self.places.available_permits())
    }

    /// As many as the system's file descriptors allow, and no more than
    /// [`limits::CONNECTIONS_MAX`].
    pub fn max(&self) -> usize {
        self.max
    }

    /// Connections refused since the start because their address had too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.by_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let Some(peer) = self.peer else { return };
        let mut by_peer = self.connections.lock();
        // Who has none open is forgotten: the map is bounded by what is open.
        match by_peer.get_mut(&peer) {
            Some(open) if *open > 1 => *open -= 1,
            _ => {
                by_peer.remove(&peer);
            }
        }
    }
}

/// Tells a client that its address has too many connections, whatever it was going to ask for. Closing
/// with its request unread would take the answer back, so that is read and thrown away, for a moment.
pub(super) async fn refuse(mut stream: TcpStream) {
    let body = format!(
        r#"{{"error":"Too many connections from this address","reason":"rate_limited","retryAfter":{RETRY_AFTER_SECS}}}"#
    );
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: {RETRY_AFTER_SECS}\r\n\
         access-control-allow-origin: *\r\naccess-control-expose-headers: Retry-After\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4_096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A client that breaks off or lingers is its own affair.
    let _ = tokio::time::timeout(Duration::from_millis(limits::CONNECTION_REFUSAL_MS_MAX), told).await;
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_so_many_connections_and_not_one_more() {
        let trusted = TrustedProxies::parse(&["10.0.0.0/8"]).expect("a network");
        let connections = Arc::new(Connections::new(trusted));
        let admit = |text: &str| connections.admit(ip(text));
        let mut places: Vec<_> =
            (0..limits::CONNECTIONS_PER_PEER_MAX).map(|_| admit("203.0.113.1").expect("a place")).collect();
        assert!(admit("203.0.113.1").is_none(), "one more");
        assert!(admit("::ffff:203.0.113.1").is_none(), "the same address in another dress");
        assert!(admit("203.0.113.2").is_some(), "another address");
        assert_eq!(connections.refused(), 2);
        places.pop();
        assert!(admit("203.0.113.1").is_some(), "one was closed");
        places.clear();
        assert!(connections.lock().is_empty(), "who has none is forgotten");
    }

    #[test]
    fn proxies_and_this_machine_are_not_bounded_and_a_subscriber_s_addresses_are_one() {
        let connections = Connections::bounded(10, 1, Box::new(|peer| peer == ip("10.0.0.1")));
        let connections = Arc::new(connections);
        let _places = [ip("10.0.0.1"), ip("10.0.0.1"), ip("2001:db8::1")].map(|ip| connections.admit(ip));
        assert_eq!(connections.refused(), 0);
        assert!(connections.admit(ip("2001:db8::2")).is_none());
        assert!(connections.admit(ip("2001:db8:0:1::2")).is_some());
        let of_this_machine = Connections::new(TrustedProxies::parse(&["none"]).expect("a preset"));
        assert!((of_this_machine.is_exempt)(ip("::1")) && (of_this_machine.is_exempt)(ip("127.0.0.1")));
    }

    #[tokio::test]
    async fn who_is_refused_reads_why_and_when_to_come_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let refusing = async { refuse(listener.accept().await.expect("a client").0).await };
        let asking = async {
            let mut stream = TcpStream::connect(address).await.expect("connects");
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("writes");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            answer
        };
        let ((), answer) = tokio::join!(refusing, asking);
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("retry-after: {RETRY_AFTER_SECS}\r\n")), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(
            (&body["reason"], &body["retryAfter"]),
            (&"rate_limited".into(), &RETRY_AFTER_SECS.into())
        );
    }
}
