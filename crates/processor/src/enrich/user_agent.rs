use serde::Deserialize;
use ua_parser::{os, user_agent};

const RULES: &str = include_str!("../../../../data/user-agents/rules.json");

/// Longer than any browser's name: what rules copy out of a made-up user agent is no name.
const NAME_BYTES_MAX: usize = 40;

/// The rules that find browser and system in a user agent.
pub(super) struct Rules {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

#[derive(Deserialize)]
struct RuleFile {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

impl Rules {
    pub(super) fn load() -> Self {
        const WHY: &str = "the list in data/user-agents compiles: a test loads it";
        let file: RuleFile = serde_json::from_str(RULES).expect(WHY);
        let browsers = user_agent::Builder::new().push_all(file.user_agent_parsers).expect(WHY);
        let systems = os::Builder::new().push_all(file.os_parsers).expect(WHY);
        Self { browsers: browsers.build().expect(WHY), systems: systems.build().expect(WHY) }
    }

    /// The browser's name, or nothing.
    pub(super) fn browser(&self, user_agent: &str) -> String {
        let found = self.browsers.extract(user_agent);
        found.map_or_else(String::new, |found| browser_name(&found.family).to_owned())
    }

    /// The system's name, or nothing.
    pub(super) fn system(&self, user_agent: &str) -> String {
        let found = self.systems.extract(user_agent);
        found.map_or_else(String::new, |found| system_name(&found.os).to_owned())
    }
}

/// One name for one browser, whatever it runs on: the device is a dimension of its own.
fn browser_name(family: &str) -> &str {
    match family {
        "Mobile Safari" => "Safari",
        // Pages inside other apps: no browser that anybody chose, and numerous enough to be told apart.
        "Mobile Safari UI/WKWebView" => "iOS WebView",
        "Chrome Mobile WebView" => "Android WebView",
        "Android" => "Android Browser",
        "Google" => "Google App",
        "WeChat Browser" => "WeChat",
        "MiuiBrowser" => "MIUI Browser",
        "MullvadBrowser" => "Mullvad Browser",
        "IE" | "IE Mobile" | "IE Large Screen" => "Internet Explorer",
        "Firefox Alpha" | "Firefox Beta" => "Firefox",
        "Other" => "",
        other => without_platform(named(other)),
    }
}

fn system_name(family: &str) -> &str {
    match family {
        "Mac OS X" | "Mac OS" => "macOS",
        "ATV OS X" => "tvOS",
        "WatchOS" => "watchOS",
        "Web0S" => "webOS",
        "Windows Mobile" => "Windows Phone",
        "BlackBerry Tablet OS" => "BlackBerry OS",
        "Other" => "",
        // Most browsers on Linux name no distribution: counting those that do would only mislead.
        "Arch Linux" | "BackTrack" | "CentOS" | "Debian" | "Fedora" | "Gentoo" | "Kubuntu" | "Linux Mint"
        | "Lubuntu" | "Mageia" | "Mandriva" | "PCLinuxOS" | "Puppy" | "Red Hat" | "Slackware" | "SUSE"
        | "Ubuntu" | "openSUSE" => "Linux",
        cast if cast.starts_with("Chromecast") => "Chromecast",
        symbian if symbian.starts_with("Symbian") => "Symbian",
        other => named(other),
    }
}

fn without_platform(family: &str) -> &str {
    [" Mobile iOS", " Mobile", " iOS", " Android", " Tablet"]
        .iter()
        .find_map(|platform| family.strip_suffix(platform))
        .unwrap_or(family)
}

fn named(family: &str) -> &str {
    if family.len() <= NAME_BYTES_MAX && !family.contains(char::is_control) { family.trim() } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_browser_has_is_no_name() {
        assert_eq!(browser_name(&"x".repeat(NAME_BYTES_MAX)), "x".repeat(NAME_BYTES_MAX));
        assert_eq!(browser_name(&"x".repeat(NAME_BYTES_MAX + 1)), "");
        assert_eq!(browser_name("a\u{7}b"), "");
        assert_eq!(system_name("Other"), "");
    }

    #[test]
    fn a_browser_has_one_name_on_every_platform() {
        for (family, name) in [
            ("Chrome Mobile iOS", "Chrome"),
            ("Chrome Mobile", "Chrome"),
            ("Firefox iOS", "Firefox"),
            ("Edge Mobile", "Edge"),
            ("Ecosia Android", "Ecosia"),
            ("Opera Mini", "Opera Mini"),
            ("Samsung Internet", "Samsung Internet"),
        ] {
            assert_eq!(browser_name(family), name);
        }
    }
}
