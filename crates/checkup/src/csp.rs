//! What a page's Content-Security-Policy lets through, by the W3C's third level.

use std::collections::BTreeMap;

use url::Url;

use crate::content::Script;

/// What of a policy is heeded; those that sites write are far below. More would make a page of one policy and many
/// tags a day's work.
pub(crate) const HEADER_POLICIES_MAX: usize = 20;
const DIRECTIVES_MAX: usize = 50;
const SOURCES_MAX: usize = 500;

/// One policy. A page may have several; each has to let a request through.
#[derive(Debug)]
pub(crate) struct Policy(BTreeMap<String, Vec<String>>);

/// Every policy of a header: a comma parts them.
pub(crate) fn policies(header: &str) -> impl Iterator<Item = Policy> {
    header.split(',').take(HEADER_POLICIES_MAX).map(Policy::of)
}

impl Policy {
    fn of(text: &str) -> Self {
        let mut directives = BTreeMap::new();
        for directive in text.split(';').take(DIRECTIVES_MAX) {
            let mut words = directive.split_ascii_whitespace().map(str::to_owned);
            if let Some(name) = words.next() {
                // The first of a name counts.
                directives
                    .entry(name.to_ascii_lowercase())
                    .or_insert_with(|| words.take(SOURCES_MAX).collect());
            }
        }
        Self(directives)
    }

    fn first_of(&self, names: &[&str]) -> Option<&[String]> {
        names.iter().find_map(|name| self.0.get(*name)).map(Vec::as_slice)
    }

    pub(crate) fn lets_load(&self, page: &Url, address: &Url, script: &Script) -> bool {
        let Some(sources) = self.first_of(&["script-src-elem", "script-src", "default-src"]) else {
            return true;
        };
        if is_named(sources, "nonce-", &script.nonce) || has_all_hashes(sources, &script.integrity) {
            return true;
        }
        // Then hosts count for nothing: only a nonce or a hash lets a page's own tag in.
        !has(sources, "'strict-dynamic'") && lets_through(sources, page, address)
    }

    /// Whether browsers ask by https for what the page wants by http.
    pub(crate) fn upgrades(&self) -> bool {
        self.0.contains_key("upgrade-insecure-requests")
    }

    pub(crate) fn lets_connect(&self, page: &Url, address: &Url) -> bool {
        let sources = self.first_of(&["connect-src", "default-src"]);
        sources.is_none_or(|sources| lets_through(sources, page, address))
    }
}

fn has(sources: &[String], word: &str) -> bool {
    sources.iter().any(|source| source.eq_ignore_ascii_case(word))
}

/// Unlike all else, a nonce and a hash are compared letter by letter.
fn is_named(sources: &[String], kind: &str, value: &str) -> bool {
    let names = |source: &String| {
        let inner = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        inner.and_then(|inner| inner.strip_prefix(kind)) == Some(value)
    };
    !value.is_empty() && sources.iter().any(names)
}

fn has_all_hashes(sources: &[String], integrity: &str) -> bool {
    let mut hashes = integrity.split_ascii_whitespace().peekable();
    hashes.peek().is_some() && hashes.all(|hash| is_named(sources, "", hash))
}

fn lets_through(sources: &[String], page: &Url, address: &Url) -> bool {
    sources.iter().any(|source| matches(source, page, address))
}

fn matches(source: &str, page: &Url, address: &Url) -> bool {
    let source_lower = source.to_ascii_lowercase();
    match source_lower.as_str() {
        "*" => true,
        "'self'" => {
            page.host_str() == address.host_str()
                && scheme_fits(page.scheme(), address)
                && port_fits(page.port(), page.scheme(), address)
        }
        keyword if keyword.starts_with('\'') => false,
        scheme if scheme.ends_with(':') => scheme_fits(scheme.trim_end_matches(':'), address),
        _ => host_fits(source, page, address),
    }
}

/// What is allowed by http is allowed by https.
fn scheme_fits(scheme: &str, address: &Url) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    address.scheme() == scheme || (scheme == "http" && address.scheme() == "https")
}

fn port_fits(port: Option<u16>, scheme: &str, address: &Url) -> bool {
    let usual = |scheme: &str| if scheme == "https" { 443 } else { 80 };
    let asked = address.port_or_known_default();
    let allowed = port.unwrap_or_else(|| usual(scheme));
    asked == Some(allowed) || (allowed == 80 && asked == Some(443))
}

/// `[scheme://]host[:port][/path]`
fn host_fits(source: &str, page: &Url, address: &Url) -> bool {
    let (scheme, rest) = source.split_once("://").unwrap_or((page.scheme(), source));
    let (place, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
    let fits_port = match port {
        "*" => true,
        "" => address.port().is_none(),
        port => port.parse().is_ok_and(|port| port_fits(Some(port), scheme, address)),
    };
    scheme_fits(scheme, address)
        && name_fits(&host.to_ascii_lowercase(), address.host_str().unwrap_or_default())
        && fits_port
        && path_fits(path, address.path())
}

/// A star stands for one or more labels, and not for none.
fn name_fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(end) => end.starts_with('.') && host.len() > end.len() && host.ends_with(end),
        None => pattern == host,
    }
}

