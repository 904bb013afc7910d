//! Whether all is well: in words for the owner, in one word for a monitor.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use weir_event::limits;

use crate::Dashboard;
use crate::caller::Reader;

/// What the server found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Queue and statistics can be read and written.
    pub database_ok: bool,
    pub checks: Vec<HealthCheck>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthCheck {
    pub name: String,
    pub ok: bool,
    /// A sentence: what was found, and what helps.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Ok,
    Degraded,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    status: Status,
    checks: Vec<HealthCheck>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PublicHealthAnswer {
    status: Status,
    timestamp: String,
    /// `ok` or `error`.
    db_status: &'static str,
}

impl Health {
    fn status(&self) -> Status {
        let ok = self.database_ok && self.checks.iter().all(|check| check.ok);
        if ok { Status::Ok } else { Status::Degraded }
    }
}

/// What was found, check by check.
#[utoipa::path(get, path = "/api/health", tag = "health", responses((status = 200, body = HealthAnswer)))]
pub(crate) async fn health(State(dashboard): State<Dashboard>, _reader: Reader) -> Json<HealthAnswer> {
    let health = look(&dashboard).await;
    Json(HealthAnswer { status: health.status(), checks: health.checks })
}

/// For monitors: always 200, the finding is in the body. Public, hence without details.
#[utoipa::path(get, path = "/_health", tag = "health", security(()),
    responses((status = 200, body = PublicHealthAnswer)))]
pub(crate) async fn public_health(State(dashboard): State<Dashboard>) -> Json<PublicHealthAnswer> {
    let health = look(&dashboard).await;
    Json(PublicHealthAnswer {
        status: health.status(),
        timestamp: dashboard.clock.now().to_string(),
        db_status: if health.database_ok { "ok" } else { "error" },
    })
}

/// Looks again at most once per [`limits::HEALTH_AGE_MS_MAX`], one look at a time: the route is
/// open to everyone.
async fn look(dashboard: &Dashboard) -> Health {
    let now = dashboard.clock.now();
    let mut last = dashboard.shared.last_health.lock().await;
    if let Some((at, health)) = last.as_ref()
        && (now - *at).abs() < limits::HEALTH_AGE_MS_MAX
    {
        return health.clone();
    }
    let check = dashboard.health.clone();
    let health = tokio::task::spawn_blocking(move || check()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the health check broke off");
        Health { database_ok: false, checks: Vec::new() }
    });
    *last = Some((now, health.clone()));
    health
}
