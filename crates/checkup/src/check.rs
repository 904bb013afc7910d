//! The whole check: from a domain to what is wrong.

use std::time::Instant;

use thiserror::Error;
use url::Url;

use crate::fetch::{Page, Unfetched, fetch, may_ask_for};
use crate::judge::judge;
use crate::{Finding, Level, Reach, Server};

/// What is to be checked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The site's, as the registry spells it.
    pub domain: &'a str,
    /// A page of the site; its front page if none is named.
    pub url: Option<&'a str>,
    pub server: &'a Server,
}

/// The page that is named can't be one of the site.
#[derive(Debug, Error)]
#[error("{url:?} is no page of {domain}: give an http or https address of {domain} or a subdomain of it")]
pub struct AskError {
    url: String,
    domain: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub verdict: Verdict,
    /// The page that was read, behind all redirects; else the one that was asked for.
    pub url: String,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The script is there, and nothing keeps it from working that a page could show.
    Right,
    Wrong,
    /// There is no tag, and something that may add it.
    Unseen,
    /// There was no page to judge.
    Unfetched,
}

impl Verdict {
    /// A word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Unseen => "unseen",
            Self::Unfetched => "unfetched",
        }
    }

    /// The answer in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Right => "Right: the page loads the script.",
            Self::Wrong => "Something is wrong with the page.",
            Self::Unseen => "The page has no tag, and something that may add it later.",
            Self::Unfetched => "The page could not be checked.",
        }
    }
}

/// Fetches the page and judges it. Blocks, for as long as a page may take.
///
/// # Errors
/// Where the page that is asked for is none of the site's.
pub fn check(reach: &Reach, ask: Ask<'_>) -> Result<Report, AskError> {
    let until = Instant::now() + reach.wait;
    let mut start = match ask.url {
        Some(url) => named(url, ask.domain)?,
        None => front_page("https", ask.domain)?,
    };
    let mut fetched = fetch(reach, start.clone(), ask.domain, until);
    if ask.url.is_none() && matches!(fetched, Err(Unfetched::Unreachable)) {
        let plain = front_page("http", ask.domain)?;
        fetched = fetch(reach, plain.clone(), ask.domain, until);
        // Where neither answers, it is https that should.
        if !matches!(fetched, Err(Unfetched::Unreachable)) {
            start = plain;
        }
    }
    Ok(match fetched {
        Ok(page) => judged(&page, ask),
        Err(why) => unfetched(why, &start, ask.domain),
    })
}

fn named(text: &str, domain: &str) -> Result<Url, AskError> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&whole).ok().filter(|url| may_ask_for(url, domain));
    url.ok_or_else(|| AskError { url: text.chars().take(200).collect(), domain: domain.to_owned() })
}

fn front_page(scheme: &str, domain: &str) -> Result<Url, AskError> {
    named(&format!("{scheme}://{domain}/"), domain)
}

fn judged(page: &Page, ask: Ask<'_>) -> Report {
    let findings = judge(page, ask.domain, ask.server);
    let verdict = if findings.iter().any(|one| matches!(one, Finding::AddedLater { .. })) {
        Verdict::Unseen
    } else if findings.iter().any(|one| one.level() == Level::Wrong) {
        Verdict::Wrong
    } else {
        Verdict::Right
    };
    Report { verdict, url: page.url.to_string(), findings }
}

fn unfetched(why: Unfetched, start: &Url, domain: &str) -> Report {
    let verdict = match why {
        Unfetched::Elsewhere(_) => Verdict::Wrong,
        _ => Verdict::Unfetched,
    };
    let finding = match why {
        Unfetched::Elsewhere(host) => Finding::Elsewhere { host, domain: domain.to_owned() },
        Unfetched::Unreachable => Finding::Unreachable,
        Unfetched::Tls => Finding::Tls,
        Unfetched::Slow => Finding::Slow,
        Unfetched::Broken => Finding::Broken,
        Unfetched::Status(code) => Finding::Status { code },
        Unfetched::NotHtml(kind) => Finding::NotHtml { kind },
        Unfetched::Redirects => Finding::Redirects,
    };
    Report { verdict, url: start.to_string(), findings: vec![finding] }
}