fn path_fits(pattern: &str, path: &str) -> bool {
    match pattern {
        "" | "/" => true,
        folder if folder.ends_with('/') => path.starts_with(folder),
        whole => whole == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://shop.test/cart";
    const SCRIPT: &str = "https://stats.test/y/api/v1/weir.js";

    #[track_caller]
    fn check_load(lets: bool, policy: &str, page: &str, address: &str, script: &Script) {
        let (page, address) = (Url::parse(page).unwrap(), Url::parse(address).unwrap());
        let all = policies(policy).all(|policy| policy.lets_load(&page, &address, script));
        assert_eq!(all, lets, "{policy} for {address} on {page}");
    }

    #[track_caller]
    fn check(lets: bool, policy: &str) {
        check_load(lets, policy, PAGE, SCRIPT, &Script::default());
    }

    #[test]
    fn the_narrowest_directive_that_is_there_decides() {
        check(true, "");
        check(true, "img-src 'none'");
        check(false, "default-src 'self'");
        check(true, "default-src 'self'; script-src stats.test");
        check(false, "script-src stats.test; script-src-elem 'self'");
        check(false, "SCRIPT-SRC 'self'; script-src *");
        check(false, "script-src");
        check(false, "script-src 'none'");
        check(false, "script-src *, script-src 'self'");
    }

    #[test]
    fn hosts_schemes_ports_and_paths_have_to_fit() {
        for source in ["*", "https:", "http:", "stats.test", "STATS.test", "https://stats.test", "*.test"] {
            check(true, &format!("script-src 'self' {source}"));
        }
        for source in
            ["http://stats.test", "stats.test:443", "stats.test:*", "stats.test:80", "stats.test/y/"]
        {
            check(true, &format!("script-src {source}"));
        }
        check(true, "script-src stats.test/y/api/v1/weir.js");
        for source in ["data:", "wss://stats.test", "test", "*.stats.test", "stats.test:8443", "stats.test/y"]
        {
            check(false, &format!("script-src {source}"));
        }
        for source in ["'unsafe-inline'", "stats.test.evil.test", "stats.test/js/", "ats.test", "*ats.test"] {
            check(false, &format!("script-src {source}"));
        }
    }

    #[test]
    fn a_page_s_own_origin_is_its_host_scheme_and_port() {
        let own = |lets, page, address| {
            check_load(lets, "script-src 'self'", page, address, &Script::default());
        };
        own(true, PAGE, "https://shop.test/a.js");
        own(true, "http://shop.test/", "https://shop.test/a.js");
        own(false, PAGE, "http://shop.test/a.js");
        own(false, PAGE, "https://shop.test:8443/a.js");
        own(false, PAGE, "https://www.shop.test/a.js");
        own(true, "http://shop.test:3000/", "http://shop.test:3000/a.js");
    }

    #[test]
    fn a_nonce_or_a_hash_lets_a_tag_in_and_with_strict_dynamic_nothing_else_does() {
        let with = |nonce: &str, integrity: &str| Script {
            nonce: nonce.to_owned(),
            integrity: integrity.to_owned(),
            ..Script::default()
        };
        let check = |lets, policy, script: &Script| check_load(lets, policy, PAGE, SCRIPT, script);
        check(true, "script-src 'nonce-aB1'", &with("aB1", ""));
        check(false, "script-src 'nonce-aB1'", &with("ab1", ""));
        check(false, "script-src 'nonce-'", &with("", ""));
        check(true, "script-src 'sha256-x='", &with("", "sha256-x="));
        check(false, "script-src 'sha256-x='", &with("", "sha256-x= sha384-y="));
        check(false, "script-src 'nonce-a' 'strict-dynamic' https: *", &with("", ""));
        check(true, "script-src 'nonce-a' 'strict-dynamic'", &with("a", ""));
    }

    #[test]
    fn sending_has_a_directive_of_its_own() {
        let lets = |policy: &str| {
            let (page, to) = (Url::parse(PAGE).unwrap(), "https://stats.test/x/api/v1/events");
            policies(policy).all(|policy| policy.lets_connect(&page, &Url::parse(to).unwrap()))
        };
        assert!(lets("script-src 'none'"));
        assert!(lets("default-src 'none'; connect-src stats.test"));
        assert!(!lets("default-src 'self'"));
        assert!(!lets("default-src *; connect-src 'self' *.stats.test"));
    }

    #[test]
    fn more_of_a_policy_than_anybody_writes_is_not_heeded() {
        let others = |n: usize| "a.test ".repeat(n);
        check(true, &format!("script-src {}stats.test", others(SOURCES_MAX - 1)));
        check(false, &format!("script-src {}stats.test", others(SOURCES_MAX)));
        let directives = |n: usize| "img-src a.test;".repeat(n);
        check(false, &format!("{}script-src 'none'", directives(DIRECTIVES_MAX - 1)));
        check(true, &format!("{}script-src 'none'", directives(DIRECTIVES_MAX)));
        let policy_count = |n: usize| policies(&"img-src a.test,".repeat(n)).count();
        assert_eq!(policy_count(HEADER_POLICIES_MAX - 1), HEADER_POLICIES_MAX);
        assert_eq!(policy_count(HEADER_POLICIES_MAX), HEADER_POLICIES_MAX);
    }
}
