use std::borrow::Cow;
use std::net::IpAddr;

use url::Host;
use weir_event::limits::{HOST_BYTES_MAX, HOST_LABEL_BYTES_MAX};

use crate::RegistryError;
use crate::suffix::{SuffixOwner, public_suffix};

/// A host as Weir compares hosts: lower case, international names in punycode, without port, without
/// `www.` and without the dot that may end a name. `None` where it is no host.
pub fn normalise_host(host: &str) -> Option<String> {
    if is_normal(host) {
        return Some(host.to_owned());
    }
    without_port(host).and_then(parse).ok()
}

/// The same, without copying what is normal already: most hosts are, and each event asks.
pub(crate) fn normal(host: &str) -> Option<Cow<'_, str>> {
    if is_normal(host) { Some(Cow::Borrowed(host)) } else { normalise_host(host).map(Cow::Owned) }
}

/// What an operator typed or pasted for a site, as the site's domain.
pub(crate) fn normalise_domain(text: &str) -> Result<String, RegistryError> {
    let refuse = |why| RegistryError::InvalidDomain { domain: text.chars().take(100).collect(), why };
    let host = host_part(text.trim()).map_err(refuse)?;
    let domain = without_port(host).and_then(parse).map_err(refuse)?;
    if domain.parse::<IpAddr>().is_ok() || domain.starts_with('[') || domain == "localhost" {
        return Ok(domain);
    }
    if !domain.contains('.') {
        return Err(refuse("it has no dot; give a whole domain such as example.com"));
    }
    if is_public_suffix(&domain, &[SuffixOwner::Registry]) {
        return Err(refuse("names are registered below it; give a whole domain such as example.com"));
    }
    Ok(domain)
}

/// Whether every host below belongs to somebody else.
pub(crate) fn has_foreign_subdomains(domain: &str) -> bool {
    domain.parse::<IpAddr>().is_ok()
        || domain.starts_with('[')
        || is_public_suffix(domain, &[SuffixOwner::Company, SuffixOwner::Registry])
}

/// The hosts above `host`, nearest first, down to the domain that somebody registered: never
/// `co.uk`, whose other domains are other people's.
pub(crate) fn parents(host: &str) -> impl Iterator<Item = &str> {
    let registered = public_suffix(host).and_then(|suffix| suffix.registered(host));
    let registrable = registered.map_or(host.len(), str::len);
    std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent))
        .skip(1)
        .take_while(move |parent| parent.len() >= registrable)
}

/// Cuts scheme, path, query and fragment off.
fn host_part(text: &str) -> Result<&str, &'static str> {
    let rest = match text.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
        {
            rest
        }
        Some(_) => return Err("only http and https sites can be counted"),
        None => text.strip_prefix("//").unwrap_or(text),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err("it holds an @; give the site's domain, not an address or a login");
    }
    Ok(host)
}

fn without_port(host: &str) -> Result<&str, &'static str> {
    let after_brackets = host.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = host[after_brackets..].find(':').map(|at| after_brackets + at) else { return Ok(host) };
    let port = &host[colon + 1..];
    if port.contains(':') {
        return Err("an IPv6 address stands in brackets: [::1]");
    }
    // A colon without a port ends some pasted addresses; the URL standard takes it, too.
    if port.is_empty() || port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit()) {
        Ok(&host[..colon])
    } else {
        Err("its port is no number from 0 to 65535")
    }
}

fn parse(host: &str) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("it is empty");
    }
    // The URL parser would decode these, and a host with them is a mistake or an attack.
    if host.contains('%') {
        return Err("it holds a percent sign");
    }
    if host.contains(char::is_whitespace) {
        return Err("it holds a space");
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.split('.').any(str::is_empty) {
        return Err("it holds an empty part, such as two dots in a row");
    }
    let host =
        Host::parse(host).map_err(|_| "it holds characters or a number that no domain has")?.to_string();
    check_lengths(&host)?;
    Ok(without_www(&host).to_owned())
}

fn check_lengths(host: &str) -> Result<(), &'static str> {
    if host.len() > HOST_BYTES_MAX {
        return Err("it is longer than 253 characters");
    }
    if host.split('.').any(|label| label.len() > HOST_LABEL_BYTES_MAX) {
        return Err("one of its parts is longer than 63 characters");
    }
    // Characters that vanish when a name is normalised can leave nothing between two dots.
    if host.split('.').any(str::is_empty) {
        return Err("it holds an empty part, such as two dots in a row");
    }
    Ok(())
}

