use std::net::IpAddr;

use rustc_hash::FxHashMap;
use weir_registry::{SuffixOwner, public_suffix};

/// A list of hosts. An entry stands for its host and all subdomains; the longest entry that fits a
/// host wins. `name.*` stands for name under every public suffix.
pub(super) struct Hosts<T> {
    whole: FxHashMap<&'static str, T>,
    any_suffix: FxHashMap<&'static str, T>,
}

impl<T> Default for Hosts<T> {
    fn default() -> Self {
        Self { whole: FxHashMap::default(), any_suffix: FxHashMap::default() }
    }
}

impl<T: Copy> Hosts<T> {
    /// False where the host is listed already; the earlier entry stays.
    pub(super) fn add(&mut self, host: &'static str, value: T) -> bool {
        let (map, key) = match host.strip_suffix(".*") {
            Some(name) => (&mut self.any_suffix, name),
            None => (&mut self.whole, host),
        };
        let new = !map.contains_key(key);
        map.entry(key).or_insert(value);
        new
    }

    pub(super) fn find(&self, host: &str) -> Option<T> {
        let name_len = public_name(host).map_or(0, str::len);
        let mut start = 0;
        loop {
            if let Some(value) = self.whole.get(&host[start..]) {
                return Some(*value);
            }
            if start < name_len
                && let Some(value) = self.any_suffix.get(&host[start..name_len])
            {
                return Some(*value);
            }
            start += host[start..].find('.')? + 1;
        }
    }
}

/// The host without its public suffix: `news.google` of `news.google.co.uk`. Nothing for hosts under
/// suffixes that a company hands out (`google.github.io` is not Google's) and for addresses.
fn public_name(host: &str) -> Option<&str> {
    let suffix = public_suffix(host)?;
    if suffix.owner != SuffixOwner::Registry {
        return None;
    }
    host.get(..host.len().checked_sub(suffix.text.len() + 1)?)
}

/// The domain that somebody registered: `example.co.uk` of `blog.example.co.uk`. Hosts that have none
/// (addresses, names within a network, app packages) stay whole.
pub(super) fn registrable(host: &str) -> &str {
    if host.parse::<IpAddr>().is_ok() {
        return host;
    }
    listed(host).unwrap_or(host)
}

/// The same where the list knows its suffix.
pub(super) fn listed(host: &str) -> Option<&str> {
    let suffix = public_suffix(host).filter(|suffix| suffix.owner != SuffixOwner::Unknown)?;
    suffix.registered(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_whole_or_by_parent_domain() {
        let mut hosts = Hosts::default();
        for (host, value) in [
            ("t.co", 1),
            ("google.*", 2),
            ("mail.google.*", 3),
            ("play.google.com", 4),
            ("yahoo.co.jp", 5),
            ("yahoo.*", 6),
        ] {
            assert!(hosts.add(host, value));
            assert!(!hosts.add(host, 9), "{host} twice");
        }
        for (host, expected) in [
            ("t.co", Some(1)),
            ("reddit.co", None),
            ("pinterest.co", None),
            ("microsoft.co", None),
            ("a.t.co", Some(1)),
            ("google.de", Some(2)),
            ("images.google.co.uk", Some(2)),
            ("mail.google.com", Some(3)),
            ("play.google.com", Some(4)),
            ("play.google.de", Some(2)),
            ("notgoogle.com", None),
            ("google.example.com", None),
            ("google.github.io", None),
            ("google", None),
            ("yahoo.co.jp", Some(5)),
            ("search.yahoo.co.jp", Some(5)),
            ("yahoo.fr", Some(6)),
            ("10.0.0.1", None),
            ("[::1]", None),
            ("", None),
            (".", None),
            ("..com", None),
            ("google.", None),
        ] {
            assert_eq!(hosts.find(host), expected, "{host:?}");
        }
    }

    #[test]
    fn a_host_is_known_by_what_was_registered() {
        for (host, expected) in [
            ("blog.example.co.uk", "example.co.uk"),
            ("example.com", "example.com"),
            ("alice.github.io", "alice.github.io"),
            ("localhost", "localhost"),
            ("intranet.corp", "intranet.corp"),
            ("192.168.0.1", "192.168.0.1"),
            ("com.reddit.frontpage", "com.reddit.frontpage"),
            ("news.xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
            ("", ""),
        ] {
            assert_eq!(registrable(host), expected, "{host:?}");
        }
    }
}
