//! What enriching makes of events as they come from the web of 2025 and 2026.

use proptest::prelude::*;
use weir_event::limits::{LABEL_BYTES_MAX, REFERRER_BYTES_MAX};
use weir_event::{ClickId, Country, Event, Millis, Reason, Referrer, SiteId, Utm};
use weir_testkit::page_view;

use super::{Enriched, Enricher, SiteView};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

fn event() -> Event {
    page_view(1, SiteId(1), 1, Millis(1_780_000_000_000))
}

fn enriched(enricher: &mut Enricher, event: &Event) -> Enriched {
    let is_own_host = |host: &str| host == "example.com" || host.ends_with(".example.com");
    enricher.enrich(event, &SiteView { domain: "example.com", is_own_host: &is_own_host })
}

/// Each user agent with its browser, system, device.
fn check_user_agent(cases: &[(&str, &str, &str, &str)]) {
    let mut enricher = Enricher::new();
    for (user_agent, browser, os, device) in cases {
        let event = Event { user_agent: (*user_agent).to_owned(), ..event() };
        let made = enriched(&mut enricher, &event);
        let found = (&*made.browser, &*made.os, &*made.device);
        assert_eq!(found, (*browser, *os, *device), "{user_agent}");
        assert_eq!(made.set_aside, None, "{user_agent}");
    }
}

fn check_bot(cases: &[&str]) {
    let mut enricher = Enricher::new();
    for user_agent in cases {
        let event = Event { user_agent: (*user_agent).to_owned(), ..event() };
        assert_eq!(enriched(&mut enricher, &event).set_aside, Some(Reason::Bot), "{user_agent}");
    }
}

/// `host/path` of a referrer, or nothing.
fn referrer(text: &str) -> Option<Referrer> {
    let at = text.find('/').unwrap_or(text.len());
    let path = if at == text.len() { "/" } else { &text[at..] };
    (!text.is_empty()).then(|| Referrer { host: text[..at].to_owned(), path: path.to_owned() })
}

/// Parameters as an address has them: `utm_source=a&ref=b&gclid`.
fn parameters(query: &str) -> (Utm, Option<ClickId>) {
    let (mut utm, mut click_id) = (Utm::default(), None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "utm_source" => utm.source = value.to_owned(),
            "utm_medium" => utm.medium = value.to_owned(),
            "utm_campaign" => utm.campaign = value.to_owned(),
            "source" => utm.plain_source = value.to_owned(),
            "ref" => utm.plain_ref = value.to_owned(),
            "gclid" => click_id = Some(ClickId::Google),
            "fbclid" => click_id = Some(ClickId::Meta),
            "msclkid" => click_id = Some(ClickId::Microsoft),
            other => panic!("no such parameter: {other}"),
        }
    }
    (utm, click_id)
}

/// (referrer, parameters) with the source, channel and referrer text that they make.
fn check_source(cases: &[(&str, &str, &str, &str, &str)]) {
    let mut enricher = Enricher::new();
    for (from, query, source, channel, text) in cases {
        let (utm, click_id) = parameters(query);
        let event = Event { referrer: referrer(from), utm, click_id, ..event() };
        let made = enriched(&mut enricher, &event);
        let found = (&*made.source, &*made.channel, &*made.referrer);
        assert_eq!(found, (*source, *channel, *text), "from {from:?} with {query:?}");
    }
}

#[test]
fn browsers_on_desktops_are_known() {
    check_user_agent(&[
        (CHROME, "Chrome", "Windows", "Desktop"),
        (&format!("{CHROME} Edg/142.0.0.0"), "Edge", "Windows", "Desktop"),
        (&format!("{CHROME} OPR/124.0.0.0"), "Opera", "Windows", "Desktop"),
        (&format!("{CHROME} Vivaldi/7.6.3797.58"), "Vivaldi", "Windows", "Desktop"),
        (&format!("{CHROME} YaBrowser/25.10.0.0"), "Yandex Browser", "Windows", "Desktop"),
        // Brave says what Chrome says, on purpose.
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Chrome",
            "macOS",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
            "Safari",
            "macOS",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15 Ddg/18.6",
            "DuckDuckGo",
            "macOS",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox",
            "macOS",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox",
            "Windows",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox",
            "Linux",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Chrome",
            "Linux",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Chrome",
            "Chrome OS",
            "Desktop",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "Internet Explorer",
            "Windows",
            "Desktop",
        ),
    ]);
}

