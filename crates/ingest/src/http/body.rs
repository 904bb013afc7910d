use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio_stream::StreamExt;
use weir_event::limits;

use super::answer::Answer;

/// Reads a body up to the limit, within the time that one may take.
pub(super) async fn read(body: Body) -> Result<Bytes, Answer> {
    let wait = Duration::from_millis(limits::BODY_WAIT_MS_MAX);
    tokio::time::timeout(wait, read_all(body)).await.unwrap_or(Err(Answer::BodyTooSlow))
}

async fn read_all(body: Body) -> Result<Bytes, Answer> {
    let mut parts = body.into_data_stream();
    // Nearly every body comes in one piece, which is used as it is.
    let first = match parts.next().await {
        None => return Ok(Bytes::new()),
        Some(part) => part.map_err(|_| Answer::BodyBroken)?,
    };
    let mut whole = Vec::new();
    let mut bytes = first.len();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Answer::BodyBroken)?;
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        bytes += part.len();
        if bytes > limits::BODY_DRAINED_BYTES_MAX {
            return Err(Answer::BodyTooLarge);
        }
        if bytes <= limits::BODY_BYTES_MAX {
            whole.extend_from_slice(&part);
        }
    }
    match bytes {
        _ if bytes > limits::BODY_BYTES_MAX => Err(Answer::BodyTooLarge),
        _ if whole.is_empty() => Ok(first),
        _ => Ok(whole.into()),
    }
}
