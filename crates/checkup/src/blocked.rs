//! Words that lists of content blockers commonly have rules for.
//!
//! A short list of our own, after what such lists are known to match: it says what is likely, not
//! what any list holds today.

use url::Url;

/// As a whole label of a host's name.
const LABELS: [&str; 13] = [
    "analytics",
    "beacon",
    "count",
    "matomo",
    "metrics",
    "piwik",
    "pixel",
    "plausible",
    "telemetry",
    "track",
    "tracker",
    "tracking",
    "umami",
];

/// As a whole part of a path, or at the beginning of its last part before a dot or a dash.
const PARTS: [&str; 12] = [
    "analytics",
    "beacon",
    "collect",
    "fingerprint",
    "matomo",
    "piwik",
    "pixel",
    "plausible",
    "track",
    "tracker",
    "tracking",
    "umami",
];

/// The word for which a blocker would probably stop a request to `address`.
pub(crate) fn likely_blocked_word(address: &Url) -> Option<&'static str> {
    let host = address.host_str().unwrap_or_default();
    let by_host = LABELS.iter().find(|word| host.split('.').any(|label| label == **word));
    by_host
        .or_else(|| PARTS.iter().find(|word| address.path().split('/').any(|part| begins(part, word))))
        .copied()
}

fn begins(part: &str, word: &str) -> bool {
    let rest = part.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word));
    rest.is_some() && matches!(part.as_bytes().get(word.len()), None | Some(b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_wholes_only() {
        let word = |address: &str| likely_blocked_word(&Url::parse(address).unwrap());
        assert_eq!(word("https://analytics.shop.test/s/a.js"), Some("analytics"));
        assert_eq!(word("https://shop.test/js/plausible.js"), Some("plausible"));
        assert_eq!(word("https://shop.test/js/Plausible.hash.js"), Some("plausible"));
        assert_eq!(word("https://shop.test/tracking/a.js"), Some("tracking"));
        assert_eq!(word("https://shop.test/js/tracker-2.js"), Some("tracker"));
        for fine in [
            "https://stats.shop.test/y/api/v1/weir.js",
            "https://stats.shop.test/x/api/v1/events",
            "https://shop.test/js/script.js",
            "https://soundtrack.test/tracks/a.js",
            "https://webanalytics.test/é.js",
        ] {
            assert_eq!(word(fine), None, "{fine}");
        }
    }
}
