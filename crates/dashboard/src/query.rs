//! Questions about statistics; how they are put and answered is the query crate's.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use weir_query::{Answer, QueryError, Question, QuestionBody};

use crate::Dashboard;
use crate::answer::{ApiError, ErrorBody};
use crate::caller::Reader;
use crate::freshness::Freshness;

/// Statistics of one site. Question and answer follow Plausible's Stats API v2.
#[utoipa::path(post, path = "/api/v2/query", tag = "query", request_body = QuestionBody, responses(
    (status = 200, body = Answer),
    (status = 400, body = ErrorBody, description = "What is wrong with the question"),
    (status = 404, body = ErrorBody, description = "There is no such site, or the token may not read it"),
    (status = 503, body = ErrorBody, description = "Too many questions at once")))]
pub(crate) async fn query(
    State(dashboard): State<Dashboard>,
    reader: Reader,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Answer>, ApiError> {
    let question = Question::parse(&body?)?;
    let site = reader.site(&dashboard, question.site())?;
    let answer = dashboard.off_thread(move |dashboard| {
        // Before the figures are read: they may hold more by then, never less.
        let freshness = Freshness::of(dashboard)?;
        let mut answer = weir_query::run(&dashboard.store, &site, dashboard.clock.now(), &question)?;
        answer.meta.complete_until = Some(freshness.complete_until.to_string());
        answer.meta.pending = Some(freshness.pending);
        Ok(answer)
    });
    answer.await.map(Json)
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::BadRequest(sentence) => Self::bad_request(sentence),
            QueryError::Store(error) => error.into(),
        }
    }
}
