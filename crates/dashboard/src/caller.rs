//! Who asks: an owner by the session cookie, a program by a token, or, in the demo, everyone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use weir_event::SiteId;
use weir_registry::{Access, LoginSession, Site, User};

use crate::answer::ApiError;
use crate::origin::came_by_https;
use crate::{Arrival, Dashboard};

const COOKIE: &str = "weir_session";
/// A browser takes a cookie of this name only over https, for this host alone and every path: no
/// neighbouring subdomain can plant one.
const HOST_COOKIE: &str = "__Host-weir_session";

/// What a request shows to be let in. Held as long as the request or its stream lasts.
#[derive(Clone)]
pub(crate) enum Credential {
    Demo,
    Session(String),
    Token(String),
}

/// Someone who may read: everything, or one site.
pub(crate) struct Reader {
    pub(crate) access: Access,
    pub(crate) credential: Credential,
}

/// A person who is logged in and may change things.
pub(crate) struct Owner {
    pub(crate) user: User,
    pub(crate) token: String,
}

impl Credential {
    /// A token where one is sent, whatever cookies come along: what carries a token has passed the
    /// check of its origin, and must not act by a cookie.
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, demo: bool) -> Option<Self> {
        if demo {
            return Some(Self::Demo);
        }
        if let Some(sent) = headers.get(header::AUTHORIZATION) {
            let (scheme, token) = sent.to_str().ok()?.split_once(' ')?;
            return scheme.eq_ignore_ascii_case("Bearer").then(|| Self::Token(token.trim().to_owned()));
        }
        session_cookie(headers, arrival(extensions)).map(Self::Session)
    }

    /// What it opens at this moment: sessions end and tokens are revoked.
    pub(crate) fn access(&self, dashboard: &Dashboard) -> Option<Access> {
        match self {
            Self::Demo => Some(Access::All),
            Self::Session(token) => dashboard.registry.session(token).map(|_| Access::All),
            Self::Token(token) => dashboard.registry.token_access(token),
        }
    }
}

impl FromRequestParts<Dashboard> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Dashboard) -> Result<Self, ApiError> {
        let credential = Credential::of(&parts.headers, &parts.extensions, dashboard.demo);
        let credential = credential.ok_or_else(ApiError::unauthorized)?;
        let shown = credential.clone();
        let access = dashboard.off_thread(move |dashboard| Ok(shown.access(dashboard))).await?;
        Ok(Self { access: access.ok_or_else(ApiError::unauthorized)?, credential })
    }
}

impl Reader {
    pub(crate) fn may_read(&self, site: SiteId) -> bool {
        self.access == Access::All || self.access == Access::Site(site)
    }

    /// The site, as if others didn't exist for a token that may not read them.
    pub(crate) fn site(&self, dashboard: &Dashboard, domain: &str) -> Result<Arc<Site>, ApiError> {
        let site = dashboard.registry.site(domain).filter(|site| self.may_read(site.id));
        site.ok_or_else(|| ApiError::no_such_site(domain))
    }
}

impl FromRequestParts<Dashboard> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Dashboard) -> Result<Self, ApiError> {
        refuse_in_demo(dashboard)?;
        let Some(Credential::Session(token)) = Credential::of(&parts.headers, &parts.extensions, false)
        else {
            return Err(ApiError::unauthorized());
        };
        let shown = token.clone();
        let user = dashboard.off_thread(move |dashboard| Ok(dashboard.registry.session(&shown))).await?;
        Ok(Self { user: user.ok_or_else(ApiError::unauthorized)?, token })
    }
}

pub(crate) fn refuse_in_demo(dashboard: &Dashboard) -> Result<(), ApiError> {
    if dashboard.demo { Err(ApiError::forbidden("The demo can't be changed")) } else { Ok(()) }
}

/// What the server says of the way in, or the socket's peer.
pub(crate) fn arrival(extensions: &Extensions) -> Option<Arrival> {
    extensions.get::<Arrival>().copied()
}

pub(crate) fn client_address(extensions: &Extensions) -> IpAddr {
    let peer = || extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    // Where neither is known, all share one count of tries: too strict, never too lax.
    arrival(extensions).map(|arrival| arrival.client).or_else(peer).unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

/// The session's token. Over https the plain name is not believed: a neighbouring subdomain or an
/// attacker on the wire can plant it.
fn session_cookie(headers: &HeaderMap, arrival: Option<Arrival>) -> Option<String> {
    let find = |wanted: &str| {
        let sent = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = sent.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.to_owned()))
    };
    let by_https = arrival.is_some_and(|arrival| arrival.https);
    find(HOST_COOKIE).or_else(|| if by_https { None } else { find(COOKIE) })
}

/// How a session's cookie is set and taken back; depends on how the browser came.
pub(crate) struct CookieJar {
    secure: bool,
}

impl CookieJar {
    pub(crate) fn of(dashboard: &Dashboard, headers: &HeaderMap, extensions: &Extensions) -> Self {
        Self { secure: came_by_https(headers, arrival(extensions), dashboard.public_url.as_deref()) }
    }

    pub(crate) fn set(&self, session: &LoginSession, dashboard: &Dashboard) -> HeaderValue {
        let age_secs = ((session.expires - dashboard.clock.now()) / weir_event::Millis::SECOND).max(0);
        self.line(&session.token, age_secs)
    }

    pub(crate) fn clear(&self) -> HeaderValue {
        self.line("", 0)
    }

    fn line(&self, value: &str, age_secs: i64) -> HeaderValue {
        let (name, secure) = if self.secure { (HOST_COOKIE, "; Secure") } else { (COOKIE, "") };
        let line = format!("{name}={value}; Path=/; Max-Age={age_secs}; HttpOnly; SameSite=Lax{secure}");
        let mut line = HeaderValue::try_from(line).expect("a session token is plain ASCII");
        line.set_sensitive(true);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(line: &str, https: bool) -> Option<String> {
        let headers = [(header::COOKIE, line.parse().unwrap())].into_iter().collect();
        session_cookie(&headers, Some(Arrival { client: [127, 0, 0, 1].into(), https }))
    }

    #[test]
    fn the_host_cookie_is_preferred_and_over_https_the_only_one_believed() {
        assert_eq!(cookie("a=b; weir_session=x", false).as_deref(), Some("x"));
        assert_eq!(cookie("weir_session=x; __Host-weir_session=y", false).as_deref(), Some("y"));
        assert_eq!(cookie("weir_session=x", true), None);
        assert_eq!(cookie("__Host-weir_session=y", true).as_deref(), Some("y"));
        assert_eq!(cookie("xweir_session=x; weir_sessions=y", false), None);
    }

    #[test]
    fn a_cookie_is_for_this_host_and_out_of_a_script_s_reach() {
        let line = |secure| CookieJar { secure }.line("t", 60);
        assert_eq!(line(true), "__Host-weir_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(line(false), "weir_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert!(line(true).is_sensitive());
    }
}
