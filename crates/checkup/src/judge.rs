//! A page's tags against what this server serves.

use url::Url;

use crate::blocked::likely_blocked_word;
use crate::content::{Content, Inline, Script, content};
use crate::csp::{HEADER_POLICIES_MAX, Policy, policies};
use crate::fetch::Page;
use crate::finding::cut;
use crate::fusionaly::{ConfigHost, config_host};
use crate::server::{is_host_of, origin};
use crate::{Finding, Level, Server};

/// Tags of a page that are looked at; the page's size alone would let in thousands.
const TAGS_MAX: usize = 20;

/// What adds scripts to pages, by a part of the address that it is loaded from.
const MANAGERS: [(&str, &str); 9] = [
    ("googletagmanager.com/gtm", "Google Tag Manager"),
    ("tags.tiqcdn.com", "Tealium"),
    ("assets.adobedtm.com", "Adobe's tag manager"),
    ("cdn.segment.com", "Segment"),
    ("containers.piwik.pro", "Piwik PRO"),
    ("/js/container_", "Matomo's tag manager"),
    ("/cdn-cgi/zaraz/", "Zaraz"),
    ("cdn.commandersact.com", "Commanders Act"),
    ("tag.aticdn.net", "Piano"),
];

/// In the place of an address that is none: what the page wrote is not told.
const NO_ADDRESS: &str = "what is no address";

struct Judged<'a> {
    page: &'a Page,
    domain: &'a str,
    server: &'a Server,
    content: &'a Content,
    /// What each text of a script sets. Read once: a page may have many texts, and each tag may hang on all of them.
    config_hosts: Vec<Option<ConfigHost>>,
    of_headers: Vec<Policy>,
    of_metas: Vec<Policy>,
}

/// What the page's best tag suffers from; nothing wrong where all is right.
pub(crate) fn judge(page: &Page, domain: &str, server: &Server) -> Vec<Finding> {
    let content = content(&page.body);
    let judged = Judged {
        page,
        domain,
        server,
        content: &content,
        config_hosts: content.inline.iter().map(set_by).collect(),
        of_headers: page
            .policies
            .iter()
            .flat_map(|header| policies(header))
            .take(HEADER_POLICIES_MAX)
            .collect(),
        of_metas: content.policies.iter().flat_map(|meta| policies(meta).take(1)).collect(),
    };
    let base = content.base.as_deref().and_then(|base| page.url.join(base).ok());
    let base = base.as_ref().unwrap_or(&page.url);
    let tags = content.scripts.iter().filter_map(|script| judged.tag(base, script));
    let best = tags
        .take(TAGS_MAX)
        .min_by_key(|found| found.iter().filter(|one| one.level() == Level::Wrong).count());
    best.unwrap_or_else(|| judged.without_tag())
}