/// `www.` names the same site, but where nothing like a domain would be left it is the domain.
fn without_www(mut host: &str) -> &str {
    while let Some(rest) = host.strip_prefix("www.").filter(|rest| rest.contains('.')) {
        host = rest;
    }
    host
}

/// Plain enough that normalising would change nothing. May say no to a host that is normal.
fn is_normal(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    host.len() <= HOST_BYTES_MAX
        && !host.starts_with("www.")
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= HOST_LABEL_BYTES_MAX
                && !label.starts_with("xn--")
                && label.bytes().all(plain)
        })
        // A last label of digits makes it an IPv4 address, which has other spellings.
        && host.rsplit('.').next().is_some_and(|label| !label.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_public_suffix(domain: &str, owners: &[SuffixOwner]) -> bool {
    public_suffix(domain).is_some_and(|suffix| suffix.text == domain && owners.contains(&suffix.owner))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_domain(typed: &str, domain: &str) {
        assert_eq!(normalise_domain(typed).expect(typed), domain, "{typed:?}");
    }

    fn check_refused(typed: &str, why: &str) {
        let error = normalise_domain(typed).expect_err(typed);
        assert!(error.to_string().contains(why), "{typed:?}: {error}");
    }

    #[test]
    fn whatever_is_pasted_for_a_site_becomes_its_domain() {
        check_domain("example.com", "example.com");
        check_domain("  Example.COM. ", "example.com");
        check_domain("https://www.example.com/a?b#c", "example.com");
        check_domain("HTTP://example.com:8080", "example.com");
        check_domain("//example.com/", "example.com");
        check_domain("example.com:", "example.com");
        check_domain("www.www.com", "www.com");
        check_domain("www.www.example.com", "example.com");
        check_domain("www.de", "www.de");
        check_domain("bücher.example", "xn--bcher-kva.example");
        check_domain("xn--bcher-kva.example", "xn--bcher-kva.example");
        check_domain("alice.github.io", "alice.github.io");
        check_domain("github.io", "github.io");
        check_domain("localhost:3000", "localhost");
        check_domain("127.0.0.1:3000", "127.0.0.1");
        check_domain("http://[::1]:3000/", "[::1]");
        check_domain("a_b.example.com", "a_b.example.com");
    }

    #[test]
    fn what_is_no_domain_is_refused_with_its_reason() {
        check_refused("", "it is empty");
        check_refused("https://", "it is empty");
        check_refused("/path", "it is empty");
        check_refused("exa mple.com", "space");
        check_refused("a..b.com", "empty part");
        check_refused(".example.com", "empty part");
        check_refused("example.com..", "empty part");
        check_refused("example.com:99999", "port");
        check_refused("example.com:+80", "port");
        check_refused("example.com:http", "port");
        check_refused("::1", "brackets");
        check_refused("ftp://example.com", "only http and https");
        check_refused("me@example.com", "@");
        check_refused("ex%61mple.com", "percent");
        check_refused("exam<ple.com", "characters");
        check_refused("example.1", "number");
        check_refused("shop", "no dot");
        check_refused("co.uk", "registered below it");
        check_refused("a\0b.com", "characters");
    }

    #[test]
    fn lengths_are_checked_at_their_limits() {
        let label = "a".repeat(63);
        check_domain(&format!("{label}.com"), &format!("{label}.com"));
        check_refused(&format!("{label}a.com"), "63");
        let longest = format!("{label}.{label}.{label}.{}.com", "b".repeat(57));
        assert_eq!(longest.len(), 253);
        check_domain(&longest, &longest);
        check_refused(&format!("b{longest}"), "253");
    }

    #[test]
    fn parents_end_at_the_domain_that_was_registered() {
        let of = |host| parents(host).collect::<Vec<_>>();
        assert_eq!(of("a.b.example.co.uk"), ["b.example.co.uk", "example.co.uk"]);
        assert_eq!(of("example.co.uk"), [""; 0]);
        assert_eq!(of("x.alice.github.io"), ["alice.github.io"]);
        assert_eq!(of("localhost"), [""; 0]);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(host in "(www\\.){0,3}[a-zA-Z0-9wü._:\\[\\]-]{0,40}") {
            if let Some(once) = normalise_host(&host) {
                let twice = normalise_host(&once);
                prop_assert_eq!(twice.as_deref(), Some(once.as_str()));
            }
        }

        #[test]
        fn the_quick_path_agrees_with_the_thorough_one(host in "[a-z0-9.-]{1,30}|xn--[a-z0-9]{1,8}[.]com") {
            if is_normal(&host) {
                prop_assert_eq!(parse(&host), Ok(host));
            }
        }
    }
}
