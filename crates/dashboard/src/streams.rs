//! How many live views are open, in all and by whom.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use weir_event::limits;

use crate::answer::ApiError;
use crate::caller::Credential;

const RETRY_AFTER_SECS: u32 = 30;

/// Live views against what there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStreams {
    pub open: usize,
    pub open_max: usize,
}

/// Counts the open views. What a credential says is not kept, only a hash of it under a key of this
/// process.
#[derive(Default)]
pub(crate) struct Streams {
    hasher: RandomState,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_credential: HashMap<u64, usize>,
}

/// One open view. Dropped, it makes room.
pub(crate) struct StreamPlace {
    streams: Arc<Streams>,
    credential: Option<u64>,
}

impl Streams {
    pub(crate) fn open(&self) -> OpenStreams {
        OpenStreams { open: self.lock().all, open_max: limits::STREAMS_MAX }
    }

    /// A place for one more view. In the demo everybody shows the same credential, which says nothing.
    pub(crate) fn take(self: &Arc<Self>, credential: &Credential) -> Result<StreamPlace, ApiError> {
        let credential = match credential {
            Credential::Demo => None,
            Credential::Session(secret) | Credential::Token(secret) => Some(self.hasher.hash_one(secret)),
        };
        let mut open = self.lock();
        if open.all >= limits::STREAMS_MAX {
            return Err(ApiError::busy("Too many live views are open: try again", RETRY_AFTER_SECS));
        }
        if let Some(credential) = credential {
            let of_this = open.by_credential.entry(credential).or_default();
            if *of_this >= limits::STREAMS_PER_CREDENTIAL_MAX {
                return Err(too_many_of_one());
            }
            *of_this += 1;
        }
        open.all += 1;
        drop(open);
        Ok(StreamPlace { streams: self.clone(), credential })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many_of_one() -> ApiError {
    let max = limits::STREAMS_PER_CREDENTIAL_MAX;
    let sentence = format!("This login or token has {max} live views open, the most that one may: close one");
    ApiError::later(StatusCode::TOO_MANY_REQUESTS, sentence, RETRY_AFTER_SECS)
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.all -= 1;
        let Some(credential) = self.credential else { return };
        // Who has none open is forgotten: the map is bounded by what is open.
        match open.by_credential.get_mut(&credential) {
            Some(of_this) if *of_this > 1 => *of_this -= 1,
            _ => {
                open.by_credential.remove(&credential);
            }
        }
    }
}