#[test]
fn browsers_on_phones_are_known() {
    let android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)";
    let iphone =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    check_user_agent(&[
        (&format!("{android} Chrome/142.0.0.0 Mobile Safari/537.36"), "Chrome", "Android", "Mobile"),
        (
            &format!("{android} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"),
            "Samsung Internet",
            "Android",
            "Mobile",
        ),
        (
            &format!("{android} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0"),
            "Edge",
            "Android",
            "Mobile",
        ),
        (
            &format!("{android} Chrome/142.0.0.0 Mobile Safari/537.36 OPR/93.0.0.0"),
            "Opera",
            "Android",
            "Mobile",
        ),
        (
            "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
            "Firefox",
            "Android",
            "Mobile",
        ),
        (&format!("{iphone} Version/26.0 Mobile/15E148 Safari/604.1"), "Safari", "iOS", "Mobile"),
        (&format!("{iphone} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"), "Chrome", "iOS", "Mobile"),
        (&format!("{iphone} FxiOS/145.0 Mobile/15E148 Safari/605.1.15"), "Firefox", "iOS", "Mobile"),
        (
            &format!("{iphone} Version/18.0 EdgiOS/142.0.0.0 Mobile/15E148 Safari/604.1"),
            "Edge",
            "iOS",
            "Mobile",
        ),
        (&format!("{iphone} GSA/394.0.829 Mobile/15E148 Safari/604.1"), "Google App", "iOS", "Mobile"),
        (&format!("{iphone} Mobile/15E148"), "iOS WebView", "iOS", "Mobile"),
        (
            &format!(
                "{iphone} Mobile/22H20 Instagram 406.0.0.20.71 (iPhone15,2; iOS 18_7; de_DE; de; scale=3.00; 1179x2556; 814234821)"
            ),
            "Instagram",
            "iOS",
            "Mobile",
        ),
        (
            &format!(
                "{iphone} Mobile/22H20 [FBAN/FBIOS;FBAV/537.0.0.40.78;FBBV/812000000;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.7;FBSS/3;FBCR/;FBID/phone;FBLC/de_DE;FBOP/80]"
            ),
            "Facebook",
            "iOS",
            "Mobile",
        ),
        (&format!("{iphone} Mobile/15E148 [LinkedInApp]/9.31.2310"), "iOS WebView", "iOS", "Mobile"),
        (
            "Mozilla/5.0 (Linux; Android 15; SM-S921B Build/AP3A.240905.015.A2; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36",
            "Android WebView",
            "Android",
            "Mobile",
        ),
    ]);
}

#[test]
fn tablets_televisions_and_consoles_are_told_apart() {
    check_user_agent(&[
        (
            "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
            "Safari",
            "iOS",
            "Tablet",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Chrome",
            "Android",
            "Tablet",
        ),
        (
            "Mozilla/5.0 (Android 14; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0",
            "Firefox",
            "Android",
            "Tablet",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/130.4.1 like Chrome/130.0.6723.102 Safari/537.36",
            "Amazon Silk",
            "Android",
            "Tablet",
        ),
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 8.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/5.0 Chrome/108.0.5359.1 TV Safari/537.36",
            "Samsung Internet",
            "Tizen",
            "TV",
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.5 Safari/537.36",
            "Chrome",
            "webOS",
            "TV",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7633; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.6723.102 Mobile Safari/537.36",
            "Android WebView",
            "Android",
            "TV",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge",
            "Windows",
            "Console",
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/8.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Safari/605.1.15",
            "Safari",
            "",
            "Console",
        ),
    ]);
}

#[test]
fn crawlers_monitors_and_tools_are_bots() {
    check_bot(&[
        "",
        "curl/8.16.0",
        "Wget/1.25.0",
        "python-requests/2.32.5",
        "Go-http-client/2.0",
        "okhttp/5.1.0",
        "node",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "WhatsApp/2.23.20.0",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    ]);
}

#[test]
fn a_driven_browser_is_a_bot_by_its_flag() {
    let mut enricher = Enricher::new();
    let made = enriched(&mut enricher, &Event { webdriver: true, ..event() });
    assert_eq!((made.set_aside, &*made.browser), (Some(Reason::Bot), "Firefox"));
    assert_eq!(enriched(&mut enricher, &event()).set_aside, None);
}

