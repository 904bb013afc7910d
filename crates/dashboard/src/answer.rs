//! The one place that makes error answers, reads bodies and leaves the async threads.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use utoipa::ToSchema;
use weir_event::limits;
use weir_registry::RegistryError;
use weir_store::StoreError;

use crate::Dashboard;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    sentence: Cow<'static, str>,
    retry_after_secs: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// One sentence for a person.
    error: Cow<'static, str>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { status, sentence: sentence.into(), retry_after_secs: None }
    }

    pub(crate) fn bad_request(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Log in, or send a token as `Authorization: Bearer weir_...`")
    }

    pub(crate) fn forbidden(sentence: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, sentence)
    }

    pub(crate) fn no_such_site(domain: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no site {domain:?}"))
    }

    pub(crate) fn too_many_tries(retry_after_secs: u32) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many failed tries: wait a few minutes");
        Self { retry_after_secs: Some(retry_after_secs), ..error }
    }

    pub(crate) fn busy(sentence: &'static str, retry_after_secs: u32) -> Self {
        Self::later(StatusCode::SERVICE_UNAVAILABLE, sentence, retry_after_secs)
    }

    pub(crate) fn later(
        status: StatusCode,
        sentence: impl Into<Cow<'static, str>>,
        retry_after_secs: u32,
    ) -> Self {
        Self { retry_after_secs: Some(retry_after_secs), ..Self::new(status, sentence) }
    }

    /// An error of the server's own: the log gets all of it, the answer nothing.
    pub(crate) fn internal(while_doing: &'static str, error: &dyn Display) -> Self {
        tracing::error!(%error, "{while_doing}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed; its log says why")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { error: self.sentence })).into_response();
        let headers = response.headers_mut();
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A JSON body of known shape; what is wrong with another one is said in a sentence.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => {
                Self::new(rejection.status(), "Send JSON, as `Content-Type: application/json`")
            }
            JsonRejection::BytesRejection(rejection) => rejection.into(),
            other => Self::bad_request(other.body_text()),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        let sentence = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "The body is too large",
            _ => "The body did not arrive whole",
        };
        Self::new(rejection.status(), sentence)
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl Dashboard {
    /// Runs what reads the disk where it holds up nobody, a bounded number at once.
    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.in_turn(self.shared.reads.clone(), work).await
    }

    /// As [`Self::off_thread`], for password hashes: these must not take the readers' turns.
    pub(crate) async fn off_thread_hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.in_turn(self.shared.logins.clone(), work).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        turns: Arc<Semaphore>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let wait = Duration::from_millis(limits::READ_WAIT_MS_MAX);
        let turn = timeout(wait, turns.acquire_owned()).await.ok().and_then(Result::ok);
        let turn = turn.ok_or_else(|| ApiError::busy("The server is busy: try again", 2))?;
        let dashboard = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Given back when the work is done, not when a client that asked for it goes away.
            let _turn = turn;
            work(&dashboard)
        })
        .await;
        done.unwrap_or_else(|error| Err(ApiError::internal("a request broke off", &error)))
    }
}

/// What the registry refuses a person; what fails in it is the server's own.
impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        use RegistryError as E;
        let status = match &error {
            E::InvalidDomain { .. } | E::Invalid(_) => StatusCode::BAD_REQUEST,
            E::SiteExists(_) | E::UserExists(_) | E::TokenExists(_) | E::AlreadySetUp => StatusCode::CONFLICT,
            E::NoSuchSite(_) | E::NoSuchUser(_) | E::NoSuchToken(_) => StatusCode::NOT_FOUND,
            E::WrongSetupCode => StatusCode::FORBIDDEN,
            E::TooManyTries { retry_after_secs } => return Self::too_many_tries(*retry_after_secs),
            E::Database(cause) if cause.may_pass() => {
                tracing::warn!(%error, "the registry can't be read or written right now");
                return Self::busy("The server is busy: try again", 2);
            }
            E::File { .. } | E::NoRandomness(_) | E::Hashing(_) | E::Database(_) => {
                return Self::internal("the registry failed", &error);
            }
        };
        Self::new(status, sentence(&error.to_string()))
    }
}

/// The error's words as a sentence.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Database(cause) if cause.may_pass() => {
                tracing::warn!(%error, "the statistics can't be read right now");
                Self::busy("The server is busy: try again", 2)
            }
            _ => Self::internal("the statistics could not be read", &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tempfile::TempDir;
    use tokio::sync::watch;
    use weir_event::Millis;
    use weir_queue::{Queue, QueueOptions};
    use weir_registry::Registry;
    use weir_store::Store;
    use weir_testkit::TestClock;
    use weir_verdicts::Verdicts;

    use super::*;
    use crate::{Commit, DashboardParts, Health, OwnPaths};

    fn dashboard(folder: &TempDir) -> Dashboard {
        let clock = Arc::new(TestClock::at(Millis(1_780_315_200_000)));
        Dashboard::new(DashboardParts {
            registry: Registry::open(folder.path(), clock.clone()).unwrap(),
            store: Store::open(&folder.path().join("weir.db")).unwrap().reader(),
            queue: Queue::open(&folder.path().join("queue.db"), QueueOptions::default()).unwrap(),
            commits: watch::channel(Commit::default()).1,
            verdicts: Verdicts::new(clock.clone()),
            clock,
            demo: true,
            public_url: None,
            own_paths: OwnPaths::default(),
            reach: weir_checkup::Reach::public(),
            health: Arc::new(|| Health { database_ok: true, checks: Vec::new() }),
            metrics: Arc::new(|_| String::new()),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn one_read_more_than_allowed_waits_and_is_told_that_the_server_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let dashboard = dashboard(&folder);
        let (go, gone) = mpsc::channel::<()>();
        let gone = Arc::new(std::sync::Mutex::new(gone));
        let reads: Vec<_> = (0..limits::READS_AT_ONCE_MAX)
            .map(|_| {
                let (dashboard, gone) = (dashboard.clone(), gone.clone());
                let read = move |_: &Dashboard| {
                    let _ = gone.lock().map(|gone| gone.recv());
                    Ok(())
                };
                tokio::spawn(async move { dashboard.off_thread(read).await })
            })
            .collect();
        while dashboard.shared.reads.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let one_more = dashboard.off_thread(|_| Ok(()));
        let waiting = async {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(limits::READ_WAIT_MS_MAX)).await;
        };
        let (refused, ()) = tokio::join!(one_more, waiting);
        let refused = refused.unwrap_err();
        assert_eq!((refused.status, refused.retry_after_secs), (StatusCode::SERVICE_UNAVAILABLE, Some(2)));
        // Password hashes have turns of their own.
        assert!(dashboard.off_thread_hashing(|_| Ok(())).await.is_ok());

        drop(go);
        for read in reads {
            assert!(read.await.unwrap().is_ok());
        }
        assert!(dashboard.off_thread(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn an_error_of_the_server_says_nothing_of_its_inside() {
        let folder = tempfile::tempdir().unwrap();
        let broken = dashboard(&folder).off_thread::<()>(|_| panic!("secret")).await.unwrap_err();
        let internal = ApiError::internal("a test", &"/data/secret.db: disk I/O error");
        for error in [broken, internal] {
            let response = error.into_response();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
            assert_eq!(&body[..], br#"{"error":"The server failed; its log says why"}"#);
        }
    }
}
