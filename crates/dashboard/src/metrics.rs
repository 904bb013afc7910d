//! The server's figures for a program that collects them.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use weir_registry::Access;

use crate::Dashboard;
use crate::answer::{ApiError, ErrorBody};
use crate::caller::Reader;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters and gauges in Prometheus' text format: every layer against its limit, and what was
/// refused. Of the whole server, hence not for a token that may read one site only.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 401, body = ErrorBody, description = "No login, and no token for all sites")))]
pub(crate) async fn metrics(
    State(dashboard): State<Dashboard>,
    reader: Reader,
) -> Result<Response, ApiError> {
    if reader.access != Access::All {
        return Err(ApiError::unauthorized());
    }
    let open = dashboard.shared.streams.open();
    let text = dashboard.off_thread(move |dashboard| Ok((dashboard.metrics)(open))).await?;
    Ok(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response())
}
