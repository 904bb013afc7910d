//! What may be found, and its words.

/// How much is told of a name or an address that a page made up.
const SHOWN_CHARS_MAX: usize = 200;

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; visits are counted.
    Note,
    /// Visits are not counted, or not all of them.
    Wrong,
}

/// One thing about a page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    NoScript {
        tag: String,
    },
    /// Something on the page adds scripts later, which can't be seen.
    AddedLater {
        by: String,
    },
    WrongHost {
        host: String,
        ours: String,
    },
    WrongPath {
        path: String,
        tag: String,
    },
    WrongEndpoint {
        address: String,
        ours: String,
    },
    /// By Fusionaly's configuration.
    WrongConfigHost {
        address: String,
        ours: String,
    },
    /// Fusionaly's configuration is there, and its host is not.
    ConfigUnseen,
    /// Fusionaly's own script, which is told to send here.
    OlderScript {
        host: String,
    },
    HeldBack,
    /// A module does not know its own tag.
    AsModule,
    MixedContent {
        address: String,
    },
    PolicyBlocksScript {
        source: String,
    },
    PolicyBlocksEvents {
        source: String,
    },
    LikelyBlocked {
        word: &'static str,
        address: String,
    },
    OwnHost {
        host: String,
    },
    Elsewhere {
        host: String,
        domain: String,
    },
    TooBig,
    Unreachable,
    Tls,
    Slow,
    Broken,
    Status {
        code: u16,
    },
    NotHtml {
        kind: String,
    },
    Redirects,
}

