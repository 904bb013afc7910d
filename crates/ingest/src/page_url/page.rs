use url::{Url, form_urlencoded};
use weir_event::limits;

use super::percent::{cut, push_escaped, readable};
use super::plain::plain;
use crate::text::has_ascii_control;

/// A page's URL as a browser reads it: the scheme is http or https and there is a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl {
    /// Bare.
    host: String,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

/// What of a URL beyond its path tells two pages of a site apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct PathRules<'a> {
    /// The site routes by hash: `#/inbox` is a page.
    pub by_hash: bool,
    /// Query parameters that choose a page, such as the `id` of `/article?id=7`.
    pub kept_params: &'a [String],
}

const PATH_DELIMITERS: &str = "/?#\\";
const PARAM_DELIMITERS: &str = "&=+#";

impl PageUrl {
    /// `None` where the text is too long, has control characters, or is no URL with a host.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > limits::URL_BYTES_MAX || has_ascii_control(text) {
            return None;
        }
        match plain(text) {
            Some(url) => Self::of(url.host, url.path, url.query, url.fragment),
            None => {
                let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
                Self::of(url.host_str()?, url.path(), url.query(), url.fragment())
            }
        }
    }

    fn of(host: &str, path: &str, query: Option<&str>, fragment: Option<&str>) -> Option<Self> {
        let host = bare_host(host);
        is_name(host).then(|| Self {
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        })
    }

    /// Lower-case, in Punycode, without `www.` and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path, then the kept parameters in the order of the rules, then the hash where the site
    /// routes by it. At most [`limits::PATH_BYTES_MAX`] long: a longer path is cut, a parameter that
    /// has no room is left out.
    pub fn path(&self, rules: PathRules<'_>) -> String {
        let mut path = readable(&self.path, PATH_DELIMITERS);
        cut(&mut path, limits::PATH_BYTES_MAX);
        if !rules.kept_params.is_empty() {
            self.push_params(&mut path, rules.kept_params);
        }
        if rules.by_hash {
            self.push_hash(&mut path);
        }
        path
    }

    /// The query's pairs, decoded.
    pub(super) fn query_pairs(&self) -> form_urlencoded::Parse<'_> {
        form_urlencoded::parse(self.query.as_deref().unwrap_or_default().as_bytes())
    }

    fn push_params(&self, path: &mut String, kept: &[String]) {
        let mut separator = '?';
        for key in kept {
            let mut pairs = self.query_pairs();
            let Some((_, value)) = pairs.find(|(k, value)| k == key && !value.is_empty()) else { continue };
            let mut pair = String::from(separator);
            push_escaped(&mut pair, key, PARAM_DELIMITERS);
            pair.push('=');
            push_escaped(&mut pair, &value, PARAM_DELIMITERS);
            if path.len() + pair.len() <= limits::PATH_BYTES_MAX {
                path.push_str(&pair);
                separator = '&';
            }
        }
    }

    fn push_hash(&self, path: &mut String) {
        let fragment = self.fragment.as_deref().unwrap_or_default();
        let route = fragment.split('?').next().unwrap_or_default();
        let mut route = readable(route, PATH_DELIMITERS);
        cut(&mut route, limits::PATH_BYTES_MAX.saturating_sub(path.len() + 1));
        if !route.is_empty() {
            path.push('#');
            path.push_str(&route);
        }
    }
}

/// The host that an `Origin` or a `Referer` header names, in the spelling of [`PageUrl::host`].
pub(crate) fn origin_host(header: &str) -> Option<String> {
    if let Some(url) = plain(header) {
        return Some(bare_host(url.host).to_owned());
    }
    let url = Url::parse(header).ok()?;
    Some(bare_host(url.host_str()?).to_ascii_lowercase())
}

/// Whether a bare host is one. A second final dot would leave a host that reads differently the next
/// time: `0x7f.1.` is a name, `0x7f.1` an address.
pub(super) fn is_name(host: &str) -> bool {
    !host.is_empty() && host.len() <= limits::HOST_BYTES_MAX && !host.ends_with('.')
}

