use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::Edge;

async fn serve(edge: &Edge) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = edge.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Writes while reading, as a client must whose request is refused half-way.
async fn talk(address: SocketAddr, request: Vec<u8>) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.expect("connects").into_split();
    // The server may hang up before it has read all of it.
    let writing = tokio::spawn(async move { writer.write_all(&request).await.map(|()| writer) });
    let mut answer = Vec::new();
    let _ = reader.read_to_end(&mut answer).await;
    let _ = writing.await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn good_request() -> Vec<u8> {
    let body = r#"{"events":[{"type":"pageview","url":"https://example.com/"}]}"#;
    let length = body.len();
    format!("POST /x/api/v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn ten_megabytes_of_headers_are_refused_and_hurt_nobody_else() {
    let edge = Edge::new();
    let address = serve(&edge).await;
    let mut request = b"POST /x/api/v1/events HTTP/1.1\r\nhost: x\r\nx-big: ".to_vec();
    request.resize(10 * 1024 * 1024, b'a');
    request.extend_from_slice(b"\r\n\r\n");
    let answer = talk(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    assert!(talk(address, good_request()).await.starts_with("HTTP/1.1 202 "));
    assert_eq!(edge.stored().len(), 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_words_that_arrive() {
    let edge = Edge::new();
    let address = serve(&edge).await;
    let head =
        "POST /x/api/v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 500000\r\n\r\n";
    let mut request = head.as_bytes().to_vec();
    request.resize(head.len() + 500_000, b'{');
    let answer = talk(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer:?}");
    assert!(answer.contains(r#""reason":"too_large""#), "{answer:?}");
    assert_eq!(edge.stored(), []);
}

#[tokio::test]
async fn a_request_that_breaks_off_leaves_nothing_behind() {
    let edge = Edge::new();
    let address = serve(&edge).await;
    let mut request = good_request();
    request.truncate(request.len() - 5);
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(&request).await.expect("writes");
    stream.shutdown().await.expect("closes");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(!answer.contains(" 202 "), "{answer:?}");
    assert!(talk(address, good_request()).await.starts_with("HTTP/1.1 202 "));
    assert_eq!(edge.stored().len(), 1);
}
