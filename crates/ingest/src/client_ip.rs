use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::ConfigError;

/// Which peers are proxies whose forwarding header is believed. Anybody else can write what they
/// like into that header: it would choose their country, their visitor id and whether they are
/// excluded.
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    headers: Vec<HeaderName>,
}

/// Loopback and networks that can't be reached from outside.
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// As published at <https://www.cloudflare.com/ips/>.
const CLOUDFLARE: [&str; 22] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::parse(&["private"]).expect("the presets are networks")
    }
}

impl TrustedProxies {
    /// Presets (`private`, `cloudflare`, `none`), networks and addresses, in any mixture. The header
    /// is `X-Forwarded-For` until [`Self::with_headers`] says otherwise.
    ///
    /// # Errors
    /// Names the first item that is none of these.
    pub fn parse<S: AsRef<str>>(items: &[S]) -> Result<Self, ConfigError> {
        let mut networks = Vec::new();
        for item in items.iter().map(|item| item.as_ref().trim()) {
            match item {
                "private" => networks.extend(PRIVATE.iter().filter_map(|text| network(text))),
                "cloudflare" => networks.extend(CLOUDFLARE.iter().filter_map(|text| network(text))),
                "none" => {}
                _ => networks.push(network(item).ok_or_else(|| ConfigError::NotAProxy(item.to_owned()))?),
            }
        }
        Ok(Self { networks, headers: vec![HeaderName::from_static("x-forwarded-for")] })
    }

    /// The headers that carry the chain of addresses, the first one present being used:
    /// `X-Forwarded-For`, `Forwarded`, or one with a single address such as `CF-Connecting-IP`.
    ///
    /// # Errors
    /// Names the first that is no header name.
    pub fn with_headers<S: AsRef<str>>(self, names: &[S]) -> Result<Self, ConfigError> {
        let parse = |name: &S| {
            HeaderName::from_str(name.as_ref()).map_err(|_| ConfigError::NotAHeader(name.as_ref().to_owned()))
        };
        Ok(Self { headers: names.iter().map(parse).collect::<Result<_, _>>()?, ..self })
    }

    pub fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// The sender's address: the peer, or where the peer is a trusted proxy, the rightmost hop that
    /// is none. Everything left of that hop is hearsay.
    pub fn client_ip(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.ip().to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let Some(name) = self.headers.iter().find(|name| headers.contains_key(*name)) else { return peer };
        let mut nearest = peer;
        let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("")).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(ip) = hop_ip(hop) else { return nearest };
            nearest = ip;
            if !self.trusts(ip) {
                return ip;
            }
        }
        nearest
    }
}

/// Whether the address belongs to a content network that passes visitors on.
pub(crate) fn is_cdn(ip: IpAddr) -> bool {
    static NETWORKS: LazyLock<Vec<IpNet>> =
        LazyLock::new(|| CLOUDFLARE.iter().filter_map(|text| network(text)).collect());
    NETWORKS.iter().any(|network| network.contains(&ip))
}

/// Reads a network or, as a network of one, an address.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(|ip| IpNet::from(ip.to_canonical())))
}

