use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::{deliver, guard, me, pixel, sdk, verdicts};
use crate::Ingest;

/// The routes that trackers use. Serve them with
/// `into_make_service_with_connect_info::<SocketAddr>()`: the peer's address decides whose word
/// about the client's address counts.
pub fn routes(ingest: Ingest) -> Router {
    Router::new()
        .route(deliver::EVENTS_PATH, post(deliver::events).get(verdicts::verdicts).options(preflight))
        .route("/x/api/v1/events/beacon", post(deliver::beacon).options(preflight))
        .route("/api/event", post(deliver::plausible).options(preflight))
        .route("/x/api/v1/me", get(me::me).options(preflight))
        .route("/x/api/v1/you", get(me::me).options(preflight))
        .route("/y/api/v1/pixel.gif", get(pixel::pixel).head(pixel::head))
        .route("/js/{script}", get(sdk::plausible).options(preflight))
        .route(sdk::SCRIPT_PATH, get(sdk::whole).options(preflight))
        .route("/y/api/v1/sdk.js", get(sdk::older).options(preflight))
        .route("/y/api/v1/sdk.core.js", get(sdk::core).options(preflight))
        // The handlers read the body themselves, within their own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(ingest.clone(), guard::guard))
        .with_state(ingest)
}

/// What a browser asks before it sends JSON or a token; the answer is in the headers that every
/// answer has.
async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}
