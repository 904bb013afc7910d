//! Has a site's page looked at: one at a time and so many a minute, since each goes out into the network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Extensions, HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;
use weir_checkup::{Ask, AskError, Level, Report, Server, check};
use weir_event::{Millis, limits};

use crate::Dashboard;
use crate::answer::{ApiError, Body, ErrorBody};
use crate::caller::Owner;
use crate::site::address_of_this_server;

/// Seconds after which another check has ended for certain.
const WAIT_SECS: u32 = (limits::CHECKED_PAGE_WAIT_MS_MAX / 1_000) as u32;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageCheckBody {
    /// A page of the site; its front page if none is named.
    url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PageCheckAnswer {
    /// The page that was read, behind all redirects; else the one that was asked for.
    url: String,
    /// `right`, `wrong`, `unseen` (something may add the tag later) or `unfetched`.
    verdict: &'static str,
    /// The verdict in a sentence.
    text: &'static str,
    findings: Vec<PageFinding>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PageFinding {
    /// A word for programs, such as `no-script`.
    code: &'static str,
    /// `wrong`, or `note` for what is only worth knowing.
    level: &'static str,
    text: String,
    /// What to do about it.
    advice: String,
}

/// Fetches a page of the site and says whether it loads this server's script. Only public addresses of the
/// site are reached, and nothing of the page is shown.
#[utoipa::path(post, path = "/api/sites/{domain}/check", tag = "sites", params(("domain" = String, Path)),
    request_body = PageCheckBody, responses(
    (status = 200, body = PageCheckAnswer),
    (status = 400, body = ErrorBody, description = "The page is none of the site's"),
    (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody, description = "Another check runs, or there were too many in a minute")))]
pub(crate) async fn check_page(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    _owner: Owner,
    domain: Result<Path<String>, PathRejection>,
    Body(body): Body<PageCheckBody>,
) -> Result<Json<PageCheckAnswer>, ApiError> {
    let Path(domain) = domain?;
    let site = dashboard.registry.site(&domain).ok_or_else(|| ApiError::no_such_site(&domain))?;
    let address = address_of_this_server(&dashboard, &headers, &extensions)?;
    let own = dashboard.own_paths.clone();
    let server = Server::new(&address, own.script.clone(), own.events.clone())
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let turn = dashboard.shared.page_checks.begin(dashboard.clock.now())?;
    let reach = dashboard.reach.clone();
    let done = tokio::task::spawn_blocking(move || {
        // Given back when the page is done with, not when whoever asked goes away.
        let _turn = turn;
        check(&reach, Ask { domain: &site.domain, url: body.url.as_deref(), server: &server })
    });
    let report = done.await.map_err(|error| ApiError::internal("a check of a page broke off", &error))?;
    report.map(|report| Json(PageCheckAnswer::of(&report))).map_err(ApiError::from)
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl PageCheckAnswer {
    fn of(report: &Report) -> Self {
        let findings = report.findings.iter().map(|finding| PageFinding {
            code: finding.code(),
            level: if finding.level() == Level::Note { "note" } else { "wrong" },
            text: finding.text(),
            advice: finding.advice(),
        });
        Self {
            url: report.url.clone(),
            verdict: report.verdict.code(),
            text: report.verdict.text(),
            findings: findings.collect(),
        }
    }
}

/// Which checks there were of late. A restart forgets them.
pub(crate) struct PageChecks {
    turn: Arc<Semaphore>,
    begun: Mutex<VecDeque<Millis>>,
}

impl Default for PageChecks {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), begun: Mutex::default() }
    }
}

impl PageChecks {
    fn begin(&self, now: Millis) -> Result<OwnedSemaphorePermit, ApiError> {
        let later = |sentence, secs| ApiError::later(StatusCode::TOO_MANY_REQUESTS, sentence, secs);
        let turn = self.turn.clone().try_acquire_owned();
        let turn =
            turn.map_err(|_| later("Another page is being checked: try again in a moment", WAIT_SECS))?;
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|at| (0..Millis::MINUTE).contains(&(now - *at)));
        if begun.len() >= limits::PAGE_CHECKS_PER_MINUTE_MAX {
            return Err(later("Too many pages were checked just now: wait a minute", 60));
        }
        begun.push_back(now);
        Ok(turn)
    }
}
