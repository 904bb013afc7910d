use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use weir_event::limits::ENRICH_CACHE_BYTES_MAX;

use super::bots::Bots;
use super::device::device;
use super::texts::Texts;
use super::user_agent::Rules;

/// What a user agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) browser: Arc<str>,
    pub(super) os: Arc<str>,
    pub(super) device: Arc<str>,
    pub(super) bot: bool,
}

/// User agents and what was made of them. Asking the rules takes microseconds, reading them takes tens of
/// milliseconds and some 15 MB: that waits for the first user agent.
pub(super) struct Agents {
    known: Cache<Box<str>, Agent, Weight>,
    rules: Option<Rules>,
    bots: Option<Bots>,
}

/// A typical entry, for the cache to size its table by.
const ENTRY_BYTES: usize = 256;

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Agent> for Weight {
    fn weight(&self, user_agent: &Box<str>, _: &Agent) -> u64 {
        // Names are shared: what an entry holds alone is the user agent and its place in the table.
        (user_agent.len() + 96) as u64
    }
}

impl Default for Agents {
    fn default() -> Self {
        let entries = ENRICH_CACHE_BYTES_MAX / ENTRY_BYTES;
        let known = Cache::with_weighter(entries, ENRICH_CACHE_BYTES_MAX as u64, Weight);
        Self { known, rules: None, bots: None }
    }
}

impl Agents {
    pub(super) fn rest(&mut self) {
        (self.rules, self.bots) = (None, None);
    }

    /// The pattern that makes a bot of this user agent; `None` of one that matches none.
    pub(super) fn bot_pattern(&mut self, user_agent: &str) -> Option<&'static str> {
        self.bots.get_or_insert_with(Bots::load).pattern(user_agent)
    }

    pub(super) fn agent(&mut self, user_agent: &str, texts: &mut Texts) -> Agent {
        if let Some(agent) = self.known.get(user_agent) {
            return agent.clone();
        }
        let rules = self.rules.get_or_insert_with(Rules::load);
        let bots = self.bots.get_or_insert_with(Bots::load);
        let agent = Agent {
            browser: texts.share(&rules.browser(user_agent)),
            os: texts.share(&rules.system(user_agent)),
            device: texts.share(device(user_agent)),
            bot: bots.is_bot(user_agent),
        };
        self.known.insert(user_agent.into(), agent.clone());
        agent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_of_user_agents_stays_within_its_limit() {
        let mut agents = Agents::default();
        let mut texts = Texts::default();
        let long = "x".repeat(1_000);
        for n in 0..6_000 {
            agents.agent(&format!("{n} {long}"), &mut texts);
        }
        assert!(agents.known.weight() <= ENRICH_CACHE_BYTES_MAX as u64);
        assert!(agents.known.len() > 1_000, "and uses it");
    }

    #[test]
    fn lists_are_read_at_the_first_unknown_user_agent() {
        let mut agents = Agents::default();
        assert!(agents.rules.is_none() && agents.bots.is_none());
        assert_eq!(&*agents.agent("curl/8.16.0", &mut Texts::default()).browser, "curl");
        assert!(agents.rules.is_some() && agents.bots.is_some());
    }

    #[test]
    fn after_a_rest_the_lists_are_gone_and_what_they_said_is_not() {
        let (mut agents, mut texts) = (Agents::default(), Texts::default());
        let before = agents.agent("curl/8.16.0", &mut texts);
        agents.rest();
        assert_eq!(agents.agent("curl/8.16.0", &mut texts), before);
        assert!(agents.rules.is_none() && agents.bots.is_none(), "nothing had to be asked");
        assert_eq!(&*agents.agent("Wget/1.25.0", &mut texts).browser, "Wget");
    }
}
