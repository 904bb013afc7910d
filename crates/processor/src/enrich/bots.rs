use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

const PATTERNS: &str = include_str!("../../../../data/bots/isbot.txt");

/// A pattern of the list that looks around its match, which linear-time engines cannot: the rest of
/// it is searched for, and each match's surroundings are compared here.
struct LookAround {
    /// As the list has it: a refresh that changes it fails a test instead of losing it.
    listed: &'static str,
    core: &'static str,
    not_before: &'static [&'static str],
    not_after: &'static [&'static str],
}

const LOOK_AROUND: [LookAround; 6] = [
    LookAround {
        listed: "(?:^|[^g])news(?!sapphire)",
        core: "(?:^|[^g])news",
        not_before: &[],
        not_after: &["sapphire"],
    },
    LookAround {
        listed: "(?<! channel/|google/)google(?!(?:wv|app|/google| pixel))",
        core: "google",
        not_before: &[" channel/", "google/"],
        not_after: &["wv", "app", "/google", " pixel"],
    },
    LookAround {
        listed: r"(?<! cu)bots?(?:\b|_)",
        core: r"bots?(?:\b|_)",
        not_before: &[" cu"],
        not_after: &[],
    },
    LookAround { listed: "(?<!cam)scan", core: "scan", not_before: &["cam"], not_after: &[] },
    LookAround { listed: "(?<!lib)http", core: "http", not_before: &["lib"], not_after: &[] },
    LookAround { listed: "java(?!;)", core: "java", not_before: &[], not_after: &[";"] },
];

/// How much a search may keep of the automaton that it builds as it goes.
const AUTOMATON_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Tells crawlers, monitors and tools from people by the user agent.
pub(super) struct Bots {
    plain: RegexSet,
    look_around: Vec<(Regex, &'static LookAround)>,
}

impl Bots {
    pub(super) fn load() -> Self {
        let plain = listed().filter(|pattern| LOOK_AROUND.iter().all(|known| known.listed != *pattern));
        // Bytes, not characters: the list was written for ASCII, and case tables of all scripts are large.
        let plain = RegexSetBuilder::new(plain)
            .case_insensitive(true)
            .unicode(false)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .build()
            .expect("the list in data/bots compiles: a test loads it");
        let look_around = LOOK_AROUND.iter().map(|known| {
            let core = RegexBuilder::new(known.core).case_insensitive(true).unicode(false).build();
            (core.expect("the patterns above compile: a test loads them"), known)
        });
        Self { plain, look_around: look_around.collect() }
    }

    /// An empty user agent is one: browsers always send theirs.
    pub(super) fn is_bot(&self, user_agent: &str) -> bool {
        let text = user_agent.as_bytes();
        text.is_empty()
            || self.plain.is_match(text)
            || self.look_around.iter().any(|(core, known)| known.found(core, text))
    }
}

impl Bots {
    /// The pattern of the list that makes a bot of it.
    pub(super) fn pattern(&self, user_agent: &str) -> Option<&'static str> {
        let text = user_agent.as_bytes();
        let is_plain = |pattern: &&str| LOOK_AROUND.iter().all(|known| known.listed != *pattern);
        let plain = self.plain.matches(text).iter().next();
        let plain = plain.and_then(|n| listed().filter(is_plain).nth(n));
        plain.or_else(|| {
            self.look_around
                .iter()
                .find(|(core, known)| known.found(core, text))
                .map(|(_, known)| known.listed)
        })
    }
}

impl LookAround {
    fn found(&self, core: &Regex, text: &[u8]) -> bool {
        core.find_iter(text).any(|found| {
            let (before, after) = (&text[..found.start()], &text[found.end()..]);
            !self.not_before.iter().any(|word| ends_with(before, word))
                && !self.not_after.iter().any(|word| starts_with(after, word))
        })
    }
}

fn starts_with(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

fn ends_with(text: &[u8], word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    start.is_some_and(|start| text[start..].eq_ignore_ascii_case(word.as_bytes()))
}

fn listed() -> impl Iterator<Item = &'static str> {
    PATTERNS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_list_is_in_force() {
        let bots = Bots::load();
        assert_eq!(bots.plain.len() + LOOK_AROUND.len(), listed().count());
        for known in &LOOK_AROUND {
            assert!(listed().any(|pattern| pattern == known.listed), "{} is listed no more", known.listed);
        }
    }

    #[test]
    fn a_bot_s_pattern_is_the_one_it_matches() {
        let bots = Bots::load();
        for user_agent in
            ["Mozilla/5.0 HeadlessChrome/140", "curl/8.16.0", "x Google y", "scanner", "Java/17", "GPTBot"]
        {
            let pattern = bots.pattern(user_agent).expect("a bot");
            let known = LOOK_AROUND.iter().find(|known| known.listed == pattern);
            let regex = known.map_or(pattern, |known| known.core);
            let regex =
                RegexBuilder::new(regex).case_insensitive(true).unicode(false).build().expect("a pattern");
            assert!(regex.is_match(user_agent.as_bytes()), "{user_agent:?}: {pattern}");
        }
        assert_eq!(
            bots.pattern("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            None
        );
    }

    #[test]
    fn surroundings_decide_where_the_list_looks_around() {
        let bots = Bots::load();
        let found = |index: usize, text: &str| {
            let (core, known) = &bots.look_around[index];
            known.found(core, text.as_bytes())
        };
        for (index, text, expected) in [
            (0, "a news b", true),
            (0, "NewsSapphire", false),
            (0, "gnews", false),
            (1, "x Google y", true),
            (1, "x channel/Google y", false),
            (1, "x GoogleApp y", false),
            (1, "Google Pixel 9 and Google", true),
            (2, "x bots", true),
            (2, "x cubot y", false),
            (2, "x bottle", false),
            (3, "scanner", true),
            (3, "CamScanner", false),
            (4, "http://x", true),
            (4, "libhttp", false),
            (5, "Java/17", true),
            (5, "x Java; y", false),
        ] {
            assert_eq!(found(index, text), expected, "{:?} in {text:?}", LOOK_AROUND[index].listed);
        }
    }
}
