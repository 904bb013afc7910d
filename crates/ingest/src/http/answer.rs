use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use weir_event::Reason;

const PLAUSIBLE_DROPPED: HeaderName = HeaderName::from_static("x-plausible-dropped");

/// Every answer that the edge gives, and the one place that puts it into words.
#[derive(Debug)]
pub(super) enum Answer {
    /// At least one event is on disk, or the delivery had none.
    Accepted {
        accepted: usize,
        dropped: Vec<Dropped>,
    },
    /// The older form's event is on disk.
    AcceptedOne,
    /// The same, sent to the beacon route.
    AcceptedBeacon,
    /// An event in Plausible's form is on disk, or was left out by who sent it: either is a success
    /// there, and a header says which.
    AcceptedPlausible {
        dropped: usize,
    },
    /// The older form's event comes from an excluded address. No error: older trackers send again
    /// whatever is not a success, for ever.
    Excluded,
    /// Each event was refused.
    NoneAccepted(Vec<Dropped>),
    Malformed(String),
    TooMany {
        sent: usize,
        max: usize,
    },
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    HeadersTooLarge,
    /// It shows a token that may not send events. Never taken for a browser's delivery: who shows a
    /// token means to speak for others.
    InvalidToken,
    RateLimited {
        retry_after_secs: u32,
    },
    Overloaded {
        retry_after_secs: u32,
    },
}

/// An event that was not taken: its place in the delivery, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropped {
    pub index: usize,
    pub reason: Reason,
}

impl Answer {
    /// Why a whole delivery was refused; `None` where its events have reasons of their own.
    pub(super) fn reason(&self) -> Option<Reason> {
        match self {
            Self::Accepted { .. } | Self::AcceptedOne | Self::AcceptedBeacon => None,
            Self::AcceptedPlausible { .. } | Self::Excluded | Self::NoneAccepted(_) => None,
            Self::Malformed(_) | Self::BodyTooSlow | Self::BodyBroken => Some(Reason::Malformed),
            Self::TooMany { .. } => Some(Reason::TooMany),
            Self::BodyTooLarge | Self::HeadersTooLarge => Some(Reason::TooLarge),
            Self::InvalidToken => Some(Reason::InvalidToken),
            Self::RateLimited { .. } => Some(Reason::RateLimited),
            Self::Overloaded { .. } => Some(Reason::Overloaded),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Accepted { accepted, dropped } => json_text(
                StatusCode::ACCEPTED,
                format!("{{\"accepted\":{accepted},\"dropped\":{}}}", list(&dropped)),
            ),
            Self::AcceptedOne => json_text(
                StatusCode::ACCEPTED,
                r#"{"message":"Event added successfully","status":202}"#.to_owned(),
            ),
            Self::AcceptedBeacon => (StatusCode::ACCEPTED, "Accepted").into_response(),
            Self::AcceptedPlausible { dropped } => accepted_plausible(dropped),
            Self::Excluded => json_text(
                StatusCode::ACCEPTED,
                json!({"message": "Event ignored: the address is excluded", "status": 202, "accepted": 0,
                    "reason": Reason::ExcludedIp.name()})
                .to_string(),
            ),
            Self::NoneAccepted(dropped) => none_accepted(&dropped),
            Self::Malformed(why) => refusal(StatusCode::BAD_REQUEST, Reason::Malformed, &why),
            Self::TooMany { sent, max } => refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                Reason::TooMany,
                &format!("{sent} events in one delivery; at most {max} are taken"),
            ),
            Self::BodyTooLarge => {
                refusal(StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge, "The body is larger than 64 KB")
            }
            Self::BodyTooSlow => closing(refusal(
                StatusCode::REQUEST_TIMEOUT,
                Reason::Malformed,
                "The body did not arrive in time",
            )),
            Self::BodyBroken => {
                closing(refusal(StatusCode::BAD_REQUEST, Reason::Malformed, "The body ended early"))
            }
            Self::HeadersTooLarge => closing(refusal(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                Reason::TooLarge,
                "The request's headers are larger than 16 KB",
            )),
            Self::InvalidToken => invalid_token(),
            Self::RateLimited { retry_after_secs } => later(
                StatusCode::TOO_MANY_REQUESTS,
                Reason::RateLimited,
                "Too many events from this address",
                retry_after_secs,
            ),
            Self::Overloaded { retry_after_secs } => later(
                StatusCode::SERVICE_UNAVAILABLE,
                Reason::Overloaded,
                "The server is busy; nothing was taken",
                retry_after_secs,
            ),
        }
    }
}