#[test]
fn a_source_is_the_first_of_tags_and_referrer() {
    check_source(&[
        ("", "", "Direct / None", "Direct", ""),
        ("google.de", "", "Google", "Organic Search", "google.de"),
        ("google.de", "utm_source=a&source=b&ref=c", "a", "Unassigned", "google.de"),
        ("google.de", "source=b&ref=c", "b", "Referral", "google.de"),
        ("google.de", "ref=c", "c", "Referral", "google.de"),
        ("", "utm_source=FB&utm_medium=paid", "Facebook", "Paid Social", ""),
        ("", "utm_source=Google&utm_medium=cpc", "Google", "Paid Search", ""),
        ("", "ref=www.producthunt.com", "Product Hunt", "Organic Social", ""),
        ("", "ref=news.example.org", "example.org", "Referral", ""),
        ("", "utm_source=chatgpt.com", "ChatGPT", "AI Assistants", ""),
        ("", "utm_source=newsletter&utm_medium=email", "newsletter", "Email", ""),
        ("", "utm_source=(direct)", "Direct / None", "Direct", ""),
        ("", "utm_medium=email", "Direct / None", "Email", ""),
    ]);
}

#[test]
fn referrers_get_the_name_of_their_brand() {
    check_source(&[
        ("t.co/abc", "", "X", "Organic Social", "t.co/abc"),
        ("reddit.com/r/rust", "", "Reddit", "Organic Social", "reddit.com/r/rust"),
        ("out.reddit.com", "", "Reddit", "Organic Social", "out.reddit.com"),
        ("l.facebook.com", "fbclid", "Facebook", "Organic Social", "l.facebook.com"),
        ("m.youtube.com/watch", "", "YouTube", "Organic Video", "m.youtube.com/watch"),
        ("news.ycombinator.com/item", "", "Hacker News", "Organic Social", "news.ycombinator.com/item"),
        ("duckduckgo.com", "", "DuckDuckGo", "Organic Search", "duckduckgo.com"),
        ("search.brave.com/search", "", "Brave Search", "Organic Search", "search.brave.com/search"),
        ("gemini.google.com", "", "Gemini", "AI Assistants", "gemini.google.com"),
        ("perplexity.ai/search", "", "Perplexity", "AI Assistants", "perplexity.ai/search"),
        (
            "com.google.android.googlequicksearchbox",
            "",
            "Google",
            "Organic Search",
            "com.google.android.googlequicksearchbox",
        ),
        ("github.com/a/b", "", "GitHub", "Referral", "github.com/a/b"),
        ("amazon.co.uk", "", "Amazon", "Organic Shopping", "amazon.co.uk"),
        // No part of a name decides: these are other people's hosts.
        ("notgoogle.com", "", "notgoogle.com", "Referral", "notgoogle.com"),
        ("google.com.evil.example.net", "", "example.net", "Referral", "google.com.evil.example.net"),
        ("blog.someone.co.uk/post/", "", "someone.co.uk", "Referral", "blog.someone.co.uk/post/"),
        ("alice.github.io", "", "alice.github.io", "Referral", "alice.github.io"),
        ("192.168.1.10", "", "192.168.1.10", "Referral", "192.168.1.10"),
    ]);
}

#[test]
fn own_mail_login_and_payment_hosts_count_as_direct() {
    check_source(&[
        ("example.com/a", "", "Direct / None", "Direct", ""),
        ("shop.example.com/a", "", "Direct / None", "Direct", ""),
        ("mail.google.com/mail/u/0", "", "Direct / None", "Direct", "mail.google.com"),
        ("outlook.live.com", "", "Direct / None", "Direct", "outlook.live.com"),
        ("accounts.google.com/signin", "", "Direct / None", "Direct", "accounts.google.com"),
        ("login.microsoftonline.com/x", "", "Direct / None", "Direct", "login.microsoftonline.com"),
        ("checkout.stripe.com/c/pay/secret", "", "Direct / None", "Direct", "checkout.stripe.com"),
        ("paypal.com", "", "Direct / None", "Direct", "paypal.com"),
        ("mail.google.com", "utm_source=weekly&utm_medium=email", "weekly", "Email", "mail.google.com"),
    ]);
    let mut enricher = Enricher::new();
    for (from, own) in [("example.com", true), ("shop.example.com", true), ("paypal.com", false), ("", false)]
    {
        let made = enriched(&mut enricher, &Event { referrer: referrer(from), ..event() });
        assert_eq!(made.own_referrer, own, "{from}");
    }
}

#[test]
fn click_ids_tell_paid_visits() {
    check_source(&[
        ("google.com", "gclid", "Google", "Paid Search", "google.com"),
        ("", "gclid", "Google", "Paid Search", ""),
        ("bing.com", "msclkid", "Bing", "Paid Search", "bing.com"),
        ("youtube.com", "gclid", "YouTube", "Paid Video", "youtube.com"),
        ("", "fbclid", "Facebook", "Organic Social", ""),
        ("google.com", "gclid&utm_source=google&utm_medium=display", "Google", "Display", "google.com"),
    ]);
}

