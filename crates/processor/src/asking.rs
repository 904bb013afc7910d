use weir_event::{Event, EventId, Reason, Verdict};
use weir_store::BookEntry;
use weir_verdicts::{BotRule, Fate, Verdicts};

use crate::Enricher;

/// What becomes of the events of a batch that somebody asks about. Told once the batch is committed.
pub(crate) struct Asking<'a> {
    /// `None` where nobody asks: then nothing is looked up.
    verdicts: Option<&'a Verdicts>,
    fates: Vec<(EventId, Fate)>,
}

impl<'a> Asking<'a> {
    pub fn of(verdicts: Option<&'a Verdicts>) -> Self {
        Self { verdicts: verdicts.filter(|verdicts| verdicts.is_following()), fates: Vec::new() }
    }

    pub fn settle(&mut self, id: EventId, verdict: Verdict) {
        if self.is_about(id) {
            self.fates.push((id, Fate::of(verdict)));
        }
    }

    /// An event that the lists set aside: of a bot, by which rule.
    pub fn set_aside(&mut self, event: &Event, reason: Reason, enricher: &mut Enricher) {
        if !self.is_about(event.id) {
            return;
        }
        let fate = match reason {
            Reason::Bot => Fate::bot(bot_rule(event, enricher)),
            reason => Fate::of(Verdict::Not(reason)),
        };
        self.fates.push((event.id, fate));
    }

    pub fn into_fates(self) -> Vec<(EventId, Fate)> {
        self.fates
    }

    fn is_about(&self, id: EventId) -> bool {
        self.verdicts.is_some_and(|verdicts| verdicts.follows(id))
    }
}

fn bot_rule(event: &Event, enricher: &mut Enricher) -> BotRule {
    match enricher.bot_pattern(&event.user_agent) {
        _ if event.webdriver => BotRule::Driven,
        Some(pattern) => BotRule::Pattern(pattern.to_owned()),
        None => BotRule::NoUserAgent,
    }
}

/// What its place in the books means to whoever asks.
pub(crate) fn verdict(entry: BookEntry) -> Verdict {
    match entry {
        BookEntry::SetAside(reason) => Verdict::Not(reason),
        _ => Verdict::Stored,
    }
}
