use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use weir_event::{EventId, limits};
use weir_verdicts::Asked;

use super::answer::Answer;
use super::{deliver, retry};
use crate::Ingest;

/// What became of events that their browser asked about as it sent them (`"debug":true`). An id that
/// nobody can guess is the authority: who knows it has sent the event, or was told. On the path of
/// deliveries, so that whoever passes these on under a name of their own passes on both.
pub(super) async fn verdicts(
    State(ingest): State<Ingest>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let Some(ids) = ids(query) else {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST, OPTIONS")]).into_response();
    };
    let shared = ingest.shared();
    let ip = shared.config.trusted_proxies.client_ip(peer, request.headers());
    if let Err(secs) = deliver::check_rate(shared, ip, request.headers(), 1) {
        return Answer::RateLimited { retry_after_secs: retry::spread(secs) }.into_response();
    }
    let known = shared.verdicts.ask(&ids);
    let body = json!({ "verdicts": known.iter().map(verdict).collect::<Vec<_>>() }).to_string();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::OK, headers, body).into_response()
}

fn verdict(Asked { id, fate }: &Asked) -> serde_json::Value {
    json!({ "id": id.to_string(), "verdict": fate.verdict.name(), "words": fate.words() })
}

/// `ids=ID,ID`, as many as a delivery may have; what is no id is nobody's. `None` where nothing is asked.
fn ids(query: &str) -> Option<Vec<EventId>> {
    let list = query.split('&').find_map(|pair| pair.strip_prefix("ids="))?.split(',');
    Some(list.take(limits::EVENTS_PER_DELIVERY_MAX).filter_map(|id| id.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_ids_are_asked_about_as_a_delivery_has_and_no_more() {
        let id = "0193f5d2-7c1a-7abc-8def-0123456789ab";
        let asked = |query: &str| ids(query).map(|ids| ids.len());
        assert_eq!(asked(&format!("a=b&ids=x,{id},")), Some(1));
        let many = |n| asked(&format!("ids={}", vec![id; n].join(",")));
        let max = limits::EVENTS_PER_DELIVERY_MAX;
        assert_eq!((many(max), many(max + 1)), (Some(max), Some(max)));
        assert_eq!((asked("ids="), asked("")), (Some(0), None));
    }
}
