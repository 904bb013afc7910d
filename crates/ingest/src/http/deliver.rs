use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use weir_event::{Event, Reason, SiteId, limits};
use weir_queue::AppendError;
use weir_registry::Access;

use super::answer::{Answer, Dropped};
use super::bearer::bearer;
use super::trace::{self, Trace, sighting};
use super::{body, guard, retry};
use crate::Ingest;
use crate::admit::{Client, Delivery, Origin, Refusal, Sender, admit};
use crate::client_ip::is_cdn;
use crate::decode::{Body, Checked, Fault, Form, SentVisitor, decode, decode_plausible, mend_surrogates};
use crate::ingest::{Counts, Shared};

/// Where trackers send to, unless they are told otherwise.
pub const EVENTS_PATH: &str = "/x/api/v1/events";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Events,
    Beacon,
    Plausible,
}

/// Whether a request is what nearly all are, and [`deliver_directly`] may answer it.
pub fn is_delivery<B>(request: &axum::http::Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == EVENTS_PATH
}

/// What the route for deliveries answers, without the way through a router's layers, which takes
/// as much work as an event does.
pub async fn deliver_directly(ingest: &Ingest, peer: SocketAddr, request: Request) -> Response {
    let mut response = match guard::refusal(ingest, request.headers()) {
        Some(refused) => refused.into_response(),
        None => deliver(ingest.shared(), peer, request, Route::Events).await.into_response(),
    };
    guard::complete(response.headers_mut());
    response
}