/// One hop: an address, with port or brackets or not, or a `Forwarded` element with a `for=` among
/// its parameters.
fn hop_ip(hop: &str) -> Option<IpAddr> {
    let is_for = |pair: &&str| pair.trim_start().get(..4).is_some_and(|key| key.eq_ignore_ascii_case("for="));
    let text = match hop.split(';').find(is_for) {
        Some(pair) => pair.trim_start().get(4..)?,
        None => hop,
    };
    let text = text.trim().trim_matches('"');
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip().to_canonical());
    }
    let bare = text.strip_prefix('[')?.strip_suffix(']')?;
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// The network that counts as one sender: the address itself, for IPv6 its /64, since one
/// subscriber has at least that many to choose from.
pub fn sender_network(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => (u128::from(v6) >> 64) as u64 | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, value.parse().expect("a header value"));
        }
        map
    }

    /// (peer, header lines) -> client
    fn check_client(proxies: &TrustedProxies, peer: &str, lines: &[(&'static str, &str)], client: &str) {
        let peer = SocketAddr::new(peer.parse().expect("an address"), 4711);
        let expected: IpAddr = client.parse().expect("an address");
        assert_eq!(proxies.client_ip(peer, &headers(lines)), expected, "{peer} {lines:?}");
    }

    #[test]
    fn a_stranger_does_not_choose_their_own_address() {
        let proxies = TrustedProxies::default();
        check_client(&proxies, "203.0.113.9", &[("x-forwarded-for", "198.51.100.1")], "203.0.113.9");
        check_client(&proxies, "203.0.113.9", &[("cf-connecting-ip", "198.51.100.1")], "203.0.113.9");
    }

    #[test]
    fn behind_a_trusted_proxy_the_rightmost_untrusted_hop_is_the_client() {
        let proxies = TrustedProxies::default();
        let xff = "x-forwarded-for";
        check_client(&proxies, "127.0.0.1", &[], "127.0.0.1");
        check_client(&proxies, "127.0.0.1", &[(xff, "198.51.100.1")], "198.51.100.1");
        check_client(&proxies, "127.0.0.1", &[(xff, "6.6.6.6, 198.51.100.1, 10.1.2.3")], "198.51.100.1");
        check_client(&proxies, "127.0.0.1", &[(xff, "6.6.6.6"), (xff, "198.51.100.1")], "198.51.100.1");
        check_client(&proxies, "127.0.0.1", &[(xff, "198.51.100.1:5070")], "198.51.100.1");
        check_client(&proxies, "::1", &[(xff, "[2001:db8::7]:443")], "2001:db8::7");
        check_client(&proxies, "::1", &[(xff, "[2001:db8::7]")], "2001:db8::7");
        check_client(&proxies, "::ffff:127.0.0.1", &[(xff, "::ffff:198.51.100.1")], "198.51.100.1");
    }

    #[test]
    fn what_can_not_be_read_ends_the_chain_of_trust() {
        let proxies = TrustedProxies::default();
        check_client(
            &proxies,
            "127.0.0.1",
            &[("x-forwarded-for", "198.51.100.1, unknown, 10.0.0.1")],
            "10.0.0.1",
        );
        check_client(&proxies, "127.0.0.1", &[("x-forwarded-for", "")], "127.0.0.1");
        check_client(&proxies, "127.0.0.1", &[("x-forwarded-for", "10.0.0.4")], "10.0.0.4");
    }

    #[test]
    fn cloudflare_is_trusted_only_when_asked_for() {
        let with = TrustedProxies::parse(&["private", "cloudflare"]).expect("presets");
        let lines = [("x-forwarded-for", "198.51.100.1, 172.70.1.1")];
        check_client(&with, "127.0.0.1", &lines, "198.51.100.1");
        check_client(&TrustedProxies::default(), "127.0.0.1", &lines, "172.70.1.1");
        let by_header = with.with_headers(&["CF-Connecting-IP", "X-Forwarded-For"]).expect("names");
        check_client(&by_header, "104.16.0.9", &[("cf-connecting-ip", "2001:db8::1")], "2001:db8::1");
        check_client(&by_header, "104.16.0.9", &lines, "198.51.100.1");
    }

    #[test]
    fn every_network_of_a_preset_can_be_read() {
        for text in PRIVATE.iter().chain(&CLOUDFLARE) {
            assert!(network(text).is_some(), "{text}");
        }
    }

    #[test]
    fn the_standard_header_is_understood() {
        let proxies = TrustedProxies::default().with_headers(&["Forwarded"]).expect("a name");
        let line = "for=6.6.6.6;proto=http, proto=https;For=\"[2001:db8::1]:8080\"";
        check_client(&proxies, "127.0.0.1", &[("forwarded", line)], "2001:db8::1");
        check_client(&proxies, "127.0.0.1", &[("forwarded", "for=_hidden")], "127.0.0.1");
    }

    #[test]
    fn a_setting_that_is_no_network_is_named() {
        let error = TrustedProxies::parse(&["private", "10.0.0.0/99"]).expect_err("no network");
        assert!(error.to_string().contains("10.0.0.0/99"), "{error}");
        let error = TrustedProxies::default().with_headers(&["no good"]).expect_err("no name");
        assert!(error.to_string().contains("no good"), "{error}");
    }

    #[test]
    fn a_subscriber_s_ipv6_addresses_count_as_one_sender() {
        let network = |text: &str| sender_network(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("203.0.113.1"), network("203.0.113.2"));
    }
}
