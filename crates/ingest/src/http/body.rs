use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_stream::StreamExt;
use weir_event::limits;

use super::answer::Answer;

/// Why there is no body to look at.
pub(super) enum Unread {
    Refused(Answer),
    /// As many as may be are being put together already.
    NoRoom,
}

/// Reads a body up to the limit, within the time that one may take. One that comes in pieces needs a
/// place to be put together in.
pub(super) async fn read(body: Body, places: &Semaphore) -> Result<Bytes, Unread> {
    let wait = Duration::from_millis(limits::BODY_WAIT_MS_MAX);
    let read = tokio::time::timeout(wait, read_all(body, places)).await;
    read.unwrap_or(Err(Unread::Refused(Answer::BodyTooSlow)))
}

async fn read_all(body: Body, places: &Semaphore) -> Result<Bytes, Unread> {
    let mut parts = body.into_data_stream();
    // Nearly every body comes in one piece, which is used as it is.
    let first = match parts.next().await {
        None => return Ok(Bytes::new()),
        Some(part) => part.map_err(|_| Unread::Refused(Answer::BodyBroken))?,
    };
    let Some(second) = parts.next().await else { return whole(first.len(), first) };
    let mut pieces = Pieces::begin(places, &first);
    let mut next = Some(second);
    while let Some(part) = next {
        pieces.add(&part.map_err(|_| Unread::Refused(Answer::BodyBroken))?);
        if pieces.bytes > limits::BODY_DRAINED_BYTES_MAX {
            return Err(Unread::Refused(Answer::BodyTooLarge));
        }
        next = parts.next().await;
    }
    match pieces.place {
        Some(_) => whole(pieces.bytes, pieces.whole.into()),
        None => Err(Unread::NoRoom),
    }
}

fn whole(bytes: usize, body: Bytes) -> Result<Bytes, Unread> {
    if bytes > limits::BODY_BYTES_MAX { Err(Unread::Refused(Answer::BodyTooLarge)) } else { Ok(body) }
}

/// A body as far as it has come. Without a place nothing of it is kept, but it is read to its end: its
/// sender has to get the refusal instead of a broken connection.
struct Pieces<'a> {
    place: Option<SemaphorePermit<'a>>,
    bytes: usize,
    whole: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn begin(places: &'a Semaphore, first: &[u8]) -> Self {
        let mut pieces = Self { place: places.try_acquire().ok(), bytes: 0, whole: Vec::new() };
        pieces.add(first);
        pieces
    }

    fn add(&mut self, part: &[u8]) {
        self.bytes += part.len();
        if self.place.is_some() && self.bytes <= limits::BODY_BYTES_MAX {
            self.whole.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn in_pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<&'static str, Infallible>> = pieces.iter().map(|piece| Ok(*piece)).collect();
        Body::from_stream(tokio_stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_in_pieces_needs_a_place_and_gives_it_back() {
        let places = Semaphore::new(1);
        for _ in 0..2 {
            let read = read(in_pieces(&["{\"a\"", ":1", "}"]), &places).await;
            assert!(read.is_ok_and(|body| body == "{\"a\":1}"));
        }
        let _taken = places.try_acquire().expect("a place");
        let refused = read(in_pieces(&["{", "}"]), &places).await;
        assert!(matches!(refused, Err(Unread::NoRoom)));
        assert!(read(in_pieces(&["{}"]), &places).await.is_ok(), "one piece needs no place");
    }
}
