//! Who sent it, from where, and how it is told from every other event.

use weir_event::{EventId, Reason, VisitorId};

use super::delivery::Delivery;
use super::draft::Draft;
use crate::decode::Checked;

/// Whom a sender with a token speaks for; a browser speaks for itself.
pub(super) fn drop_invalid_ip<'d>(delivery: &mut Delivery<'d>, draft: &mut Draft<'d>) -> Result<(), Reason> {
    let Some(sender) = &delivery.sender else { return Ok(()) };
    let named = std::mem::take(&mut draft.sent.visitor);
    let Checked::Good(ip) = named.ip.or(&sender.visitor.ip) else { return Err(Reason::InvalidIp) };
    let user_agent = named.user_agent.or(&sender.visitor.user_agent);
    let Checked::Good(user_agent) = user_agent else { return Err(Reason::Malformed) };
    delivery.speak_for(ip, user_agent);
    Ok(())
}

pub(super) fn drop_excluded_ip(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    let ip = delivery.client.ip;
    let everywhere = delivery.excluded_ips.iter().any(|network| network.contains(&ip));
    if everywhere || draft.site().excludes(ip) { Err(Reason::ExcludedIp) } else { Ok(()) }
}

pub(super) fn put_client(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    draft.event.user_agent = delivery.client.user_agent.as_ref().to_owned();
    draft.event.webdriver = draft.sent.webdriver;
    draft.event.country = delivery.client.country;
}

/// Under the key of the event's own day; `None` once that is gone.
pub(super) fn put_visitor(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    draft.event.visitor = delivery.visitor_id(draft.site(), draft.event.day);
}

/// An event without an id gets one from its content, so that the same bytes sent again are the same
/// event. Only where its time is finer than a second: else two equal events of one second, such as
/// two clicks, would count once.
pub(super) fn put_id(_: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    draft.event.id = match (draft.sent.id, draft.sent.time) {
        (Some(id), _) => id,
        (None, Some(time)) if time.sub_second => content_id(draft, time.unix_ms),
        (None, _) => {
            let mut random = [0; 10];
            getrandom::fill(&mut random).expect("the operating system gives random bytes");
            EventId::from_parts(unsigned(draft.event.time.0), random)
        }
    };
}

/// The sender's own time goes in, not the corrected one: a second delivery is corrected differently.
fn content_id(draft: &Draft<'_>, unix_ms: i64) -> EventId {
    let sent = &draft.sent;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&draft.event.site.0.to_le_bytes());
    hasher.update(&draft.event.visitor.map_or(0, |VisitorId(id)| id).to_le_bytes());
    hasher.update(&[draft.event.kind as u8]);
    hasher.update(&sent.engaged_ms.to_le_bytes());
    hasher.update(&draft.event.amount.map_or(0, |amount| amount.minor).to_le_bytes());
    for text in [&*sent.url, &*sent.referrer, &*sent.name, &*draft.event.props] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut rest = [0; 10];
    rest.copy_from_slice(&hasher.finalize().as_bytes()[..10]);
    EventId::from_parts(unsigned(unix_ms), rest)
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