#[test]
fn spammers_are_set_aside_unless_the_site_is_theirs() {
    let mut enricher = Enricher::new();
    let spam = |host: &str| Event { referrer: referrer(host), ..event() };
    let set_aside = |enricher: &mut Enricher, event: &Event| enriched(enricher, event).set_aside;
    assert_eq!(set_aside(&mut enricher, &spam("semalt.com")), Some(Reason::SpamReferrer));
    assert_eq!(set_aside(&mut enricher, &spam("a.semalt.com/x")), Some(Reason::SpamReferrer));
    assert_eq!(set_aside(&mut enricher, &spam("notsemalt.com")), None);
    let bot = Event { webdriver: true, ..spam("semalt.com") };
    assert_eq!(set_aside(&mut enricher, &bot), Some(Reason::Bot));
    let site = SiteView { domain: "semalt.com", is_own_host: &|_| false };
    assert_eq!(enricher.enrich(&spam("semalt.com"), &site).set_aside, None);
}

#[test]
fn texts_from_outside_are_bounded() {
    let mut enricher = Enricher::new();
    let mut length = |label: usize, path: usize| {
        let utm = Utm { source: "s".repeat(label), campaign: "c".repeat(label), ..Utm::default() };
        let referrer = Referrer { host: "h.org".to_owned(), path: "p".repeat(path) };
        let made = enriched(&mut enricher, &Event { utm, referrer: Some(referrer), ..event() });
        (made.source.len(), made.utm_source.len(), made.utm_campaign.len(), made.referrer.len())
    };
    let limits = (LABEL_BYTES_MAX, LABEL_BYTES_MAX, LABEL_BYTES_MAX, REFERRER_BYTES_MAX);
    assert_eq!(length(LABEL_BYTES_MAX, REFERRER_BYTES_MAX - 5), limits);
    assert_eq!(length(LABEL_BYTES_MAX + 1, REFERRER_BYTES_MAX - 4), limits);
}

#[test]
fn a_country_is_its_code_and_nothing_where_unknown() {
    let mut enricher = Enricher::new();
    let country = |code: Option<[u8; 2]>| Event { country: code.map(Country), ..event() };
    assert_eq!(&*enriched(&mut enricher, &country(Some(*b"DE"))).country, "DE");
    assert_eq!(&*enriched(&mut enricher, &country(None)).country, "");
}

#[test]
fn a_referrer_without_a_host_says_nothing() {
    let mut enricher = Enricher::new();
    let referrer = Some(Referrer { host: String::new(), path: "/x".to_owned() });
    let made = enriched(&mut enricher, &Event { referrer, ..event() });
    assert_eq!(made, enriched(&mut enricher, &Event { referrer: None, ..event() }));
}

fn any_event() -> impl Strategy<Value = Event> {
    let host = prop_oneof![
        Just("google.de".to_owned()),
        Just("semalt.com".to_owned()),
        Just("example.com".to_owned()),
        "[a-z0-9.\\[\\]:-]{0,40}",
        any::<String>(),
    ];
    let word = || {
        prop_oneof![Just(String::new()), Just("Google".to_owned()), Just("cpc".to_owned()), any::<String>()]
    };
    let referrer = proptest::option::of((host, any::<String>()));
    let agent = prop_oneof![Just(CHROME.to_owned()), "[ -~]{0,120}", any::<String>()];
    (referrer, word(), word(), word(), word(), agent, 0..4_u8).prop_map(
        |(referrer, a, b, c, d, user_agent, click)| Event {
            referrer: referrer.map(|(host, path)| Referrer { host, path }),
            utm: Utm { source: a, medium: b, plain_ref: c, campaign: d, ..Utm::default() },
            click_id: [None, Some(ClickId::Google), Some(ClickId::Meta), Some(ClickId::X)]
                [usize::from(click)],
            user_agent,
            ..event()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// One that has seen everything before and one that starts afresh agree, in any order.
    #[test]
    fn enriching_never_fails_and_does_not_depend_on_what_came_before(
        events in prop::collection::vec(any_event(), 1..40),
    ) {
        let mut first = Enricher::new();
        let made: Vec<_> = events.iter().map(|event| enriched(&mut first, event)).collect();
        let mut other = Enricher::new();
        for (event, made) in events.iter().zip(&made).rev() {
            prop_assert_eq!(&enriched(&mut other, event), made);
            prop_assert_eq!(&enriched(&mut first, event), made);
            prop_assert!(!made.source.is_empty() && !made.channel.is_empty());
            prop_assert!(made.source.len() <= LABEL_BYTES_MAX && made.referrer.len() <= REFERRER_BYTES_MAX);
        }
    }
}
