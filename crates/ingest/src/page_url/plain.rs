/// The parts of an http or https address that is spelled as a browser would spell it. Nearly every
/// address is, and reading such a one takes a small part of what taking any address apart does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain<'a> {
    pub host: &'a str,
    /// Begins with `/`.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub fragment: Option<&'a str>,
}

/// `None` where the text needs another look, for whatever reason: it may be an address all the same.
pub(super) fn plain(text: &str) -> Option<Plain<'_>> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let (host, rest) = split(rest, IN_HOST, b"/?#")?;
    if !is_plain_host(host) {
        return None;
    }
    let (path, rest) = split(rest, IN_PATH, b"?#")?;
    // Folders that a browser steps into or out of.
    if path.contains("/.") {
        return None;
    }
    let (query, rest) = match rest.strip_prefix('?') {
        Some(rest) => split(rest, IN_QUERY, b"#").map(|(query, rest)| (Some(query), rest))?,
        None => (None, rest),
    };
    let fragment = match rest.strip_prefix('#') {
        Some(rest) => Some(split(rest, IN_QUERY, b"")?.0),
        None => None,
    };
    Some(Plain { host, path: if path.is_empty() { "/" } else { path }, query, fragment })
}

const IN_HOST: u8 = 1;
/// Without the percent sign: an escaped path is to be made readable.
const IN_PATH: u8 = 2;
const IN_QUERY: u8 = 4;

/// Where each byte may stand as it is: every address is looked through, and a table is quickest.
const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.') {
            places[byte] |= IN_HOST;
        }
        if c.is_ascii_alphanumeric()
            || matches!(c, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'(' | b')' | b'*')
            || matches!(c, b'+' | b',' | b';' | b'=' | b':' | b'@' | b'/')
        {
            places[byte] |= IN_PATH | IN_QUERY;
        }
        if matches!(c, b'%' | b'?') {
            places[byte] |= IN_QUERY;
        }
        byte += 1;
    }
    places
};

/// What stands before the first of the `ends`, and the rest; `None` where a byte before it is out of
/// place.
fn split<'a>(text: &'a str, place: u8, ends: &[u8]) -> Option<(&'a str, &'a str)> {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() && PLACES[usize::from(bytes[end])] & place != 0 {
        end += 1;
    }
    bytes.get(end).is_none_or(|byte| ends.contains(byte)).then(|| text.split_at(end))
}

/// Lower-case names, neither international nor a number: those have other spellings.
fn is_plain_host(host: &str) -> bool {
    let is_plain_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && !label.starts_with("xn--")
    };
    host.split('.').all(is_plain_label)
        && host.rsplit('.').next().is_some_and(|last| !last.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    /// As any address is taken apart.
    fn any(text: &str) -> (String, String, Option<String>, Option<String>) {
        let url = Url::parse(text).expect("what is plain is an address");
        assert!(
            matches!(url.scheme(), "http" | "https") && url.port().is_none() && url.username().is_empty()
        );
        let host = url.host_str().expect("a host").to_owned();
        let text = |part: Option<&str>| part.map(str::to_owned);
        (host, url.path().to_owned(), text(url.query()), text(url.fragment()))
    }

    fn check_plain(text: &str, expected: bool) {
        let found = plain(text);
        assert_eq!(found.is_some(), expected, "{text}");
        if let Some(Plain { host, path, query, fragment }) = found {
            let owned = |part: Option<&str>| part.map(str::to_owned);
            assert_eq!((host.into(), path.into(), owned(query), owned(fragment)), any(text), "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_plain() {
        for text in [
            "https://example.com",
            "http://example.com/",
            "https://www.example.co.uk/a/b-c_d~e.html",
            "https://example.com?a=1",
            "https://example.com/a?utm_source=x&b=c%20d+e/?f#top",
            "https://example.com/#/inbox?x=1",
            "https://example.com/?#",
            "https://localhost/a//b",
        ] {
            check_plain(text, true);
        }
    }

    #[test]
    fn what_a_browser_would_spell_otherwise_is_not_plain() {
        for text in [
            "",
            "https://",
            "https:///a",
            "HTTPS://example.com/",
            "https://Example.com/",
            "https://example.com:443/",
            "https://me@example.com/",
            "https://example.com./",
            "https://.example.com/",
            "https://127.1/",
            "https://example.0x7f/",
            "https://xn--bcher-kva.example/",
            "https://b\u{fc}cher.example/",
            "https://example.com/a/../b",
            "https://example.com/.",
            "https://example.com/%2e%2e/a",
            "https://example.com/caf%C3%A9",
            "https://example.com/a b",
            "https://example.com/a\\b",
            "https://example.com/a\nb",
            "https://example.com/?a'b",
            "https://example.com/#a#b",
            "ftp://example.com/",
        ] {
            check_plain(text, false);
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_reads_as_any_address_does(
            text in "https?://([a-c0-9x.-]{1,12}|example\\.com)(/[a-zA-Z.%~!$&'()*+,;=:@|^{}-]{0,9}){0,3}(\\?[a-c=&%+'\"?/]{0,9})?(#[a-c/?#<]{0,5})?",
        ) {
            let expected = plain(&text).is_some();
            check_plain(&text, expected);
        }
    }
}
