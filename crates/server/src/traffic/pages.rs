//! The pages of an invented place by a lake: lodges, trails, a journal, a small shop.

use super::random::{Random, Weighted};

/// Pages that lead somewhere, with how often people turn to them from elsewhere on the site.
const SIGNPOSTS: [(&str, f64); 12] = [
    ("/", 24.0),
    ("/lodges", 16.0),
    ("/trails", 12.0),
    ("/prices", 14.0),
    ("/journal", 10.0),
    ("/shop", 9.0),
    ("/getting-here", 6.0),
    ("/about", 5.0),
    ("/contact", 4.0),
    ("/book", 9.0),
    ("/newsletter", 2.0),
    ("/weather", 3.0),
];

/// Sections, each with the second words of its pages; [`FIRST`] has the first.
const SECTIONS: [(&str, [&str; 10]); 4] = [
    ("/journal", ["swim", "frost", "supper", "harvest", "walk", "guests", "garden", "fire", "letter", "fog"]),
    (
        "/trails",
        ["ridge", "loop", "crossing", "falls", "meadow", "pines", "mill", "ferry", "summit", "marsh"],
    ),
    (
        "/lodges",
        ["bay", "harbour", "lantern", "orchard", "boathouse", "cabin", "barn", "pier", "cove", "hut"],
    ),
    ("/shop", ["blanket", "mug", "map", "candle", "jumper", "poster", "honey", "soap", "basket", "kettle"]),
];

const FIRST: [&str; 12] = [
    "morning", "silent", "northern", "winter", "hidden", "little", "golden", "old", "stone", "summer",
    "high", "blue",
];

/// Decides which pages are popular.
const SEED: u64 = 4;

/// 492 pages: few that everybody sees and many that hardly anybody does.
#[derive(Debug)]
pub(super) struct Pages {
    content: Vec<String>,
    popular: Weighted,
    signposts: Weighted,
}

impl Pages {
    pub fn new() -> Self {
        let section = |(section, words): &(&str, [&str; 10])| -> Vec<String> {
            let pages = words.iter().flat_map(|word| FIRST.map(|first| format!("{section}/{first}-{word}")));
            pages.collect()
        };
        let mut content: Vec<String> = SECTIONS.iter().flat_map(section).collect();
        let mut random = Random::new(SEED, 0);
        (1..content.len()).rev().for_each(|n| content.swap(n, random.below(n + 1)));
        let popular = Weighted::zipf(content.len());
        let signposts = Weighted::new(SIGNPOSTS.map(|(_, weight)| weight));
        Self { content, popular, signposts }
    }

    /// Where a visit begins.
    pub fn entry(&self, random: &mut Random) -> &str {
        if random.chance(0.34) { "/" } else { self.somewhere(random, 0.25) }
    }

    /// Where it goes on, never to the page it is on.
    pub fn next(&self, random: &mut Random, from: &str) -> &str {
        let page = self.somewhere(random, 0.5);
        match page == from {
            true if from == "/" => "/lodges",
            true => "/",
            false => page,
        }
    }

    fn somewhere(&self, random: &mut Random, signpost: f64) -> &str {
        match random.chance(signpost) {
            true => SIGNPOSTS[self.signposts.pick(random)].0,
            false => &self.content[self.popular.pick(random)],
        }
    }
}
