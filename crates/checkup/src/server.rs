//! This server, as pages name it.

use thiserror::Error;
use url::Url;

/// The scripts that are always served. `OLDER` are those of other programs, whose tags go on.
const SCRIPTS: [&str; 3] = ["/y/api/v1/weir.js", "/y/api/v1/sdk.js", "/y/api/v1/sdk.core.js"];
const OLDER: [&str; 2] = ["script", "plausible"];

/// Where events may be sent to. The first is where a script sends them that is told nothing.
const ENDPOINTS: [&str; 3] = ["/x/api/v1/events", "/x/api/v1/events/beacon", "/api/event"];

/// Where pages load this server's script from.
#[derive(Debug, Clone)]
pub struct Server {
    address: Url,
    script_path: Option<String>,
    events_path: Option<String>,
}

/// The text is no address that pages could load a script from.
#[derive(Debug, Error)]
#[error("{0:?} is no address such as https://stats.example.com")]
pub struct NoAddress(String);

impl Server {
    /// The paths are those that the operator has chosen besides the usual ones.
    ///
    /// # Errors
    /// Where `address` is none.
    pub fn new(
        address: &str,
        script_path: Option<String>,
        events_path: Option<String>,
    ) -> Result<Self, NoAddress> {
        let refuse = || NoAddress(address.chars().take(100).collect());
        let whole = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
        let url = Url::parse(&whole).map_err(|_| refuse())?;
        let is_one = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_one { Ok(Self { address: url, script_path, events_path }) } else { Err(refuse()) }
    }

    pub(crate) fn host(&self) -> &str {
        self.address.host_str().unwrap_or_default()
    }

    /// By either scheme: whether http will do is another question.
    pub(crate) fn is_at(&self, url: &Url) -> bool {
        url.host_str() == self.address.host_str() && url.port() == self.address.port()
    }

    pub(crate) fn is_script(&self, path: &str) -> bool {
        SCRIPTS.contains(&path) || self.is_own_script(path) || is_older_script(path)
    }

    /// Whether a script is a tracker by its path alone, whichever server has it. The names of older
    /// scripts are common ones, so these need the attribute that their tags have.
    pub(crate) fn looks_like_script(&self, path: &str, has_domain: bool) -> bool {
        path.ends_with("/weir.js")
            || path.contains("/y/api/v1/")
            || self.is_own_script(path)
            || (has_domain && is_older_script(path))
    }

    /// That of Fusionaly, or ours in its place: a page's configuration of Fusionaly counts for no other.
    pub(crate) fn heeds_fusionaly(path: &str) -> bool {
        path == SCRIPTS[1]
    }

    fn is_own_script(&self, path: &str) -> bool {
        self.script_path.as_deref() == Some(path)
    }

    pub(crate) fn takes_events_at(&self, path: &str) -> bool {
        ENDPOINTS.contains(&path) || self.events_path.as_deref() == Some(path)
    }

    /// Where a script of this address, or of one that it is told instead, sends events to.
    pub(crate) fn usual_endpoint(address: &Url) -> Option<Url> {
        address.join(ENDPOINTS[0]).ok()
    }

    pub(crate) fn script_url(&self) -> String {
        let path = self.script_path.as_deref().unwrap_or(SCRIPTS[0]);
        format!("{}{path}", origin(&self.address))
    }
}

/// `/js/script.js`, or with extensions: `/js/script.hash.outbound-links.js`; newer, `/js/pa-AbC1.js`.
fn is_older_script(path: &str) -> bool {
    let name = path.strip_prefix("/js/").unwrap_or_default();
    if name.starts_with("pa-") {
        return name.ends_with(".js") && !name.contains('/');
    }
    let ending = OLDER.iter().find_map(|older| name.strip_prefix(older));
    ending.is_some_and(|ending| ending.starts_with('.') && ending.ends_with(".js") && !ending.contains('/'))
}

/// No name is longer.
const HOST_CHARS_MAX: usize = 253;

/// The site's own domain or a subdomain of it.
pub(crate) fn is_host_of(host: &str, domain: &str) -> bool {
    let above = host.strip_suffix(domain).filter(|_| host.len() <= HOST_CHARS_MAX);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Scheme, host and port.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_site_are_its_domain_and_what_is_below() {
        for host in ["a.test", "www.a.test", "x.y.a.test"] {
            assert!(is_host_of(host, "a.test"), "{host}");
        }
        for host in ["", "test", "ba.test", "a.test.evil.test", "a.tes"] {
            assert!(!is_host_of(host, "a.test"), "{host}");
        }
        let long = |n: usize| format!("{}.a.test", "x".repeat(n - ".a.test".len()));
        assert!(is_host_of(&long(HOST_CHARS_MAX), "a.test"));
        assert!(!is_host_of(&long(HOST_CHARS_MAX + 1), "a.test"));
    }

    #[test]
    fn every_script_that_is_served_is_known() {
        let server = Server::new("https://stats.test", Some("/s/a.js".to_owned()), None).unwrap();
        let scripts =
            ["/y/api/v1/weir.js", "/y/api/v1/sdk.js", "/s/a.js", "/js/script.js", "/js/script.hash.js"];
        for path in scripts.into_iter().chain(["/js/pa-Ab_1-c.js"]) {
            assert!(server.is_script(path), "{path}");
        }
        for path in [
            "/weir.js",
            "/js/scripts.js",
            "/js/script.js.map",
            "/js/script./x.js",
            "/js/pa-x/y.js",
            "/s/b.js",
            "/",
        ] {
            assert!(!server.is_script(path), "{path}");
        }
    }

    #[test]
    fn a_server_has_a_web_address() {
        for address in ["stats.test", "http://127.0.0.1:3000", "https://stats.test/"] {
            assert!(Server::new(address, None, None).is_ok(), "{address}");
        }
        for address in ["", "ftp://stats.test", "https://", "a b"] {
            assert!(Server::new(address, None, None).is_err(), "{address}");
        }
    }
}