impl Judged<'_> {
    /// `None` where the script is none of a tracker like ours.
    fn tag(&self, base: &Url, script: &Script) -> Option<Vec<Finding>> {
        let address = base.join(&script.src).ok()?;
        let host = address.host_str()?;
        let (path, server) = (address.path(), self.server);
        if server.is_at(&address) {
            if server.is_script(path) {
                return Some(distinct(self.ours(base, script, &address)));
            }
            let missed = Finding::WrongPath { path: cut(path), tag: self.whole_tag() };
            return server.looks_like_script(path, script.has_domain).then(|| vec![missed]);
        }
        // On the site's own host any path may lead here; its tag then says where events go.
        let is_own = is_host_of(host, self.domain);
        let may_be_ours = server.looks_like_script(path, script.has_domain);
        if is_own && (may_be_ours || script.endpoint.is_some()) {
            return Some(distinct(self.ours(base, script, &address)));
        }
        if Server::heeds_fusionaly(path) && self.is_sent_here(script) {
            let mut found = distinct(self.ours(base, script, &address));
            found.push(Finding::OlderScript { host: cut(host) });
            return Some(found);
        }
        let wrong = Finding::WrongHost { host: cut(host), ours: server.host().to_owned() };
        may_be_ours.then(|| vec![wrong])
    }

    /// A script of this server, or of the site's own host, which may lead here.
    fn ours(&self, base: &Url, script: &Script, address: &Url) -> Vec<Finding> {
        let mut found = Vec::new();
        let address = &self.as_asked(address);
        if script.is_held {
            found.push(Finding::HeldBack);
        }
        // Where the browser does not tell a script its tag, the tracker looks for it by this path.
        if script.is_module && !address.path().contains("/y/api/v1/") {
            found.push(Finding::AsModule);
        }
        if !self.lets_load(script, address) {
            found.push(Finding::PolicyBlocksScript { source: origin(address) });
        }
        self.judge_way(address, &mut found);
        match Server::heeds_fusionaly(address.path()).then(|| self.config_host(script)).flatten() {
            Some(ConfigHost::Said(host)) => self.judge_config_host(&host, &mut found),
            Some(ConfigHost::Unseen) => found.push(Finding::ConfigUnseen),
            None => {
                let said = script.endpoint.as_deref().map(|endpoint| base.join(endpoint).ok());
                match said.unwrap_or_else(|| Server::usual_endpoint(address)) {
                    Some(endpoint) => self.judge_endpoint(&endpoint, &mut found),
                    None => found.push(self.wrong_endpoint(NO_ADDRESS.to_owned())),
                }
            }
        }
        found
    }

    /// What scripts set that run before this one. An empty text sets nothing.
    fn config_host(&self, script: &Script) -> Option<ConfigHost> {
        let before = if script.is_late { self.config_hosts.len() } else { script.inline_before };
        let host = self.config_hosts.iter().take(before).flatten().cloned().reduce(ConfigHost::and);
        host.filter(|host| *host != ConfigHost::Said(String::new()))
    }

    fn is_sent_here(&self, script: &Script) -> bool {
        let Some(ConfigHost::Said(host)) = self.config_host(script) else { return false };
        Url::parse(&host).is_ok_and(|address| self.server.is_at(&address))
    }

    /// The tracker takes nothing but whole addresses there.
    fn judge_config_host(&self, host: &str, found: &mut Vec<Finding>) {
        let address = Url::parse(host).ok();
        let leads_here = |address: &Url| {
            self.server.is_at(address) || is_host_of(address.host_str().unwrap_or_default(), self.domain)
        };
        match address.as_ref().filter(|address| leads_here(address)).and_then(Server::usual_endpoint) {
            Some(endpoint) => self.judge_endpoint(&endpoint, found),
            None => {
                let address = address.as_ref().map_or_else(|| NO_ADDRESS.to_owned(), shown);
                found.push(Finding::WrongConfigHost { address, ours: self.server.host().to_owned() });
            }
        }
    }

    fn judge_endpoint(&self, endpoint: &Url, found: &mut Vec<Finding>) {
        let endpoint = &self.as_asked(endpoint);
        let host = endpoint.host_str().unwrap_or_default();
        let is_here = self.server.is_at(endpoint) && self.server.takes_events_at(endpoint.path());
        let may_lead_here = !self.server.is_at(endpoint) && is_host_of(host, self.domain);
        if !is_here && !may_lead_here {
            found.push(self.wrong_endpoint(shown(endpoint)));
            return;
        }
        let policies = self.of_headers.iter().chain(&self.of_metas);
        if !policies.into_iter().all(|policy| policy.lets_connect(&self.page.url, endpoint)) {
            found.push(Finding::PolicyBlocksEvents { source: origin(endpoint) });
        }
        self.judge_way(endpoint, found);
    }

    /// Browsers ask by https before anything else is looked at, where a policy says so.
    fn as_asked(&self, address: &Url) -> Url {
        let mut asked = address.clone();
        let mut policies = self.of_headers.iter().chain(&self.of_metas);
        if asked.scheme() == "http" && policies.any(Policy::upgrades) {
            asked.set_scheme("https").expect("both are schemes of the web");
        }
        asked
    }

    /// What keeps browsers from asking an address, said once for script and endpoint.
    fn judge_way(&self, address: &Url, found: &mut Vec<Finding>) {
        if self.page.url.scheme() == "https" && address.scheme() == "http" {
            found.push(Finding::MixedContent { address: origin(address) });
        }
        if let Some(word) = likely_blocked_word(address) {
            found.push(Finding::LikelyBlocked { word, address: shown(address) });
        }
        let host = address.host_str().unwrap_or_default();
        if !self.server.is_at(address) && is_host_of(host, self.domain) {
            found.push(Finding::OwnHost { host: host.to_owned() });
        }
    }

    fn lets_load(&self, script: &Script, address: &Url) -> bool {
        let binding = self.of_headers.iter().chain(self.of_metas.iter().take(script.policies_before));
        binding.into_iter().all(|policy| policy.lets_load(&self.page.url, address, script))
    }

    fn wrong_endpoint(&self, address: String) -> Finding {
        Finding::WrongEndpoint { address, ours: self.server.host().to_owned() }
    }

    fn without_tag(&self) -> Vec<Finding> {
        let mut found: Vec<_> = self.added_later().map(|by| Finding::AddedLater { by }).into_iter().collect();
        if found.is_empty() {
            found.push(Finding::NoScript { tag: self.whole_tag() });
        }
        if self.page.is_cut {
            found.push(Finding::TooBig);
        }
        found
    }

    fn added_later(&self) -> Option<String> {
        let sources = self.content.scripts.iter().map(|script| script.src.as_str());
        let texts = || sources.clone().chain(self.content.inline.iter().map(|inline| inline.text.as_str()));
        let manager = MANAGERS.iter().find(|(part, _)| texts().any(|text| text.contains(part)));
        let inserts =
            |inline: &Inline| inline.text.contains("/weir.js") || inline.text.contains(self.server.host());
        let own =
            || self.content.inline.iter().any(inserts).then(|| "a script that names this server".to_owned());
        manager.map(|(_, name)| (*name).to_owned()).or_else(own)
    }

    fn whole_tag(&self) -> String {
        format!(r#"<script defer src="{}"></script>"#, self.server.script_url())
    }
}

