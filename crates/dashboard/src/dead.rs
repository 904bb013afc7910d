//! Rows that could not be folded: which there are, and wishes to try them again or to give them up.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use weir_event::{Control, SiteId, limits};
use weir_queue::Entry;
use weir_registry::{Access, Registry};
use weir_store::{DeadLine, StoreError, StoreReader};

use crate::Dashboard;
use crate::answer::{ApiError, Body, ErrorBody};
use crate::caller::{Owner, Reader};

/// Stable: `weir dead list` prints the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadList {
    /// How many there are; `dead` lists no more than 1,000 of them, oldest first.
    pub total: u64,
    pub dead: Vec<DeadRow>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeadRow {
    /// What it is called by; never used again.
    pub number: u64,
    /// The domain, or `(removed site N)`.
    pub site: String,
    /// The site's local day of receipt, such as `2026-06-01`.
    pub day: String,
    /// `event`, or `control` for a wish such as removing a site, which is in no books.
    pub kind: &'static str,
    /// Why it could not be folded.
    pub error: String,
}

/// Which dead rows are meant.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadChoice {
    /// These numbers.
    #[serde(default)]
    pub numbers: Vec<u64>,
    /// Or all that are listed.
    #[serde(default)]
    pub all: bool,
    /// Only of this site.
    #[serde(default)]
    pub site: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadAsked {
    /// Rows that the server will try again or give up, in a moment.
    asked: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadAction {
    Replay,
    Drop,
}

/// Why no wish can be made of a choice.
#[derive(Debug, thiserror::Error)]
pub enum PickError {
    #[error("Say which: numbers, or all")]
    Nothing,
    #[error("At most {} numbers at a time", limits::DEAD_LISTED_MAX)]
    TooMany,
    #[error("There is no dead row {0}")]
    Unknown(u64),
    #[error("There is no site {0:?}")]
    NoSite(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadQuery {
    /// Only of this site.
    site: Option<String>,
}

/// Rows that could not be folded, without what they hold. Of all sites, hence not for a token that may
/// read one site only.
#[utoipa::path(get, path = "/api/dead", tag = "health", params(DeadQuery), responses(
    (status = 200, body = DeadList),
    (status = 401, body = ErrorBody, description = "No login, and no token for all sites"),
    (status = 404, body = ErrorBody, description = "There is no such site")))]
pub(crate) async fn dead(
    State(dashboard): State<Dashboard>,
    reader: Reader,
    query: Result<Query<DeadQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<DeadList>, ApiError> {
    if reader.access != Access::All {
        return Err(ApiError::unauthorized());
    }
    let Query(DeadQuery { site }) = query?;
    let list = dashboard
        .off_thread(move |dashboard| Ok(list_dead(&dashboard.store, &dashboard.registry, site.as_deref())?));
    list.await.map(Json)
}

/// Tries dead rows again: after an upgrade, or when what was wrong with the server is mended.
#[utoipa::path(post, path = "/api/dead/replay", tag = "health", request_body = DeadChoice, responses(
    (status = 202, body = DeadAsked),
    (status = 404, body = ErrorBody, description = "There is no such row or site")))]
pub(crate) async fn replay(
    State(dashboard): State<Dashboard>,
    _owner: Owner,
    Body(choice): Body<DeadChoice>,
) -> Result<(StatusCode, Json<DeadAsked>), ApiError> {
    wish(dashboard, choice, DeadAction::Replay).await
}

/// Gives dead rows up. The ledger counts them as dropped.
#[utoipa::path(post, path = "/api/dead/drop", tag = "health", request_body = DeadChoice, responses(
    (status = 202, body = DeadAsked),
    (status = 404, body = ErrorBody, description = "There is no such row or site")))]
pub(crate) async fn drop_rows(
    State(dashboard): State<Dashboard>,
    _owner: Owner,
    Body(choice): Body<DeadChoice>,
) -> Result<(StatusCode, Json<DeadAsked>), ApiError> {
    wish(dashboard, choice, DeadAction::Drop).await
}

