//! The little of HTTP/1.1 that a client needs who knows the server.

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer is far smaller; more is somebody else's server.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub accepted: usize,
    /// Bytes of the answer: what is past them is of the next.
    pub bytes: usize,
}

/// Sends a request and reads its answer; `read` holds what came past it.
pub(super) async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    read: &mut Vec<u8>,
) -> anyhow::Result<Answer> {
    stream.write_all(request).await?;
    loop {
        if let Some(answer) = parse(read)? {
            read.drain(..answer.bytes);
            return Ok(answer);
        }
        let n = stream.read_buf(read).await?;
        ensure!(n > 0, "the server hung up");
    }
}

/// `None` until the answer is complete.
pub(super) fn parse(read: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(head_bytes) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
        ensure!(read.len() < ANSWER_BYTES_MAX, "the answer's head does not end");
        return Ok(None);
    };
    let head = std::str::from_utf8(&read[..head_bytes]).context("the answer's head is no text")?;
    let status =
        head.get(9..12).and_then(|digits| digits.parse().ok()).context("the answer has no status")?;
    let length = head.lines().find_map(content_length).context("the answer has no length")?;
    ensure!(length < ANSWER_BYTES_MAX, "the answer is too long");
    let bytes = head_bytes + 4 + length;
    let Some(body) = read.get(head_bytes + 4..bytes) else { return Ok(None) };
    Ok(Some(Answer { status, accepted: accepted(body), bytes }))
}

fn content_length(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}

fn accepted(body: &[u8]) -> usize {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(default)]
        accepted: usize,
    }
    serde_json::from_slice(body).map_or(0, |body: Body| body.accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_complete() {
        let text = b"HTTP/1.1 202 Accepted\r\ncontent-length: 28\r\nx: y\r\n\r\n{\"accepted\":10,\"dropped\":[]}HTTP";
        let whole = text.len() - 4;
        for n in 0..whole {
            assert_eq!(parse(&text[..n]).expect("well formed"), None, "{n}");
        }
        let answer = Answer { status: 202, accepted: 10, bytes: whole };
        assert_eq!(parse(text).expect("well formed"), Some(answer));
        assert!(parse(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
        assert!(parse(b"SSH-2.0-whatever\r\n\r\n").is_err());
    }
}