impl Finding {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoScript { .. } => "no-script",
            Self::AddedLater { .. } => "added-later",
            Self::WrongHost { .. } => "wrong-host",
            Self::WrongPath { .. } => "wrong-path",
            Self::WrongEndpoint { .. } => "wrong-endpoint",
            Self::WrongConfigHost { .. } => "wrong-config-host",
            Self::ConfigUnseen => "config-unseen",
            Self::OlderScript { .. } => "older-script",
            Self::HeldBack => "held-back",
            Self::AsModule => "as-module",
            Self::MixedContent { .. } => "mixed-content",
            Self::PolicyBlocksScript { .. } => "policy-blocks-script",
            Self::PolicyBlocksEvents { .. } => "policy-blocks-events",
            Self::LikelyBlocked { .. } => "likely-blocked",
            Self::OwnHost { .. } => "own-host",
            Self::Elsewhere { .. } => "elsewhere",
            Self::TooBig => "too-big",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Slow => "slow",
            Self::Broken => "broken",
            Self::Status { .. } => "status",
            Self::NotHtml { .. } => "not-html",
            Self::Redirects => "redirects",
        }
    }

    pub fn level(&self) -> Level {
        match self {
            Self::OwnHost { .. }
            | Self::AddedLater { .. }
            | Self::ConfigUnseen
            | Self::OlderScript { .. } => Level::Note,
            _ => Level::Wrong,
        }
    }

    /// What is so, in a sentence.
    pub fn text(&self) -> String {
        match self {
            Self::NoScript { .. } => "The page has no tag that loads the script.".to_owned(),
            Self::AddedLater { by } => format!("The page has {by}, which may add the script later; that can't be seen here."),
            Self::WrongHost { host, ours } => format!("The tag loads the script of {host}, and this server is {ours}."),
            Self::WrongPath { path, .. } => format!("The tag asks this server for {path}, where it has no script."),
            Self::WrongEndpoint { address, ours } => {
                format!("The script sends events to {address}, and this server, {ours}, takes none there.")
            }
            Self::WrongConfigHost { address, ours } => {
                format!("An inline script sets Fusionaly's config.host to {address}: events go there, and this server is {ours}.")
            }
            Self::ConfigUnseen => {
                "An inline script sets Fusionaly's config.host, where events go, to what is only known in a browser; that can't be seen here.".to_owned()
            }
            Self::OlderScript { host } => {
                format!("The tag loads Fusionaly's script of {host}, and an inline script has it send events to this server.")
            }
            Self::HeldBack => {
                "The tag is held back: its type, nomodule or a data-src keeps browsers from running it, as consent managers do until a visitor agrees.".to_owned()
            }
            Self::AsModule => {
                "The tag says type=\"module\": a module does not know its own tag, and so not where to send."
                    .to_owned()
            }
            Self::MixedContent { address } => {
                format!("The page is loaded by https and {address} is not; browsers block that.")
            }
            Self::PolicyBlocksScript { .. } => {
                "The page's Content-Security-Policy keeps browsers from loading the script.".to_owned()
            }
            Self::PolicyBlocksEvents { .. } => {
                "The page's Content-Security-Policy keeps the script from sending events.".to_owned()
            }
            Self::LikelyBlocked { word, address } => {
                format!("Content blockers probably stop {address}, for the word {word:?} in it.")
            }
            Self::OwnHost { host } => {
                format!("The tag uses the site's own host {host}; whether that leads on to this server can't be seen from the page.")
            }
            Self::Elsewhere { host, domain } => {
                format!("The page leads on to {host}, which is neither {domain} nor a subdomain of it.")
            }
            Self::TooBig => "The page is larger than 1 MiB; only its beginning was read.".to_owned(),
            Self::Unreachable => "The page can't be reached from here by a public address.".to_owned(),
            Self::Tls => "The page's host has no certificate that browsers trust, or speaks no TLS.".to_owned(),
            Self::Slow => "The page did not come within 10 seconds.".to_owned(),
            Self::Broken => "The page's host gave an answer that can't be read.".to_owned(),
            Self::Status { code } => format!("The page's host answered with status {code} instead of a page."),
            Self::NotHtml { kind } => format!("The address gives {kind}, and not an HTML page."),
            Self::Redirects => "The page leads on more than five times.".to_owned(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NoScript { tag } => format!("Put this into the head of every page: {tag}"),
            Self::AddedLater { .. } | Self::ConfigUnseen => {
                "Open the page in a browser, and look whether a visit is counted.".to_owned()
            }
            Self::WrongHost { ours, .. } => format!("Put {ours} into the tag's src, unless that host leads to this server."),
            Self::WrongPath { tag, .. } => format!("Use the tag as it is: {tag}"),
            Self::WrongEndpoint { .. } => "Take data-endpoint off the tag, or put the server's own address there.".to_owned(),
            Self::WrongConfigHost { ours, .. } => {
                format!("Take host out of Fusionaly's configuration, or put the address of {ours} there.")
            }
            Self::HeldBack => {
                "Where the law lets you count without consent, take the type off; else only those who agree are counted.".to_owned()
            }
            Self::AsModule => "Take type=\"module\" off the tag.".to_owned(),
            Self::MixedContent { .. } => "Serve Weir by https, and write https:// into the tag.".to_owned(),
            Self::PolicyBlocksScript { source } => {
                format!("Add {source} to script-src; where that has 'strict-dynamic', give the tag the page's nonce.")
            }
            Self::PolicyBlocksEvents { source } => format!("Add {source} to connect-src."),
            Self::LikelyBlocked { .. } => {
                "Give the server a host without that word, or choose paths with script_path and events_path.".to_owned()
            }
            Self::OwnHost { .. } | Self::OlderScript { .. } => "Look whether a visit is counted.".to_owned(),
            Self::Elsewhere { host, .. } => format!("Visits there count for a site that has {host}: check that one, or add it."),
            Self::TooBig => "Move the tag to the beginning of the head.".to_owned(),
            Self::Unreachable => {
                "See that the name leads to a public address and that a web server answers on port 80 or 443, or name another page.".to_owned()
            }
            Self::Tls => "Renew the certificate, with its whole chain.".to_owned(),
            Self::Slow | Self::Broken | Self::Redirects => "Open the page in a browser, then check again or name another page.".to_owned(),
            Self::Status { .. } => {
                "Some firewalls keep out what is no browser; name another page, or look at the page in a browser.".to_owned()
            }
            Self::NotHtml { .. } => "Name a page of the site.".to_owned(),
        }
    }
}
