//! Bytes that no client sends, on a socket of the real program.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::folder::Folder;
use crate::server::Server;
use crate::wait::PATIENCE;

/// Says everything, then listens to the end. A server that hangs up early is in its right.
fn answer_to(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.address).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
    socket.set_write_timeout(Some(PATIENCE)).expect("a limit");
    let _ = socket.write_all(bytes);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while let Ok(n @ 1..) = socket.read(&mut part) {
        answer.extend_from_slice(&part[..n]);
    }
    answer
}

#[test]
fn any_bytes_on_a_socket_get_an_answer_that_blames_the_sender_or_none() {
    let folder = Folder::with_site();
    let server = folder.serve();
    weir_testkit::replay("http", |bytes| {
        let answer = answer_to(&server, bytes);
        let status = answer.strip_prefix(b"HTTP/1.1 ").or_else(|| answer.strip_prefix(b"HTTP/1.0 "));
        match status {
            Some(status) => {
                assert!(matches!(status.first(), Some(b'1'..=b'4')), "{}", String::from_utf8_lossy(&answer));
            }
            None => assert!(answer.is_empty(), "no HTTP: {}", String::from_utf8_lossy(&answer)),
        }
    });
    assert_eq!(server.get("/_health", &[]).status, 200);
}
