//! Every route, once: what answers it and what the OpenAPI document says of it.

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Json, Router};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use weir_event::limits;

use crate::answer::ApiError;
use crate::{
    Dashboard, dead, headers, health, ledger, live, metrics, origin, page_check, query, session, site, ui,
    watch,
};

/// Answers below this many bytes fit a packet either way.
const COMPRESSED_BYTES_MIN: u64 = 1_024;

#[derive(OpenApi)]
#[openapi(
    info(title = "Weir", description = "Web analytics: sites, statistics, live updates, the ledger.",
        license(name = "MIT")),
    security(("session" = []), ("token" = [])),
    tags(
        (name = "query", description = "Statistics"),
        (name = "sites"),
        (name = "session", description = "For people"),
        (name = "health", description = "Whether all is well, and what became of every event"))
)]
struct Document;

/// The API, `/_health` and the user interface. The server serves it with the socket's address
/// (`into_make_service_with_connect_info`) or puts an [`crate::Arrival`] into each request.
pub fn routes(dashboard: Dashboard) -> Router {
    let (router, document) = described().split_for_parts();
    let document = Json(finished(document));
    let compress = SizeAbove::new(COMPRESSED_BYTES_MIN).and(NotForContentType::SSE);
    router
        .route("/api/openapi.json", axum::routing::get(move || async { document }))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(ui::serve)
        .layer(CompressionLayer::new().compress_when(compress))
        .layer(from_fn_with_state(dashboard.clone(), origin::same_origin))
        .layer(from_fn(headers::secure))
        .with_state(dashboard)
}

/// The OpenAPI document, as `GET /api/openapi.json` gives it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    finished(described().into_openapi())
}

fn described() -> OpenApiRouter<Dashboard> {
    let account = OpenApiRouter::new()
        .routes(routes!(session::session))
        .routes(routes!(session::setup))
        .routes(routes!(session::login))
        .routes(routes!(session::logout))
        .routes(routes!(session::password))
        .routes(routes!(site::sites, site::add_site))
        .routes(routes!(site::change_site, site::remove_site))
        .routes(routes!(site::install))
        .routes(routes!(page_check::check_page))
        .routes(routes!(dead::dead))
        .routes(routes!(dead::replay))
        .routes(routes!(dead::drop_rows))
        .layer(DefaultBodyLimit::max(limits::ACCOUNT_BODY_BYTES_MAX));
    let figures = OpenApiRouter::new()
        .routes(routes!(query::query))
        .routes(routes!(live::live))
        .routes(routes!(watch::verdicts))
        .routes(routes!(ledger::ledger))
        .routes(routes!(health::health))
        .routes(routes!(health::public_health))
        .routes(routes!(metrics::metrics))
        .layer(DefaultBodyLimit::max(limits::QUERY_BODY_BYTES_MAX));
    OpenApiRouter::with_openapi(Document::openapi()).merge(account).merge(figures)
}

fn finished(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("weir_session")));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("weir token create"));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("session", cookie);
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    document
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This address has no such method")
}
