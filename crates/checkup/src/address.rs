//! Which addresses are the public internet's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};

/// Networks of IANA's registry of special purposes, and those that lead on to other addresses.
const SPECIAL_V4: [&str; 19] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // A cloud answers questions about the machine itself here.
    "168.63.129.16/32",
];

/// All that is given out. What lies outside is loopback, mapped, compatible, NAT64, unique local, link
/// local, site local, multicast or not given out yet.
const GLOBAL_V6: &str = "2000::/3";

/// Within it: protocol assignments with Teredo, documentation, 6to4, AS112.
const SPECIAL_V6: [&str; 5] = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];

static V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| SPECIAL_V4.iter().map(|net| parsed(net)).collect());
static V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| SPECIAL_V6.iter().map(|net| parsed(net)).collect());
static GLOBAL: LazyLock<Ipv6Net> = LazyLock::new(|| parsed(GLOBAL_V6));

fn parsed<N: std::str::FromStr>(net: &str) -> N {
    net.parse().ok().expect("the list has networks only")
}

pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !V4.iter().any(|net| net.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    GLOBAL.contains(&address) && !V6.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(public: bool, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn no_address_of_a_special_purpose_is_public() {
        check(false, &["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "127.0.0.1", "127.9.9.9"]);
        check(false, &["100.64.0.1", "100.127.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255"]);
        check(false, &["192.0.0.1", "192.0.2.9", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.1"]);
        check(false, &["198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1"]);
        check(false, &["255.255.255.255", "168.63.129.16"]);
        check(false, &["::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8"]);
        check(false, &["64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c::1"]);
        check(false, &["2001:2::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1"]);
        check(false, &["fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "4000::1"]);
    }

    #[test]
    fn the_neighbours_of_special_networks_are_public() {
        check(true, &["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1"]);
        check(true, &["126.255.255.255", "128.0.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255"]);
        check(true, &["192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255"]);
        check(true, &["2001:4860:4860::8888", "2606:4700::1111", "2a01:4f8::1", "2001:200::1", "2003::1"]);
    }

    proptest! {
        /// The standard library's own words for such addresses, which know nothing of our list.
        #[test]
        fn what_std_calls_special_is_never_public(bits: u32, net in 0_usize..8) {
            let [_, b, c, d] = bits.to_be_bytes();
            let near = [bits.to_be_bytes(), [10, b, c, d], [127, b, c, d], [169, 254, c, d], [172, b, c, d],
                [192, 168, c, d], [203, 0, 113, d], [224 | b, b, c, d]][net];
            let v4 = Ipv4Addr::from(near);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
            prop_assert!(!(special && is_public(v4.into())), "{}", v4);
        }

        #[test]
        fn no_ipv4_address_is_reached_in_an_ipv6_one(bits: u32, rest: u64) {
            let (high, low) = ((bits >> 16) as u16, bits as u16);
            let embedded = [
                Ipv4Addr::from(bits).to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, (rest >> 16) as u16, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, (rest >> 32) as u16, 0, 0, 0, rest as u16),
                Ipv6Addr::new(0x2001, 0, high, low, rest as u16, 0, !high, !low),
            ];
            for v6 in embedded {
                prop_assert!(!is_public(v6.into()), "{}", v6);
            }
        }

        #[test]
        fn what_is_not_given_out_is_never_public(bits: u128) {
            let v6 = Ipv6Addr::from(bits);
            prop_assert!(bits >> 125 == 1 || !is_public(v6.into()), "{}", v6);
        }
    }
}