/// `www.` names the same site, and so does a final dot.
pub(super) fn bare_host(host: &str) -> &str {
    let mut host = host.strip_suffix('.').unwrap_or(host);
    while let Some(rest) = host.strip_prefix("www.").filter(|rest| rest.contains('.')) {
        host = rest;
    }
    host
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(url: &str, rules: PathRules<'_>) -> Option<String> {
        PageUrl::parse(url).map(|page| format!("{}{}", page.host(), page.path(rules)))
    }

    fn check_page(url: &str, expected: &str) {
        assert_eq!(page(url, PathRules::default()).as_deref(), Some(expected), "{url}");
    }

    #[test]
    fn one_page_has_one_spelling() {
        check_page("https://Example.COM", "example.com/");
        check_page("http://www.example.com:80/a", "example.com/a");
        check_page("https://example.com:443/a/", "example.com/a/");
        check_page("https://example.com:8443/a?utm_source=x&id=7#top", "example.com/a");
        check_page("https://user:secret@example.com./a", "example.com/a");
        check_page("https://example.com/A/../b/./%7Ec", "example.com/b/~c");
        check_page("https://münchen.example/straße", "xn--mnchen-3ya.example/straße");
        check_page("https://example.com/caf%C3%A9/%F0%9F%98%80", "example.com/café/😀");
        check_page("https://localhost:3000/x", "localhost/x");
        check_page("https://[2001:DB8::1]/x", "[2001:db8::1]/x");
        check_page("https://www.com/x", "www.com/x");
    }

    #[test]
    fn an_address_that_is_no_page_is_refused() {
        for url in [
            "",
            "example.com/a",
            "/a",
            "https://",
            "https:///",
            "https://./",
            "https://example.com../",
            "http://0x7f.1..//b",
            "file:///etc/passwd",
            "about:blank",
            "javascript:alert(1)",
            "https://exa mple.com/",
            "https://example.com/\u{0}",
            "https://example.com/a\nb",
            "https://example.com:99999/",
        ] {
            assert!(PageUrl::parse(url).is_none(), "{url:?}");
        }
    }

    #[test]
    fn an_address_is_refused_one_byte_past_the_limit() {
        let start = "https://example.com/?q=";
        let long = format!("{start}{}", "a".repeat(limits::URL_BYTES_MAX - start.len()));
        assert!(PageUrl::parse(&long).is_some());
        assert!(PageUrl::parse(&format!("{long}a")).is_none());
    }

    #[test]
    fn a_path_is_cut_at_the_limit() {
        let path = |bytes| format!("https://example.com/{}", "a".repeat(bytes - 1));
        let length = |bytes| page(&path(bytes), PathRules::default()).map(|p| p.len() - "example.com".len());
        assert_eq!(length(limits::PATH_BYTES_MAX), Some(limits::PATH_BYTES_MAX));
        assert_eq!(length(limits::PATH_BYTES_MAX + 1), Some(limits::PATH_BYTES_MAX));
    }

    #[test]
    fn parameters_that_choose_a_page_stay_in_the_site_s_order() {
        let kept = ["id".to_owned(), "tab".to_owned()];
        let rules = PathRules { by_hash: false, kept_params: &kept };
        for (url, expected) in [
            ("https://example.com/a?tab=x&utm_source=y&id=7", "example.com/a?id=7&tab=x"),
            ("https://example.com/a?id=&tab=x", "example.com/a?tab=x"),
            ("https://example.com/a?id=a%26b%3Dc+d", "example.com/a?id=a%26b%3Dc%20d"),
            ("https://example.com/a?session=1", "example.com/a"),
        ] {
            assert_eq!(page(url, rules).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn the_hash_is_part_of_the_page_only_where_the_site_routes_by_it() {
        let rules = PathRules { by_hash: true, kept_params: &[] };
        let url = "https://example.com/app?x=1#/inbox/%C3%BC?utm_source=mail";
        assert_eq!(page(url, rules).as_deref(), Some("example.com/app#/inbox/ü"));
        assert_eq!(page("https://example.com/app#", rules).as_deref(), Some("example.com/app"));
        check_page(url, "example.com/app");
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(
            rest in "(/|%[0-9a-fA-F]{2}|[a-c0-9.?#&=+% é😀\\\\]|id=|www\\.){0,60}", by_hash: bool, keeps: bool,
        ) {
            let kept = if keeps { vec!["id".to_owned(), "a b".to_owned()] } else { Vec::new() };
            let rules = PathRules { by_hash, kept_params: &kept };
            if let Some(once) = page(&format!("https://example.com/{rest}"), rules) {
                prop_assert_eq!(page(&format!("https://{once}"), rules), Some(once));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*|(https?|HTTP|ftp)://\\PC{0,80}", by_hash: bool) {
            let kept = vec![text.chars().take(3).collect()];
            if let Some(once) = page(&text, PathRules { by_hash, kept_params: &kept }) {
                prop_assert!(once.len() <= limits::PATH_BYTES_MAX + limits::HOST_BYTES_MAX);
            }
        }
    }
}
