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

/// User agents and what was made of them. The rules cost some ten thousand nanoseconds a user agent and
/// tens of megabytes: they are read when the first unknown one comes, and asked only about unknown ones.
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

    pub(super) fn release_rules(&mut self) {
        self.rules = None;
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
    fn released_rules_come_back_when_they_are_needed() {
        let mut agents = Agents::default();
        let mut texts = Texts::default();
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let before = agents.agent(firefox, &mut texts);
        agents.release_rules();
        assert_eq!(agents.agent(firefox, &mut texts), before);
        assert!(agents.rules.is_none(), "a known user agent needs no rules");
        assert_eq!(&*agents.agent(&firefox.replace("140", "141"), &mut texts).browser, "Firefox");
        assert!(agents.rules.is_some());
    }
}