fn set_by(inline: &Inline) -> Option<ConfigHost> {
    inline.runs.then(|| config_host(&inline.text)).flatten()
}

/// Script and endpoint mostly have one host, and the same is then found of both.
fn distinct(found: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in found {
        let is_known = kept.iter().any(|known| match (known, &finding) {
            (Finding::LikelyBlocked { word, .. }, Finding::LikelyBlocked { word: again, .. }) => {
                word == again
            }
            (known, finding) => known == finding,
        });
        if !is_known {
            kept.push(finding);
        }
    }
    kept
}

/// Without a query, which may say more than it should.
fn shown(address: &Url) -> String {
    cut(&format!("{}{}", origin(address), address.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server::new("https://stats.test", Some("/s/a.js".to_owned()), Some("/s/e".to_owned())).unwrap()
    }

    fn codes(policy: &str, html: &str) -> Vec<&'static str> {
        let page = Page {
            url: Url::parse("https://www.shop.test/cart").unwrap(),
            policies: vec![policy.to_owned()],
            body: html.as_bytes().to_vec(),
            is_cut: false,
        };
        judge(&page, "shop.test", &server()).iter().map(Finding::code).collect()
    }

    const TAG: &str = r#"<script defer src="https://stats.test/y/api/v1/weir.js"></script>"#;

    #[track_caller]
    fn check(expected: &[&str], html: &str) {
        assert_eq!(codes("", html), expected, "{html}");
    }

    #[test]
    fn every_tag_that_works_is_right() {
        check(&[], TAG);
        check(&[], "<script src=//stats.test/y/api/v1/sdk.js></script>");
        check(&[], "<script src=//stats.test/js/script.hash.js data-domain=shop.test></script>");
        check(&[], "<script src=//stats.test/s/a.js data-endpoint=//stats.test/s/e></script>");
        check(&[], "<base href=//stats.test/y/><script src=api/v1/weir.js></script>");
        check(&[], &format!("<script src=//other.test/y/api/v1/weir.js></script>{TAG}"));
        check(&["own-host"], "<script src=/y/api/v1/weir.js></script>");
        check(&["own-host"], "<script src=/m/1.js data-endpoint=/m/2></script>");
        check(&[], &TAG.replace("defer", "type=module"));
        check(&["own-host"], "<script src=/js/script.js data-domain=shop.test></script>");
    }

    #[test]
    fn every_tag_that_does_not_work_is_told_why() {
        check(&["no-script"], "<script src=/app.js></script>");
        check(&["no-script"], "<script src=/js/script.js></script>");
        check(&["wrong-host"], "<script src=//old.test/y/api/v1/weir.js></script>");
        check(&["wrong-host"], "<script src=//plausible.test/js/script.js data-domain=a></script>");
        check(&["wrong-path"], "<script src=//stats.test/weir.js></script>");
        check(&["wrong-endpoint"], &TAG.replace("defer", "data-endpoint=https://old.test/x/api/v1/events"));
        check(&["wrong-endpoint"], &TAG.replace("defer", "data-endpoint=https://stats.test/events"));
        check(&["wrong-endpoint"], &TAG.replace("defer", "data-endpoint=https://:0/"));
        check(&["held-back"], &TAG.replace("defer", "type=text/plain"));
        check(&["mixed-content"], &TAG.replace("https:", "http:"));
        check(&["as-module"], "<script type=module src=//stats.test/s/a.js></script>");
        check(&["likely-blocked", "own-host"], "<script src=//track.shop.test/y/api/v1/weir.js></script>");
    }

    #[test]
    fn the_host_of_fusionaly_s_configuration_outdoes_the_tag() {
        let config = |host: &str| format!("<script>window.Fusionaly = {{config: {{host: {host}}}}}</script>");
        let older = "<script src=//stats.test/y/api/v1/sdk.js data-endpoint=//old.test/e></script>";
        let here = config("'https://stats.test'");
        check(&["wrong-endpoint"], older);
        check(&[], &format!("{here}{older}"));
        check(&["own-host"], &format!("{}{older}", config("'https://shop.test'")));
        check(&["wrong-config-host"], &format!("{}{older}", config("'https://old.test'")));
        check(&["wrong-config-host"], &format!("{}{older}", config("'stats.test'")));
        check(&["mixed-content"], &format!("{}{older}", config("'http://stats.test'")));
        check(&["config-unseen"], &format!("{}{older}", config("location.origin")));
        check(&["wrong-endpoint"], &format!("{}{older}", config("''")));
        // It comes too late, unless the tag waits for it.
        check(&["wrong-endpoint"], &format!("{older}{here}"));
        check(&[], &format!("{}{here}", older.replace("<script", "<script defer")));
        // Other scripts do not know it.
        check(&[], &format!("{}{TAG}", config("'https://old.test'")));
    }

    #[test]
    fn fusionaly_s_own_script_is_right_where_it_sends_here() {
        let older = "<script src=//old.test/y/api/v1/sdk.js></script>";
        let config = "<script>Fusionaly={config:{host:'https://stats.test'}}</script>";
        check(&["wrong-host"], older);
        check(&["older-script"], &format!("{config}{older}"));
        let policy = "script-src 'unsafe-inline' old.test; connect-src old.test";
        assert_eq!(codes(policy, &format!("{config}{older}")), ["policy-blocks-events", "older-script"]);
        check(&["wrong-host"], &format!("{}{older}", config.replace("stats", "else")));
    }

    #[test]
    fn what_adds_scripts_later_is_unseen_and_not_missing() {
        check(&["added-later"], "<script src=//www.googletagmanager.com/gtm.js?id=GTM-1></script>");
        check(&["added-later"], "<script>s.src='https://www.googletagmanager.com/gtm.js?id='+i</script>");
        check(&["added-later"], "<script>s.src='//stats.test/s/a.js'</script>");
        check(&["no-script"], "<p>googletagmanager.com/gtm.js</p>");
        check(&[], &format!("<script src=//www.googletagmanager.com/gtm.js></script>{TAG}"));
    }

    #[test]
    fn a_policy_of_header_or_page_is_heeded() {
        assert_eq!(codes("script-src 'self'", TAG), ["policy-blocks-script"]);
        assert_eq!(codes("connect-src 'self'", TAG), ["policy-blocks-events"]);
        assert_eq!(codes("default-src 'self'", TAG), ["policy-blocks-script", "policy-blocks-events"]);
        assert_eq!(codes("default-src 'self' stats.test", TAG), [""; 0]);
        let meta = "<meta http-equiv=content-security-policy content=\"default-src 'self'\">";
        assert_eq!(codes("", &format!("{meta}{TAG}")), ["policy-blocks-script", "policy-blocks-events"]);
        // A policy of the page binds the scripts after it, and whatever is sent once it is read.
        assert_eq!(codes("", &format!("{TAG}{meta}")), ["policy-blocks-events"]);
    }

    #[test]
    fn by_a_policy_that_upgrades_http_will_do() {
        let tag = TAG.replace("https:", "http:");
        assert_eq!(codes("upgrade-insecure-requests", &tag), [""; 0]);
        assert_eq!(codes("upgrade-insecure-requests; default-src https:", &tag), [""; 0]);
        assert_eq!(codes("img-src 'self'", &tag), ["mixed-content"]);
    }

    #[test]
    fn so_many_tags_are_looked_at() {
        let other = "<script src=//old.test/y/api/v1/weir.js></script>";
        check(&[], &format!("{}{TAG}", other.repeat(TAGS_MAX - 1)));
        check(&["wrong-host"], &format!("{}{TAG}", other.repeat(TAGS_MAX)));
    }

    #[test]
    fn no_text_of_a_page_is_told_at_length() {
        let long = "x".repeat(10_000);
        for html in [
            format!("<script src=//stats.test/y/api/v1/{long}.js></script>"),
            format!("<script src=//{long}.test/y/api/v1/weir.js></script>"),
            format!("<script src=//{long}.shop.test/y/api/v1/weir.js></script>"),
            TAG.replace("defer", &format!("data-endpoint=https://{long}.shop.test/")),
            TAG.replace("defer", &format!("data-endpoint=https://old.test/{long}")),
            TAG.replace("defer", &format!("data-endpoint='https://[{long}'")),
        ] {
            let page = Page {
                url: Url::parse("https://www.shop.test/").unwrap(),
                policies: Vec::new(),
                body: html.into_bytes(),
                is_cut: false,
            };
            let found = judge(&page, "shop.test", &server());
            let is_short = |one: &Finding| one.text().len() < 500 && one.advice().len() < 500;
            assert!(!found.is_empty() && found.iter().all(is_short), "{found:?}");
        }
    }
}