/// The same for a token that is none, one that was revoked, and one that reads.
fn invalid_token() -> Response {
    let sentence = "This token may not send events; `weir token create --events` makes one that may";
    let mut response = refusal(StatusCode::UNAUTHORIZED, Reason::InvalidToken, sentence);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn accepted_plausible(dropped: usize) -> Response {
    let mut response = (StatusCode::ACCEPTED, "ok").into_response();
    if dropped > 0 {
        response.headers_mut().insert(PLAUSIBLE_DROPPED, HeaderValue::from(dropped));
    }
    response
}

/// One reason for all has an answer of its own where trackers or people act on it.
fn none_accepted(dropped: &[Dropped]) -> Response {
    let first = dropped.first().map_or(Reason::Malformed, |dropped| dropped.reason);
    let same = dropped.iter().all(|dropped| dropped.reason == first);
    let dropped = || dropped.iter().map(|d| json!({"index": d.index, "reason": d.reason.name()}));
    let (status, body) = match first {
        Reason::UnknownHost if same => (
            StatusCode::BAD_REQUEST,
            json!({"error": "Website not found - please register your domain first", "code": "WEBSITE_NOT_FOUND",
                "reason": first.name()}),
        ),
        Reason::ForeignOrigin | Reason::SiteMismatch if same => {
            (StatusCode::FORBIDDEN, json!({"error": "Invalid origin", "reason": first.name()}))
        }
        Reason::TokenMismatch if same => {
            (StatusCode::FORBIDDEN, json!({"error": sentence(first), "reason": first.name()}))
        }
        _ => (
            StatusCode::BAD_REQUEST,
            json!({"error": sentence(first), "reason": first.name(), "accepted": 0,
                "dropped": dropped().collect::<Vec<_>>()}),
        ),
    };
    json_text(status, body.to_string())
}

fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Malformed => {
            "The event has no known type, an id that is no UUID, or a member of another kind than it should have"
        }
        Reason::InvalidUrl => "The URL must be a whole http or https address of at most 4096 bytes",
        Reason::ExcludedIp => "The address is excluded",
        Reason::TooOld => "The event is more than 24 hours old",
        Reason::InvalidName => "The event's name must have 1 to 120 bytes and no control characters",
        Reason::InvalidProps => {
            "The event's properties must be an object of at most 30 texts, numbers and booleans, without control \
             characters"
        }
        Reason::InvalidAmount => "The event's revenue must have a decimal amount and an ISO 4217 currency",
        Reason::TokenMismatch => "The token is for another site",
        Reason::InvalidIp => "The visitor's ip must be an IPv4 or IPv6 address",
        Reason::InvalidText => "The referrer and the user agent must have no control characters",
        _ => "No event of this delivery could be taken",
    }
}

fn list(dropped: &[Dropped]) -> String {
    let items: Vec<String> =
        dropped.iter().map(|d| format!("{{\"index\":{},\"reason\":\"{}\"}}", d.index, d.reason)).collect();
    format!("[{}]", items.join(","))
}

fn refusal(status: StatusCode, reason: Reason, sentence: &str) -> Response {
    json_text(status, json!({"error": sentence, "reason": reason.name()}).to_string())
}

/// The wait stands in the body, too: not every proxy lets a page read the header.
fn later(status: StatusCode, reason: Reason, sentence: &str, retry_after_secs: u32) -> Response {
    let body = json!({"error": sentence, "reason": reason.name(), "retryAfter": retry_after_secs});
    let mut response = json_text(status, body.to_string());
    response.headers_mut().insert(header::RETRY_AFTER, retry_after_secs.into());
    response
}

pub(super) fn json_text(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

/// What is left of the request can't be told from the next one.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
