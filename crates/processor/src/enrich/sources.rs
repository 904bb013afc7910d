use std::sync::Arc;

use rustc_hash::FxHashMap;
use weir_event::ClickId;

use super::hosts::{Hosts, listed};

const SOURCES: &str = include_str!("../../../../data/sources/sources.txt");
const DIRECT: &str = include_str!("../../../../data/sources/direct.txt");
const SPAM: &str = include_str!("../../../../data/sources/spam.txt");

/// What kind of place a source is; channels follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    Search,
    AiAssistant,
    Social,
    Video,
    Shopping,
    Email,
    /// Known by name only.
    Other,
}

/// A source that the lists know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Brand {
    pub(super) name: Arc<str>,
    pub(super) category: Category,
}

/// What the lists say of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Brand(&'a Brand),
    /// Mail, login, payment: visitors pass through, they do not come from there.
    Passage,
    Spam,
    Unknown,
}

/// The lists of hosts and names in `data/sources`.
pub(super) struct Sources {
    brands: Vec<Brand>,
    hosts: Hosts<Listed>,
    /// Lower-case names to brands.
    names: FxHashMap<String, usize>,
}

#[derive(Clone, Copy)]
enum Listed {
    Brand(usize),
    Passage,
    Spam,
}

impl Sources {
    pub(super) fn load() -> Self {
        let mut sources = Self { brands: Vec::new(), hosts: Hosts::default(), names: FxHashMap::default() };
        // The first entry of a host stays. A test sees to it that no host is listed twice.
        for host in lines(SPAM) {
            sources.hosts.add(host, Listed::Spam);
        }
        for host in lines(DIRECT).filter_map(|line| line.split('|').nth(1)).flat_map(str::split_whitespace) {
            sources.hosts.add(host, Listed::Passage);
        }
        for line in lines(SOURCES) {
            sources.add_brand(line);
        }
        sources
    }

    fn add_brand(&mut self, line: &'static str) {
        let mut fields = line.split('|').map(str::trim);
        let mut field = || fields.next().unwrap_or_default();
        let category = category(field()).expect("a test reads every line of the list");
        let (name, hosts, names) = (field(), field(), field());
        let index = self.brands.len();
        self.brands.push(Brand { name: Arc::from(name), category });
        for host in hosts.split_whitespace() {
            self.hosts.add(host, Listed::Brand(index));
        }
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()).chain([name]) {
            self.names.insert(name.to_lowercase(), index);
        }
    }

    pub(super) fn place(&self, host: &str) -> Place<'_> {
        match self.hosts.find(host) {
            Some(Listed::Brand(index)) => Place::Brand(&self.brands[index]),
            Some(Listed::Passage) => Place::Passage,
            Some(Listed::Spam) => Place::Spam,
            None => Place::Unknown,
        }
    }

    /// The brand that a `utm_source`, `source` or `ref` means: its name, a further name, or its host.
    /// `tag` is in lower case.
    pub(super) fn tagged(&self, tag: &str) -> Option<&Brand> {
        if let Some(index) = self.names.get(tag) {
            return Some(&self.brands[*index]);
        }
        match self.place(tag) {
            Place::Brand(brand) if tag.contains('.') => Some(brand),
            _ => None,
        }
    }

    /// The network that put the click id into the address.
    pub(super) fn network(&self, click_id: ClickId) -> &Brand {
        let name = match click_id {
            ClickId::Google => "google",
            ClickId::Microsoft => "bing",
            ClickId::Meta => "facebook",
            ClickId::TikTok => "tiktok",
            ClickId::X => "x",
            ClickId::LinkedIn => "linkedin",
        };
        &self.brands[*self.names.get(name).expect("a test asks for every network")]
    }
}

/// The registrable host in a tag that is a host, such as `news.example.com`: somebody's site by its
/// looks. Tags such as `v2.1` are none.
pub(super) fn host_in(tag: &str) -> Option<&str> {
    let looks = tag.contains('.') && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    looks.then(|| listed(tag)).flatten()
}

fn category(word: &str) -> Option<Category> {
    Some(match word {
        "search" => Category::Search,
        "ai" => Category::AiAssistant,
        "social" => Category::Social,
        "video" => Category::Video,
        "shopping" => Category::Shopping,
        "email" => Category::Email,
        "other" => Category::Other,
        _ => return None,
    })
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_line_of_the_lists_is_read() {
        for line in lines(SOURCES) {
            let fields: Vec<_> = line.split('|').map(str::trim).collect();
            assert_eq!(fields.len(), 4, "{line}");
            assert!(
                category(fields[0]).is_some() && !fields[1].is_empty() && !fields[2].is_empty(),
                "{line}"
            );
        }
        for line in lines(DIRECT) {
            let (kind, hosts) = line.split_once('|').expect("kind and hosts");
            assert!(
                ["mail", "login", "payment"].contains(&kind.trim()) && !hosts.trim().is_empty(),
                "{line}"
            );
        }
        assert_eq!(Sources::load().brands.len(), lines(SOURCES).count());
    }

    #[test]
    fn no_host_and_no_name_is_listed_twice() {
        let mut hosts: BTreeMap<&str, &str> = BTreeMap::new();
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let listed = lines(SPAM).map(|line| (line, line)).chain(
            lines(DIRECT).chain(lines(SOURCES)).flat_map(|line| {
                let place = if line.matches('|').count() == 1 { 1 } else { 2 };
                let hosts = line.split('|').nth(place).unwrap_or_default();
                hosts.split_whitespace().map(move |host| (host, line))
            }),
        );
        for (host, line) in listed {
            assert_eq!(host, host.to_lowercase(), "{line}");
            assert!(!host.starts_with("www.") && !host.contains('/'), "{line}");
            assert_eq!(hosts.insert(host, line), None, "{host} again in {line}");
        }
        for line in lines(SOURCES) {
            let fields: Vec<_> = line.split('|').map(str::trim).collect();
            let further = fields[3].split(',').map(str::trim).filter(|name| !name.is_empty());
            for name in further.map(str::to_owned).chain([fields[1].to_lowercase()]) {
                let earlier = names.insert(name.clone(), line);
                assert!(earlier.is_none_or(|earlier| earlier == line), "{name} in {earlier:?} and {line}");
            }
        }
    }

    #[test]
    fn every_click_id_has_its_network() {
        let sources = Sources::load();
        for (click_id, name) in [
            (ClickId::Google, "Google"),
            (ClickId::Microsoft, "Bing"),
            (ClickId::Meta, "Facebook"),
            (ClickId::TikTok, "TikTok"),
            (ClickId::X, "X"),
            (ClickId::LinkedIn, "LinkedIn"),
        ] {
            assert_eq!(&*sources.network(click_id).name, name);
        }
    }

    #[test]
    fn a_tag_is_a_host_only_by_its_looks() {
        assert_eq!(host_in("news.example.co.uk"), Some("example.co.uk"));
        for tag in ["newsletter", "v2.1", "a b.com", "", ".", "com", "10.0.0.1"] {
            assert_eq!(host_in(tag), None, "{tag:?}");
        }
    }
}
