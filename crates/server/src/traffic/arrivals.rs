//! Ways to arrive at a site: typed in, found, linked, mailed, advertised.

use weir_event::{ClickId, Referrer, Utm};

/// One way, and how many of a thousand arrivals take it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub weight: f64,
    /// Host and path of the page that linked here.
    from: Option<(&'static str, &'static str)>,
    /// utm_source, utm_medium, utm_campaign.
    tags: [&'static str; 3],
    content: &'static str,
    term: &'static str,
    plain_ref: &'static str,
    pub click_id: Option<ClickId>,
    /// Where the link points, if not to wherever.
    pub landing: Option<&'static str>,
    /// Monday is 0. On other days hardly anybody comes this way: yesterday's newsletter.
    pub weekday: Option<usize>,
}

const PLAIN: Arrival = Arrival {
    weight: 0.0,
    from: None,
    tags: [""; 3],
    content: "",
    term: "",
    plain_ref: "",
    click_id: None,
    landing: None,
    weekday: None,
};

const fn linked(weight: f64, host: &'static str, path: &'static str) -> Arrival {
    Arrival { weight, from: Some((host, path)), ..PLAIN }
}

const fn tagged(weight: f64, tags: [&'static str; 3], landing: &'static str) -> Arrival {
    Arrival { weight, tags, landing: Some(landing), ..PLAIN }
}

pub(super) const ARRIVALS: [Arrival; 50] = [
    Arrival { weight: 238.0, ..PLAIN },
    // Found by a search engine.
    linked(245.0, "google.com", "/"),
    linked(24.0, "google.de", "/"),
    linked(14.0, "google.co.uk", "/"),
    linked(9.0, "google.fr", "/"),
    linked(34.0, "bing.com", "/"),
    linked(31.0, "duckduckgo.com", "/"),
    linked(11.0, "ecosia.org", "/"),
    linked(7.0, "search.brave.com", "/"),
    linked(6.0, "search.yahoo.com", "/"),
    linked(4.0, "yandex.ru", "/"),
    linked(4.0, "kagi.com", "/"),
    linked(3.0, "startpage.com", "/"),
    linked(3.0, "baidu.com", "/"),
    linked(2.0, "qwant.com", "/"),
    // Recommended by an assistant.
    linked(22.0, "chatgpt.com", "/"),
    Arrival { plain_ref: "", ..tagged(9.0, ["chatgpt.com", "", ""], "/prices") },
    linked(9.0, "perplexity.ai", "/"),
    linked(5.0, "gemini.google.com", "/"),
    linked(5.0, "copilot.microsoft.com", "/"),
    linked(4.0, "claude.ai", "/"),
    // Shared.
    linked(19.0, "l.facebook.com", "/"),
    linked(9.0, "m.facebook.com", "/"),
    linked(18.0, "l.instagram.com", "/"),
    linked(14.0, "t.co", "/"),
    linked(23.0, "reddit.com", "/r/hiking"),
    linked(7.0, "old.reddit.com", "/r/travel"),
    linked(9.0, "linkedin.com", "/"),
    linked(12.0, "youtube.com", "/"),
    linked(9.0, "pinterest.com", "/"),
    linked(6.0, "mastodon.social", "/"),
    linked(5.0, "bsky.app", "/"),
    linked(12.0, "news.ycombinator.com", "/item"),
    linked(3.0, "threads.net", "/"),
    // Linked by other sites, which are invented.
    linked(17.0, "trailnotes.example", "/best-lakes"),
    linked(13.0, "weekendmaps.example", "/north/lakeside"),
    linked(9.0, "smallhotels.example", "/guide"),
    linked(7.0, "slowtravel.example", "/2026/lakes"),
    linked(5.0, "cabinclub.example", "/links"),
    linked(4.0, "outdoorforum.example", "/thread/4711"),
    linked(3.0, "rainradar.example", "/partners"),
    linked(2.0, "github.com", "/lakeside/trail-data"),
    Arrival { weight: 8.0, plain_ref: "trailnotes", ..PLAIN },
    // Mailed.
    Arrival { weekday: Some(1), ..tagged(42.0, ["newsletter", "email", "tuesday-letter"], "/journal") },
    Arrival { content: "footer", ..tagged(6.0, ["newsletter", "email", "welcome"], "/lodges") },
    // Advertised.
    Arrival {
        click_id: Some(ClickId::Google),
        term: "lake lodge",
        content: "variant-a",
        ..tagged(24.0, ["google", "cpc", "autumn-lodges"], "/lodges")
    },
    Arrival {
        click_id: Some(ClickId::Google),
        term: "cabin weekend",
        content: "variant-b",
        ..tagged(13.0, ["google", "cpc", "brand"], "/book")
    },
    Arrival { click_id: Some(ClickId::Microsoft), ..tagged(5.0, ["bing", "cpc", "brand"], "/book") },
    Arrival {
        click_id: Some(ClickId::Meta),
        content: "carousel",
        ..tagged(14.0, ["facebook", "paid_social", "autumn-lodges"], "/lodges")
    },
    tagged(4.0, ["weekendmaps", "display", "autumn-lodges"], "/prices"),
];

impl Arrival {
    /// Arrivals of a thousand on that weekday.
    pub fn weight_on(&self, weekday: usize) -> f64 {
        match self.weekday {
            Some(day) if day != weekday => self.weight * 0.15,
            Some(_) => self.weight * 3.0,
            None => self.weight,
        }
    }

    pub fn referrer(&self) -> Option<Referrer> {
        self.from.map(|(host, path)| Referrer { host: host.to_owned(), path: path.to_owned() })
    }

    pub fn utm(&self) -> Utm {
        let [source, medium, campaign] = self.tags.map(str::to_owned);
        Utm {
            source,
            medium,
            campaign,
            content: self.content.to_owned(),
            term: self.term.to_owned(),
            plain_source: String::new(),
            plain_ref: self.plain_ref.to_owned(),
        }
    }

    /// What makes a page known overnight.
    pub fn can_surge(&self) -> bool {
        self.from
            .is_some_and(|(host, _)| ["news.ycombinator.com", "reddit.com", "youtube.com"].contains(&host))
    }
}
