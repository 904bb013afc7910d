use std::collections::HashMap;
use std::sync::Arc;

use weir_event::SiteId;

use crate::tokens::Senders;
use crate::{Access, Site, host};

/// All sites, and who may send events to them, as they were at one moment. Never changes: who holds it
/// may look up without locks.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// By domain.
    sites: Vec<Arc<Site>>,
    by_domain: HashMap<String, Arc<Site>>,
    by_id: HashMap<SiteId, Arc<Site>>,
    pub(crate) has_users: bool,
    senders: Senders,
}

impl Snapshot {
    pub(crate) fn new(mut sites: Vec<Arc<Site>>, has_users: bool, senders: Senders) -> Self {
        sites.sort_by(|a, b| a.domain.cmp(&b.domain));
        let by_domain = sites.iter().map(|site| (site.domain.clone(), Arc::clone(site))).collect();
        let by_id = sites.iter().map(|site| (site.id, Arc::clone(site))).collect();
        Self { sites, by_domain, by_id, has_users, senders }
    }

    /// The site that a page on `host` belongs to: the one with that domain, else the nearest one
    /// above it that counts its subdomains.
    pub fn site_for_host(&self, host: &str) -> Option<&Arc<Site>> {
        let host = host::normal(host)?;
        self.by_domain.get(&*host).or_else(|| {
            host::parents(&host).find_map(|parent| self.by_domain.get(parent).filter(|site| site.subdomains))
        })
    }

    pub fn sites(&self) -> &[Arc<Site>] {
        &self.sites
    }

    /// The site with exactly this domain, as a person types it.
    pub fn site(&self, domain: &str) -> Option<&Arc<Site>> {
        self.by_domain.get(&host::normalise_domain(domain).ok()?)
    }

    pub fn site_by_id(&self, id: SiteId) -> Option<&Arc<Site>> {
        self.by_id.get(&id)
    }

    /// Where this token may send events; `None` if it is none, was revoked, or is for reading.
    pub fn sender_access(&self, token: &str) -> Option<Access> {
        self.senders.access(token)
    }
}

#[cfg(test)]
mod tests {
    use weir_event::{Millis, Zone};

    use super::*;
    use crate::SiteRules;

    fn snapshot(domains: &[(&str, bool)]) -> Snapshot {
        let site = |(id, (domain, subdomains)): (usize, &(&str, bool))| {
            let rules = SiteRules {
                subdomains: *subdomains,
                kept_params: vec![],
                excluded_ips: vec![],
                own_hosts: vec![],
            };
            let id = SiteId(u32::try_from(id).expect("few"));
            Arc::new(Site::new(id, (*domain).to_owned(), Zone::utc(), rules, Millis(0)))
        };
        Snapshot::new(domains.iter().enumerate().map(site).collect(), false, Senders::default())
    }

    fn check_host(snapshot: &Snapshot, host: &str, domain: Option<&str>) {
        let found = snapshot.site_for_host(host).map(|site| site.domain.as_str());
        assert_eq!(found, domain, "{host}");
    }

    #[test]
    fn a_host_belongs_to_the_nearest_site_that_takes_it() {
        let sites = snapshot(&[
            ("example.com", true),
            ("blog.example.com", true),
            ("closed.co.uk", false),
            ("github.io", true),
            ("localhost", true),
            ("xn--bcher-kva.example", true),
        ]);
        check_host(&sites, "example.com", Some("example.com"));
        check_host(&sites, "WWW.Example.com:443", Some("example.com"));
        check_host(&sites, "shop.example.com", Some("example.com"));
        check_host(&sites, "a.blog.example.com", Some("blog.example.com"));
        check_host(&sites, "closed.co.uk", Some("closed.co.uk"));
        check_host(&sites, "www.closed.co.uk", Some("closed.co.uk"));
        check_host(&sites, "a.closed.co.uk", None);
        check_host(&sites, "other.co.uk", None);
        check_host(&sites, "alice.github.io", None);
        check_host(&sites, "github.io", Some("github.io"));
        check_host(&sites, "localhost:8080", Some("localhost"));
        check_host(&sites, "bücher.example", Some("xn--bcher-kva.example"));
        check_host(&sites, "myexample.com", None);
        check_host(&sites, "", None);
    }
}
