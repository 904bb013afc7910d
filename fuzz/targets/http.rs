#![no_main]

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use weir_event::{Millis, Zone};
use weir_ingest::{Ingest, IngestConfig};
use weir_queue::{Queue, QueueOptions};
use weir_registry::Registry;
use weir_testkit::TestClock;

const RECEIVED: Millis = Millis(1_780_000_000_000);

/// The edge as the server has it, on files of its own.
static EDGE: LazyLock<(Runtime, Router)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder").keep();
    let clock = Arc::new(TestClock::at(RECEIVED));
    let registry = Registry::open(&folder, clock.clone()).expect("opens");
    registry.add_site("example.com", &Zone::utc()).expect("adds");
    let options = QueueOptions { disk_reserve_bytes: 0, ..QueueOptions::default() };
    let queue = Queue::open(&folder.join("queue.db"), options).expect("opens");
    let config = IngestConfig { rate_limit: None, ..IngestConfig::default() };
    let peer = ConnectInfo(SocketAddr::from(([198, 51, 100, 7], 4_711)));
    let routes = weir_ingest::routes(Ingest::new(queue, registry, clock, config)).layer(Extension(peer));
    (runtime, routes)
});

/// Everything that a peer says, then what it is answered until the connection ends.
fn exchange(bytes: &[u8]) -> Vec<u8> {
    let (runtime, routes) = &*EDGE;
    runtime.block_on(async {
        let (mut peer, server) = tokio::io::duplex(1 << 20);
        let service = TowerToHyperService::new(routes.clone());
        let serve = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        let speak = async {
            peer.write_all(bytes).await?;
            peer.shutdown().await?;
            let mut answer = Vec::new();
            peer.read_to_end(&mut answer).await?;
            io::Result::Ok(answer)
        };
        // A connection that ends in an error was not worth an answer.
        let (_, answer) = tokio::join!(serve, speak);
        answer.unwrap_or_default()
    })
}

fuzz_target!(|data: &[u8]| {
    let answer = exchange(data);
    if let Some(status) = answer.strip_prefix(b"HTTP/1.1 ").or_else(|| answer.strip_prefix(b"HTTP/1.0 ")) {
        assert!(matches!(status.first(), Some(b'1'..=b'4')), "{}", String::from_utf8_lossy(&answer));
    } else {
        assert!(answer.is_empty(), "no HTTP: {}", String::from_utf8_lossy(&answer));
    }
});
