//! `country_stats`, `device_stats`, `browser_stats`, `os_stats`: what a visit was made with and
//! from where. The visit's first counted event decides; an event without a visitor speaks for itself. What
//! could not be told counts under the absent value, so that shares add up to one.

use crate::{Client, Seen, ValueId};

pub(crate) fn country(seen: Seen<'_>) -> Option<ValueId> {
    Some(client(seen).country)
}

pub(crate) fn device(seen: Seen<'_>) -> Option<ValueId> {
    Some(client(seen).device)
}

pub(crate) fn browser(seen: Seen<'_>) -> Option<ValueId> {
    Some(client(seen).browser)
}

pub(crate) fn os(seen: Seen<'_>) -> Option<ValueId> {
    Some(client(seen).os)
}

fn client(seen: Seen<'_>) -> Client {
    seen.visit.map_or(seen.event.client, |visit| visit.client)
}
