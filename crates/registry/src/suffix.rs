//! The public suffix list, asked in one place: it is code, two thirds of a megabyte of it, and every
//! place that asks it gets a copy of its own.

use psl::Type;

/// The end of a host below which names are given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicSuffix<'a> {
    pub text: &'a str,
    pub owner: SuffixOwner,
}

/// Who gives names away below a suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuffixOwner {
    /// A registry, as of `com` and `co.uk`.
    Registry,
    /// A company to its customers, as of `github.io`.
    Company,
    /// Nobody that the list knows; the suffix is the last label.
    Unknown,
}

/// The suffix of a host in lower case; `None` where there is no label.
#[inline(never)]
pub fn public_suffix(host: &str) -> Option<PublicSuffix<'_>> {
    let suffix = psl::suffix(host.as_bytes())?;
    let owner = match suffix.typ() {
        Some(Type::Icann) => SuffixOwner::Registry,
        Some(Type::Private) => SuffixOwner::Company,
        None => SuffixOwner::Unknown,
    };
    Some(PublicSuffix { text: host.get(host.len() - suffix.as_bytes().len()..)?, owner })
}

impl<'a> PublicSuffix<'a> {
    /// Of the host that this is the suffix of, the domain that somebody registered: one label more.
    pub fn registered(&self, host: &'a str) -> Option<&'a str> {
        let rest = host.strip_suffix(self.text)?.strip_suffix('.').filter(|rest| !rest.is_empty())?;
        let label = rest.rsplit('.').next()?;
        host.get(rest.len() - label.len()..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// host -> suffix, whose it is, registered domain
    fn check_suffix(host: &str, suffix: &str, owner: SuffixOwner, registered: Option<&str>) {
        let found = public_suffix(host).expect(host);
        assert_eq!(found, PublicSuffix { text: suffix, owner }, "{host}");
        assert_eq!(found.registered(host), registered, "{host}");
        // As the list's own library has it.
        assert_eq!(
            psl::domain(host.as_bytes()).map(|domain| domain.as_bytes()),
            registered.map(str::as_bytes)
        );
    }

    #[test]
    fn a_host_ends_in_a_suffix_and_begins_with_what_was_registered() {
        use SuffixOwner::{Company, Registry, Unknown};
        check_suffix("blog.example.co.uk", "co.uk", Registry, Some("example.co.uk"));
        check_suffix("example.com", "com", Registry, Some("example.com"));
        check_suffix("com", "com", Registry, None);
        check_suffix("somebody.github.io", "github.io", Company, Some("somebody.github.io"));
        check_suffix("github.io", "github.io", Company, None);
        check_suffix("www.city.kawasaki.jp", "kawasaki.jp", Registry, Some("city.kawasaki.jp"));
        check_suffix("intranet", "intranet", Unknown, None);
        check_suffix("wiki.intranet", "intranet", Unknown, Some("wiki.intranet"));
        check_suffix("example.com.", "com.", Registry, Some("example.com."));
        assert_eq!(public_suffix(""), None);
    }
}
