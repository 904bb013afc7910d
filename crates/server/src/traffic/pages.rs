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

/// (section, pages in it); each word pair is one page.
const SECTIONS: [&str; 4] = ["/journal", "/trails", "/lodges", "/shop"];

const FIRST: [&str; 12] = [
    "morning", "silent", "northern", "winter", "hidden", "little", "golden", "old", "stone", "summer",
    "high", "blue",
];
const SECOND: [&str; 10] =
    ["bay", "ridge", "harbour", "meadow", "crossing", "lantern", "orchard", "mill", "ferry", "pines"];

/// 492 pages: few that everybody sees and many that hardly anybody does.
#[derive(Debug)]
pub(super) struct Pages {
    content: Vec<String>,
    popular: Weighted,
    signposts: Weighted,
}

impl Pages {
    pub fn new() -> Self {
        let mut content = Vec::with_capacity(SECTIONS.len() * FIRST.len() * SECOND.len());
        // Sections take turns, so that none has all the popular pages.
        for (n, first) in FIRST.iter().enumerate() {
            for (m, second) in SECOND.iter().enumerate() {
                let turn = |s: usize| SECTIONS[(n + m + s) % SECTIONS.len()];
                content.extend((0..SECTIONS.len()).map(|s| format!("{}/{first}-{second}", turn(s))));
            }
        }
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
