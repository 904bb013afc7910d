use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use weir_event::{Event, Kind, limits};
use weir_verdicts::{Seen, Sighting, Who};

use super::answer::Answer;
use crate::admit::Refusal;
use crate::decode::{Action, Malformed, SentEvent};
use crate::ingest::Shared;

/// What is noted of a delivery's events on their way, for whoever asks about them.
pub(super) struct Trace {
    /// Who sent it, if somebody watches them.
    who: Option<Who>,
    seen: Vec<Seen>,
}

impl Trace {
    /// `None` where nobody asks, as for nearly every delivery.
    pub fn of(ingest: &Shared, ip: IpAddr, headers: &HeaderMap, is_asked: bool) -> Option<Self> {
        if !is_asked && !ingest.verdicts.is_watching() {
            return None;
        }
        let who = watched(ingest, ip, headers);
        (is_asked || who.is_some()).then(|| Self { who, seen: Vec::new() })
    }

    /// Of a sender whom nobody watches: its events are asked about by their ids alone.
    pub fn unwatched() -> Self {
        Self { who: None, seen: Vec::new() }
    }

    pub fn note(&mut self, sighting: Sighting, judged: &Result<Event, Refusal>) {
        let seen = match judged {
            Ok(event) => {
                let sighting = Sighting { id: Some(event.id), site: Some(event.site), ..sighting };
                Seen { sighting, refused: None }
            }
            Err(Refusal { reason, site, .. }) => {
                Seen { sighting: Sighting { site: *site, ..sighting }, refused: Some(*reason) }
            }
        };
        self.seen.push(seen);
    }

    /// Before the queue has them.
    pub fn begin(&self, ingest: &Shared) {
        ingest.verdicts.begin(self.who, &self.seen);
    }

    /// Once the queue has them, or would not take them.
    pub fn end(self, ingest: &Shared, appended: bool) {
        if appended {
            ingest.verdicts.answered(self.who, self.seen);
        } else {
            ingest.verdicts.give_up(&self.seen);
        }
    }
}

/// What is told of an event, read before it is judged.
pub(super) fn sighting(sent: &Result<SentEvent<'_>, Malformed>) -> Sighting {
    let Ok(sent) = sent else {
        return Sighting {
            id: None,
            site: None,
            kind: Kind::PageView,
            url: String::new(),
            name: String::new(),
        };
    };
    let kind = match sent.action {
        Action::PageView => Kind::PageView,
        Action::Custom { .. } => Kind::Custom,
        Action::Engagement => Kind::Engagement,
    };
    let url = cut(sent.url.split(['?', '#']).next().unwrap_or_default(), limits::PATH_BYTES_MAX);
    Sighting { id: sent.id, site: None, kind, url, name: cut(&sent.name, limits::EVENT_NAME_BYTES_MAX) }
}

/// It is not judged yet: it may be of any length.
fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

/// Tells whoever watches the sender that a whole delivery was refused.
pub(super) fn refused(ingest: &Shared, peer: SocketAddr, headers: &HeaderMap, answer: &Answer) {
    let Some(reason) = answer.reason() else { return };
    let ip = ingest.config.trusted_proxies.client_ip(peer, headers);
    if let Some(who) = watched(ingest, ip, headers) {
        ingest.verdicts.refused(who, reason);
    }
}

fn watched(ingest: &Shared, ip: IpAddr, headers: &HeaderMap) -> Option<Who> {
    let agent = headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
    let who = ingest.verdicts.who(ip, agent);
    ingest.verdicts.is_watched(who).then_some(who)
}