async fn wish(
    dashboard: Dashboard,
    choice: DeadChoice,
    action: DeadAction,
) -> Result<(StatusCode, Json<DeadAsked>), ApiError> {
    let asked = dashboard.off_thread(move |dashboard| {
        let wishes = pick_dead(&dashboard.store, &dashboard.registry, &choice, action)?;
        let asked = wishes.len();
        let entries = wishes.into_iter().map(Entry::Control).collect();
        match dashboard.queue.append_blocking(entries) {
            Ok(_) => Ok(DeadAsked { asked }),
            Err(error) => {
                tracing::error!(%error, "a wish about dead rows could not be written down");
                Err(ApiError::busy("The server could not write the wish down", 60))
            }
        }
    });
    Ok((StatusCode::ACCEPTED, Json(asked.await?)))
}

/// # Errors
/// No such site, or what the file reports.
pub fn list_dead(
    store: &StoreReader,
    registry: &Registry,
    site: Option<&str>,
) -> Result<DeadList, PickError> {
    let site = site_of(registry, site)?;
    let (lines, total) = store.read(|reading| reading.dead(site, limits::DEAD_LISTED_MAX))?;
    let dead = lines.into_iter().map(|line| DeadRow::of(line, registry)).collect();
    Ok(DeadList { total, dead })
}

/// The wishes that carry out `action` on the rows chosen: all of them exist, at most so many as are
/// listed.
///
/// # Errors
/// Nothing was chosen, or something that isn't there.
pub fn pick_dead(
    store: &StoreReader,
    registry: &Registry,
    choice: &DeadChoice,
    action: DeadAction,
) -> Result<Vec<Control>, PickError> {
    if choice.all != choice.numbers.is_empty() {
        return Err(PickError::Nothing);
    }
    if choice.numbers.len() > limits::DEAD_LISTED_MAX {
        return Err(PickError::TooMany);
    }
    let site = site_of(registry, choice.site.as_deref())?;
    let of_site = |line: &DeadLine| site.is_none_or(|site| site == line.site);
    let lines = if choice.all {
        store.read(|reading| reading.dead(site, limits::DEAD_LISTED_MAX))?.0
    } else {
        let find = |number: &u64| {
            let line = store.read(|reading| reading.find_dead(*number))?;
            line.filter(of_site).ok_or(PickError::Unknown(*number))
        };
        choice.numbers.iter().map(find).collect::<Result<_, PickError>>()?
    };
    let wish = |line: DeadLine| match action {
        DeadAction::Replay => Control::ReplayDead { queue: line.queue, seq: line.seq },
        DeadAction::Drop => Control::DropDead { queue: line.queue, seq: line.seq },
    };
    Ok(lines.into_iter().map(wish).collect())
}

fn site_of(registry: &Registry, domain: Option<&str>) -> Result<Option<SiteId>, PickError> {
    let Some(domain) = domain else { return Ok(None) };
    match registry.site(domain) {
        Some(site) => Ok(Some(site.id)),
        None => Err(PickError::NoSite(domain.to_owned())),
    }
}

impl DeadRow {
    fn of(line: DeadLine, registry: &Registry) -> Self {
        let site = registry.site_by_id(line.site).map(|site| site.domain.clone());
        Self {
            number: line.number,
            site: site.unwrap_or_else(|| format!("(removed site {})", line.site)),
            day: line.received_day.to_string(),
            kind: if line.is_event { "event" } else { "control" },
            error: line.error,
        }
    }
}

impl From<PickError> for ApiError {
    fn from(error: PickError) -> Self {
        match error {
            PickError::Nothing | PickError::TooMany => Self::bad_request(error.to_string()),
            PickError::Unknown(_) | PickError::NoSite(_) => {
                Self::new(StatusCode::NOT_FOUND, error.to_string())
            }
            PickError::Store(error) => error.into(),
        }
    }
}