pub(super) async fn events(
    State(ingest): State<Ingest>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Answer {
    deliver(ingest.shared(), peer, request, Route::Events).await
}

/// The same for older trackers: their beacon's 202 is as durable as any other.
pub(super) async fn beacon(
    State(ingest): State<Ingest>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Answer {
    deliver(ingest.shared(), peer, request, Route::Beacon).await
}

/// For scripts and clients that were written for Plausible.
pub(super) async fn plausible(
    State(ingest): State<Ingest>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Answer {
    deliver(ingest.shared(), peer, request, Route::Plausible).await
}

/// An event that came without a body.
pub(super) async fn deliver_read(
    ingest: &Shared,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: Body<'_>,
) -> Answer {
    Counts::add(&ingest.counts.deliveries, 1);
    let Some(_permit) = ingest.permit() else { return no_permit(ingest) };
    match ingest.queue.turn_away_if_full() {
        Ok(()) => take(ingest, peer, headers, body, Route::Events, None).await,
        Err(error) => not_appended(ingest, None, 1, error),
    }
}

/// A delivery's way, from bytes to answer.
async fn deliver(ingest: &Shared, peer: SocketAddr, request: Request, route: Route) -> Answer {
    let (head, body) = request.into_parts();
    let answer = judge(ingest, peer, &head.headers, body, route).await;
    if ingest.verdicts.is_watching() {
        trace::refused(ingest, peer, &head.headers, &answer);
    }
    answer
}

async fn judge(
    ingest: &Shared,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: axum::body::Body,
    route: Route,
) -> Answer {
    Counts::add(&ingest.counts.deliveries, 1);
    let bytes = match body::read(body, &ingest.bodies).await {
        Ok(bytes) => bytes,
        Err(body::Unread::Refused(answer)) => return refuse(ingest, answer, 1),
        Err(body::Unread::NoRoom) => return no_permit(ingest),
    };
    // After the body: a sender that trickles must not hold what others need.
    let Some(_permit) = ingest.permit() else { return no_permit(ingest) };
    // Before it is looked at: under a flood, refusing must cost next to nothing.
    if let Err(error) = ingest.queue.turn_away_if_full() {
        return not_appended(ingest, None, 1, error);
    }
    let Ok(sender) = sender_access(ingest, headers, route) else {
        return refuse(ingest, Answer::InvalidToken, 1);
    };
    let decode = if route == Route::Plausible { decode_plausible } else { decode };
    let mended;
    let body = match decode(&bytes) {
        Err(Fault::Malformed(why)) => {
            mended = mend_surrogates(&bytes).unwrap_or_default();
            decode(&mended).map_err(|_| Fault::Malformed(why))
        }
        read => read,
    };
    match body {
        Ok(body) => take(ingest, peer, headers, body, route, sender).await,
        Err(Fault::Malformed(why)) => refuse(ingest, Answer::Malformed(why), 1),
        Err(Fault::TooMany { sent }) => {
            refuse(ingest, Answer::TooMany { sent, max: limits::EVENTS_PER_DELIVERY_MAX }, sent)
        }
    }
}

/// No token of ours that may send events.
struct NoSender;

/// Where the request's token may send events; `None` for the request of a browser, which has none.
fn sender_access(ingest: &Shared, headers: &HeaderMap, route: Route) -> Result<Option<Access>, NoSender> {
    match bearer(headers).filter(|_| route == Route::Events) {
        None => Ok(None),
        Some(token) => ingest.registry.snapshot().sender_access(token).map(Some).ok_or(NoSender),
    }
}

/// What was read, judged event by event and brought to disk.
async fn take(
    ingest: &Shared,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: Body<'_>,
    route: Route,
    sender: Option<Access>,
) -> Answer {
    let ip = ingest.config.trusted_proxies.client_ip(peer, headers);
    // A sender with a token speaks for many; what all may send together bounds it as well.
    let within_rate = match sender {
        Some(_) => Ok(()),
        None => check_rate(ingest, ip, headers, body.events.len()),
    };
    if let Err(secs) = within_rate {
        Counts::add(&ingest.counts.rate_limited, 1);
        let answer = Answer::RateLimited { retry_after_secs: retry::spread(secs) };
        return refuse(ingest, answer, body.events.len());
    }
    let (form, given_up) = (body.form, body.lost);
    let mut trace = match sender {
        // It speaks for others: those who watch a browser see what that sends itself.
        Some(_) => body.is_asked.then(Trace::unwatched),
        None => Trace::of(ingest, ip, headers, body.is_asked),
    };
    let (events, refusals) = admit_all(ingest, ip, headers, body, route, sender, trace.as_mut());
    let accepted = events.len();
    // A tracker works for one site: any event says which.
    let site = events.first().map(|event| event.site);
    let site = site.or_else(|| refusals.iter().find_map(|(_, refusal)| refusal.site));
    if let Some(trace) = &trace {
        trace.begin(ingest);
    }
    let appended = append(ingest, events).await;
    if let Some(trace) = trace {
        trace.end(ingest, appended.is_ok());
    }
    if let Err(answer) = appended {
        return answer;
    }
    // Only now: a delivery that is turned away comes again and says it again.
    ingest.count_given_up(site, given_up);
    count_dropped(ingest, &refusals);
    answer(form, route, accepted, &refusals)
}

type Refused = Vec<(usize, Refusal)>;

fn admit_all(
    ingest: &Shared,
    ip: IpAddr,
    headers: &HeaderMap,
    body: Body<'_>,
    route: Route,
    sender: Option<Access>,
    mut trace: Option<&mut Trace>,
) -> (Vec<Event>, Refused) {
    let sites = ingest.registry.snapshot();
    let user_agent = user_agent(headers, body.user_agent, route);
    let sender = sender.map(|access| {
        // What it doesn't say it says of itself.
        let ip = body.visitor.ip.or(&Checked::Good(ip));
        let user_agent = body.visitor.user_agent.or(&Checked::Good(user_agent.clone()));
        Sender { access, visitor: SentVisitor { ip, user_agent } }
    });
    // No page sends with a token: there is nobody whom an origin could speak against.
    let origin = if sender.is_some() { Origin::Absent } else { Origin::of(headers, &sites) };
    let mut delivery = Delivery {
        registry: &ingest.registry,
        sites: &sites,
        excluded_ips: &ingest.config.excluded_ips,
        received: ingest.clock.now(),
        sent_at: body.sent_at,
        geo: &ingest.config.geo,
        client: Client::new(&ingest.config.geo, ip, user_agent),
        sender,
        origin,
        last_site: None,
        last_visitor: None,
    };
    let mut events = Vec::with_capacity(body.events.len());
    let mut refusals = Vec::new();
    for (index, sent) in body.events.into_iter().enumerate() {
        let sighting = trace.is_some().then(|| sighting(&sent));
        let judged = admit(&mut delivery, sent);
        if let (Some(trace), Some(sighting)) = (trace.as_mut(), sighting) {
            trace.note(sighting, &judged);
        }
        match judged {
            Ok(event) => events.push(event),
            Err(refusal) => refusals.push((index, refusal)),
        }
    }
    (events, refusals)
}

/// The header, but for an older tracker's event, which carries the browser's in its body; not on
/// the beacon route.
fn user_agent<'a>(headers: &'a HeaderMap, in_body: Option<Cow<'a, str>>, route: Route) -> Cow<'a, str> {
    let in_body = in_body.filter(|text| route == Route::Events && !text.is_empty());
    let in_header = || headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    in_body.or_else(in_header).unwrap_or_default()
}

pub(super) fn check_rate(ingest: &Shared, ip: IpAddr, headers: &HeaderMap, events: usize) -> Result<(), u32> {
    let agent = headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
    let is_crowd = ingest.crowd.note(ip, agent);
    let is_cdn = is_cdn(ip);
    Counts::add(&ingest.counts.from_cdn, usize::from(is_cdn));
    // These addresses stand for many visitors, and a limit would throttle them together. A proxy's
    // own address means that the proxy did not say whom it speaks for.
    if is_crowd || is_cdn || ingest.config.trusted_proxies.trusts(ip) {
        return Ok(());
    }
    ingest.rate_limiter.as_ref().map_or(Ok(()), |limiter| limiter.check(ip, events))
}

async fn append(ingest: &Shared, events: Vec<Event>) -> Result<(), Answer> {
    let Some(first) = events.first() else { return Ok(()) };
    let (site, n) = (first.site, events.len());
    match ingest.queue.append(events).await {
        Ok(_) => {
            Counts::add(&ingest.counts.accepted_events, n);
            Ok(())
        }
        Err(error) => Err(not_appended(ingest, Some(site), n, error)),
    }
}

fn not_appended(ingest: &Shared, site: Option<SiteId>, events: usize, error: AppendError) -> Answer {
    let retry_after_secs = match error {
        AppendError::Full { retry_after_secs, .. } => retry_after_secs,
        AppendError::Failed | AppendError::Closed => {
            Counts::add(&ingest.counts.not_written, 1);
            ingest.queue.retry_after_secs()
        }
    };
    overloaded(ingest, site, events, retry_after_secs)
}

fn no_permit(ingest: &Shared) -> Answer {
    Counts::add(&ingest.counts.without_permit, 1);
    overloaded(ingest, None, 1, ingest.queue.retry_after_secs())
}

fn overloaded(ingest: &Shared, site: Option<SiteId>, events: usize, retry_after_secs: u32) -> Answer {
    Counts::add(&ingest.counts.overloaded, 1);
    ingest.count_refusals(site, Reason::Overloaded, events as u64);
    Answer::Overloaded { retry_after_secs: retry::spread(retry_after_secs) }
}

/// A whole delivery is refused before its events are looked at.
fn refuse(ingest: &Shared, answer: Answer, events: usize) -> Answer {
    if let Some(reason) = answer.reason() {
        Counts::add(&ingest.counts.dropped_events, events);
        ingest.count_refusals(None, reason, events as u64);
    }
    answer
}

fn count_dropped(ingest: &Shared, refusals: &Refused) {
    Counts::add(&ingest.counts.dropped_events, refusals.len());
    for (_, refusal) in refusals {
        ingest.count_refusals(refusal.site, refusal.reason, 1);
        if let Some(host) = &refusal.unknown_host {
            ingest.registry.unknown_host(host);
        }
    }
}

fn answer(form: Form, route: Route, accepted: usize, refusals: &Refused) -> Answer {
    let dropped: Vec<Dropped> =
        refusals.iter().map(|(index, refusal)| Dropped { index: *index, reason: refusal.reason }).collect();
    match (form, dropped.first()) {
        (Form::OneEvent, None) if route == Route::Beacon => Answer::AcceptedBeacon,
        (Form::OneEvent, None) => Answer::AcceptedOne,
        (Form::OneEvent, Some(Dropped { reason: Reason::ExcludedIp, .. })) => Answer::Excluded,
        (Form::Plausible, first) if first.is_none_or(|dropped| is_of_the_sender(dropped.reason)) => {
            Answer::AcceptedPlausible { dropped: dropped.len() }
        }
        (_, Some(_)) if accepted == 0 => Answer::NoneAccepted(dropped),
        (Form::Batch | Form::OneEvent | Form::Plausible | Form::Pixel, _) => {
            Answer::Accepted { accepted, dropped }
        }
    }
}

/// Whether it says who may send, and not what is wrong with the event.
fn is_of_the_sender(reason: Reason) -> bool {
    use Reason::{ExcludedIp, ForeignOrigin, SiteMismatch, UnknownHost};
    matches!(reason, UnknownHost | ForeignOrigin | SiteMismatch | ExcludedIp)
}
