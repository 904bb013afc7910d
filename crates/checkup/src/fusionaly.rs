//! Where an inline script sends Fusionaly's events: by `host` of its configuration, which outdoes the tag.
//!
//! No JavaScript is run or parsed here: a text in quotes is believed, all else is said to be unseen.

/// What pages call the object whose `config` it is.
const NAME: &str = "Fusionaly";
const KEY: &str = "host";

/// So many are looked at: each may have all of a long line before it.
const ASSIGNED_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigHost {
    Said(String),
    /// It is set to what only a browser knows, or to several things.
    Unseen,
}

impl ConfigHost {
    /// What is set where scripts set one and the other.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Unseen }
    }
}

/// `None` where the script does not set it.
pub(crate) fn config_host(script: &str) -> Option<ConfigHost> {
    hosts_of(&script[script.find(NAME)?..]).reduce(ConfigHost::and)
}

fn hosts_of(script: &str) -> impl Iterator<Item = ConfigHost> {
    let words = script.match_indices(KEY).map(|(at, _)| (&script[..at], &script[at + KEY.len()..]));
    let set = words.filter(|(before, _)| begins(before));
    let set = set.filter_map(|(before, after)| Some((before, assigned(after)?)));
    set.take(ASSIGNED_MAX).filter(|(before, _)| !is_comment(before)).map(|(_, host)| host)
}

/// Whether a word that comes after `before` begins there. Of other objects `host` is the page's, as in `location.host`.
fn begins(before: &str) -> bool {
    let is_of_config = before.strip_suffix('.').is_none_or(|object| object.ends_with("config"));
    is_of_config && !before.ends_with(|c: char| c.is_alphanumeric() || "_$-".contains(c))
}

/// Whether a word that comes after `before` is in a comment of lines of its own.
fn is_comment(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    ["//", "*", "/*"].iter().any(|sign| line.starts_with(sign))
}

/// What follows `host`: a value after `:` or `=`, where it is one that is set.
fn assigned(after: &str) -> Option<ConfigHost> {
    let after = after.strip_prefix(['"', '\'']).unwrap_or(after);
    let after = after.strip_prefix(']').unwrap_or(after).trim_start();
    // `{ host }` is short for `{ host: host }`.
    if after.starts_with([',', '}']) {
        return Some(ConfigHost::Unseen);
    }
    let value = after.strip_prefix([':', '='])?;
    // A comparison.
    if value.starts_with('=') {
        return None;
    }
    Some(literal(value.trim_start()).map_or(ConfigHost::Unseen, ConfigHost::Said))
}

/// A text in quotes that is all of a value.
fn literal(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|c| "\"'`".contains(*c))?;
    let (text, after) = value[1..].split_once(quote)?;
    let is_whole = after.trim_start().starts_with([',', '}', ';']) || after.trim().is_empty();
    let is_plain = !text.contains(['\\', '\n']) && !text.contains("${");
    (is_plain && (is_whole || after.starts_with(['\n', '\r']))).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Option<&str>, script: &str) {
        let expected = expected.map(|host| ConfigHost::Said(host.to_owned()));
        assert_eq!(config_host(script), expected, "{script}");
    }

    #[test]
    fn a_host_in_quotes_is_read_however_it_is_set() {
        let host = Some("https://a.test");
        check(host, "window.Fusionaly = { config: { host: 'https://a.test', debug: true } }");
        check(host, "window.Fusionaly={config:{\"host\":\"https://a.test\"}};");
        check(host, "window.Fusionaly.config.host = `https://a.test`;");
        check(host, "Fusionaly.config.host='https://a.test'\nrun()");
        check(host, "Fusionaly.config['host'] = 'https://a.test'");
        check(
            host,
            "var Fusionaly = { config: {\n  // host: 'https://b.test',\n  host: 'https://a.test'\n} }",
        );
        check(Some(""), "Fusionaly = { config: { host: '' } }");
    }

    #[test]
    fn what_is_not_in_quotes_is_unseen() {
        for value in
            ["location.origin", "'https://' + name", "`https://${name}`", "'a\\u002etest'", "f('x')", "'a"]
        {
            let script = format!("window.Fusionaly = {{ config: {{ host: {value} }} }}");
            assert_eq!(config_host(&script), Some(ConfigHost::Unseen), "{script}");
        }
        assert_eq!(config_host("Fusionaly.config = { host }"), Some(ConfigHost::Unseen));
        let one = "Fusionaly = { config: { host: 'a' } };";
        let said = Some(ConfigHost::Said("a".to_owned()));
        assert_eq!(config_host(&one.repeat(2)), said);
        assert_eq!(config_host(&format!("{one} Fusionaly.config.host = 'b'")), Some(ConfigHost::Unseen));
    }

    #[test]
    fn other_hosts_are_none_of_its_configuration() {
        check(None, "window.Fusionaly = { config: { autoSendPageViews: false } }");
        check(None, "x = { host: 'https://a.test' }");
        check(None, "Fusionaly.sendCustomEvent(location.host); if (host == 'a') b()");
        check(None, "Fusionaly.setUser(); location.host = 'a'; hostname = 'b'; vhost = 'c'; a.ghost: 'd'");
        check(None, "/* Fusionaly\n * host: 'https://a.test'\n */");
    }
}
