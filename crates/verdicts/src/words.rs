//! Verdicts in plain words. One place for the console and the page, so that both say the same.

use weir_event::{Reason, Verdict};

use crate::{BotRule, Fate};

impl Fate {
    /// A sentence without its full stop.
    pub fn words(&self) -> String {
        let text = match self.verdict {
            Verdict::Waiting => "Accepted, and waiting to be counted",
            Verdict::Stored => "Counted",
            Verdict::Duplicate => "A duplicate: it came before, and counts once",
            Verdict::Expired => "Not counted: the statistics of its day are closed",
            Verdict::Dead => "Not counted yet: it could not be read, and is kept for the operator to look at",
            Verdict::Not(Reason::Bot) => return self.bot_words(),
            Verdict::Not(reason) => reason_words(reason),
        };
        text.to_owned()
    }

    fn bot_words(&self) -> String {
        match &self.rule {
            Some(BotRule::Driven) => {
                "Set aside as a bot: the browser says that a program drives it (navigator.webdriver)"
                    .to_owned()
            }
            Some(BotRule::NoUserAgent) => "Set aside as a bot: it sends no user agent".to_owned(),
            Some(BotRule::Pattern(pattern)) => {
                format!("Set aside as a bot: its user agent matches \u{201c}{pattern}\u{201d}")
            }
            None => "Set aside as a bot".to_owned(),
        }
    }
}

fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Malformed => "Refused: it is not of the form that events have",
        Reason::TooLarge => "Refused: the delivery is too large",
        Reason::TooMany => "Refused: too many events in one delivery",
        Reason::InvalidUrl => "Refused: the page's address is missing, too long, or not http or https",
        Reason::UnknownHost => "Refused: no site here has the host of this page",
        Reason::ForeignOrigin => "Refused: it was sent by a page on a host that no site here has",
        Reason::SiteMismatch => "Refused: it was sent by a page of another site, or is meant for another one",
        Reason::ExcludedIp => "Not counted: your IP address is on the list of those to leave out",
        Reason::TooOld => "Refused: it happened more than 24 hours ago by your device's clock",
        Reason::InvalidName => "Refused: its name is empty, longer than 120 bytes or has control characters",
        Reason::InvalidProps => {
            "Refused: its properties are too many, too long, or neither texts, numbers nor booleans"
        }
        Reason::InvalidAmount => "Refused: its revenue has no decimal amount or no ISO 4217 currency",
        Reason::RateLimited => "Not taken: too many events from your IP address; the browser will try again",
        Reason::Overloaded => "Not taken: the server is busy; the browser will try again",
        Reason::InvalidText => "Refused: its referrer or user agent has control characters",
        Reason::InvalidToken => "Refused: the token may not send events",
        Reason::TokenMismatch => "Refused: the token is for another site",
        Reason::InvalidIp => "Refused: the visitor's IP address is none",
        Reason::Bot => "Set aside as a bot",
        Reason::VisitorFull => "Set aside: this visitor has as many events today as one may have",
        Reason::SpamReferrer => "Set aside: its referrer is on the list of spammers",
        Reason::SiteRemoved => "Not counted: the site was removed in the meantime",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_words_of_its_own() {
        let mut verdicts =
            vec![Verdict::Waiting, Verdict::Stored, Verdict::Duplicate, Verdict::Expired, Verdict::Dead];
        verdicts.extend(Reason::ALL.map(Verdict::Not));
        let mut words: Vec<String> = verdicts.iter().map(|verdict| Fate::of(*verdict).words()).collect();
        words.extend(
            [BotRule::Driven, BotRule::NoUserAgent, BotRule::Pattern("spider".into())]
                .map(|r| Fate::bot(r).words()),
        );
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }

    #[test]
    fn a_bot_is_told_what_gave_it_away() {
        assert!(
            Fate::bot(BotRule::Pattern("headless".into()))
                .words()
                .ends_with("matches \u{201c}headless\u{201d}")
        );
    }
}
