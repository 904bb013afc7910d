//! Connections: accepted, bounded, served, let go.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::Uri;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, ServiceExt};
use weir_dashboard::{Arrival, OwnPaths};
use weir_event::limits;
use weir_ingest::{EVENTS_PATH, Ingest, SCRIPT_PATH, TrustedProxies, deliver_directly, is_delivery};

use super::connections::{Connections, refuse};

/// How long a client may take to send its headers, and a keep-alive connection may rest.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may leave sent bytes without acknowledging any.
#[cfg(target_os = "linux")]
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long answers in work may take once the server is asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets answers in work finish.
pub(crate) async fn serve(
    listener: TcpListener,
    served: Served,
    counted: Arc<Connections>,
    stop: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            place = counted.place() => place,
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let Some(of_peer) = counted.admit(peer.ip()) else {
            tokio::spawn(async move {
                refuse(stream).await;
                drop(place);
            });
            continue;
        };
        let connection = connection(stream, WithPeer { served: served.clone(), peer });
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off or sends nonsense is its own affair.
            let _ = connection.await;
            drop((place, of_peer));
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("some connections were still open and have been cut");
    }
}

type Connection = http1::Connection<TokioIo<TcpStream>, WithPeer>;

fn connection(stream: TcpStream, service: WithPeer) -> Connection {
    // An answer is one small packet; waiting to fill it would cost more than it saves.
    let _ = stream.set_nodelay(true);
    // A client that takes no bytes is let go, else a few thousand of them would fill all places.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_TIMEOUT));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(limits::HEADER_BYTES_MAX);
    builder.serve_connection(TokioIo::new(stream), service)
}

/// What answers.
#[derive(Clone)]
pub(crate) struct Served {
    pub routes: Router,
    pub ingest: Ingest,
    pub own_paths: Arc<OwnPaths>,
}

impl Served {
    /// Asks for what the operator has put at this path as if it were asked for at its usual one.
    fn at_usual_path(&self, request: &mut Request) {
        let is = |own: &Option<String>| own.as_deref() == Some(request.uri().path());
        let usual = if is(&self.own_paths.events) {
            Uri::from_static(EVENTS_PATH)
        } else if is(&self.own_paths.script) {
            Uri::from_static(SCRIPT_PATH)
        } else {
            return;
        };
        *request.uri_mut() = usual;
    }
}

/// The routes, told who is asking.
#[derive(Clone)]
struct WithPeer {
    served: Served,
    peer: SocketAddr,
}

impl hyper::service::Service<hyper::Request<hyper::body::Incoming>> for WithPeer {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: hyper::Request<hyper::body::Incoming>) -> Self::Future {
        let mut request = request.map(axum::body::Body::new);
        self.served.at_usual_path(&mut request);
        let peer = self.peer;
        if is_delivery(&request) {
            let ingest = self.served.ingest.clone();
            return Box::pin(async move { Ok(deliver_directly(&ingest, peer, request).await) });
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        Box::pin(self.served.routes.clone().oneshot(request))
    }
}

/// Tells the dashboard's routes how a request came in, seen through the trusted proxies.
#[derive(Clone)]
pub(crate) struct Arrivals<S> {
    inner: S,
    trusted: Arc<TrustedProxies>,
}

#[derive(Clone)]
pub(crate) struct ArrivalsLayer(Arc<TrustedProxies>);

impl Arrivals<()> {
    pub fn layer(trusted: TrustedProxies) -> ArrivalsLayer {
        ArrivalsLayer(Arc::new(trusted))
    }
}

impl<S> Layer<S> for ArrivalsLayer {
    type Service = Arrivals<S>;

    fn layer(&self, inner: S) -> Arrivals<S> {
        Arrivals { inner, trusted: self.0.clone() }
    }
}

impl<S: Service<Request>> Service<Request> for Arrivals<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
            let client = self.trusted.client_ip(peer, request.headers());
            let https = self.trusted.trusts(peer.ip())
                && request.headers().get("x-forwarded-proto").is_some_and(|proto| proto == "https");
            request.extensions_mut().insert(Arrival { client, https });
        }
        self.inner.call(request)
    }
}
