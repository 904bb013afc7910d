use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use ipnet::IpNet;
use weir_event::{Country, LocalDay, Millis, SiteId, VisitorId, limits};
use weir_registry::{Access, Registry, Site, Snapshot};

use crate::Geo;
use crate::decode::SentVisitor;
use crate::page_url::origin_host;

/// What all events of a delivery share, and what was looked up for one of them already: the next one
/// is mostly of the same page and day.
pub(crate) struct Delivery<'d> {
    pub registry: &'d Registry,
    pub sites: &'d Snapshot,
    pub excluded_ips: &'d [IpNet],
    pub received: Millis,
    pub sent_at: Option<i64>,
    pub geo: &'d Geo,
    /// Whose the event at hand is: the browser's that sent the delivery, or whom its sender names.
    pub client: Client<'d>,
    pub sender: Option<Sender<'d>>,
    pub origin: Origin<'d>,
    pub last_site: Option<(String, Option<&'d Arc<Site>>)>,
    pub last_visitor: Option<(SiteId, LocalDay, Option<VisitorId>)>,
}

pub(crate) struct Client<'d> {
    pub ip: IpAddr,
    pub user_agent: Cow<'d, str>,
    pub country: Option<Country>,
}

/// A program with a token, which speaks for visitors.
pub(crate) struct Sender<'d> {
    /// Where it may send.
    pub access: Access,
    /// Whom it speaks for where an event doesn't say.
    pub visitor: SentVisitor<'d>,
}

/// The page that sent the delivery, as its browser says.
pub(crate) enum Origin<'d> {
    /// A server, or a browser that doesn't say.
    Absent,
    Site(&'d Arc<Site>),
    /// A page on a host that no site has.
    Stranger(String),
}

impl<'d> Origin<'d> {
    /// `Origin`, else `Referer`. The text `null` says nothing: sandboxed and local pages send it.
    pub(crate) fn of(headers: &HeaderMap, sites: &'d Snapshot) -> Self {
        let Some(value) = headers.get(header::ORIGIN).or_else(|| headers.get(header::REFERER)) else {
            return Self::Absent;
        };
        let text = value.to_str().unwrap_or("not a text");
        if text == "null" || text.is_empty() {
            return Self::Absent;
        }
        let host = origin_host(text).unwrap_or_default();
        sites.site_for_host(&host).map_or(Self::Stranger(host), Self::Site)
    }
}

impl<'d> Client<'d> {
    pub(crate) fn new(geo: &Geo, ip: IpAddr, user_agent: Cow<'d, str>) -> Self {
        Self { ip, user_agent: kept_user_agent(user_agent), country: geo.country(ip) }
    }
}

impl<'d> Delivery<'d> {
    /// From here on, events are of this visitor.
    pub(super) fn speak_for(&mut self, ip: IpAddr, user_agent: Cow<'d, str>) {
        let client = Client::new(self.geo, ip, user_agent);
        if (client.ip, &client.user_agent) != (self.client.ip, &self.client.user_agent) {
            self.last_visitor = None;
            self.client = client;
        }
    }

    pub(super) fn site_for_host(&mut self, host: &str) -> Option<&'d Arc<Site>> {
        match &self.last_site {
            Some((known, site)) if known == host => *site,
            _ => {
                let site = self.sites.site_for_host(host);
                self.last_site = Some((host.to_owned(), site));
                site
            }
        }
    }

    pub(super) fn visitor_id(&mut self, site: &Site, day: LocalDay) -> Option<VisitorId> {
        match self.last_visitor {
            Some((of, on, visitor)) if (of, on) == (site.id, day) => visitor,
            _ => {
                let Client { ip, user_agent, .. } = &self.client;
                let visitor = self.registry.visitor_id(site, day, self.received, *ip, user_agent);
                self.last_visitor = Some((site.id, day, visitor));
                visitor
            }
        }
    }
}

/// The user agent as far as it is kept.
fn kept_user_agent(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= limits::USER_AGENT_BYTES_MAX {
        return text;
    }
    let end = text.floor_char_boundary(limits::USER_AGENT_BYTES_MAX);
    Cow::Owned(text[..end].to_owned())
}
