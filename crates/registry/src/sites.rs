use std::net::IpAddr;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use weir_event::limits::{LABEL_BYTES_MAX, SITE_RULES_MAX, VISIT_TIMEOUT_SECS_MAX, VISIT_TIMEOUT_SECS_MIN};
use weir_event::{Millis, SiteId, Zone};

use crate::site::ip_range;
use crate::{Counting, Registry, RegistryError, Site, SiteRules, host};

const COLUMNS: &str = "id, domain, zone, subdomains, kept_params, excluded_ips, own_hosts, created,
    visit_timeout_secs, counts_bots";

impl Registry {
    /// Adds a site. The domain may be given as it is pasted: with scheme, port, path or `www.`.
    ///
    /// # Errors
    /// [`RegistryError::InvalidDomain`] or [`RegistryError::SiteExists`].
    pub fn add_site(&self, domain: &str, zone: &Zone) -> Result<Site, RegistryError> {
        let domain = host::normalise_domain(domain)?;
        let created = self.now();
        self.write_shown(|tx| {
            if find(tx, &domain)?.is_some() {
                return Err(RegistryError::SiteExists(domain.clone()));
            }
            tx.execute(
                "INSERT INTO sites (domain, zone, subdomains, kept_params, excluded_ips, own_hosts, created)
                 VALUES (?1, ?2, 1, '[]', '[]', '[]', ?3)",
                params![domain, zone.name(), created.0],
            )?;
            // Its hosts are unknown no longer, and those that the site does not take come again.
            tx.execute(
                "DELETE FROM unknown_hosts
                 WHERE host = ?1 OR substr(host, -length(?1) - 1) = '.' || ?1",
                [&domain],
            )?;
            required(tx, &domain)
        })
    }

    /// Removes a site, its tokens and its refusals. What the store holds of it is not this crate's.
    ///
    /// # Errors
    /// [`RegistryError::NoSuchSite`].
    pub fn remove_site(&self, domain: &str) -> Result<Site, RegistryError> {
        let domain = host::normalise_domain(domain)?;
        self.write_shown(|tx| {
            let site = required(tx, &domain)?;
            tx.execute("DELETE FROM refusals WHERE site = ?1", [site.id.0])?;
            tx.execute("DELETE FROM given_up WHERE site = ?1", [site.id.0])?;
            tx.execute("DELETE FROM sites WHERE id = ?1", [site.id.0])?;
            Ok(site)
        })
    }

    /// Replaces what an operator may change of a site.
    ///
    /// # Errors
    /// [`RegistryError::NoSuchSite`], or [`RegistryError::Invalid`] for a rule that is not
    /// understood; then nothing is changed.
    pub fn set_site_rules(&self, domain: &str, rules: &SiteRules) -> Result<Site, RegistryError> {
        let domain = host::normalise_domain(domain)?;
        let rules = checked(rules)?;
        self.write_shown(|tx| {
            tx.execute(
                "UPDATE sites SET subdomains = ?2, kept_params = ?3, excluded_ips = ?4, own_hosts = ?5
                 WHERE domain = ?1",
                params![
                    domain,
                    rules.subdomains,
                    as_json(&rules.kept_params),
                    as_json(&rules.excluded_ips),
                    as_json(&rules.own_hosts)
                ],
            )?;
            required(tx, &domain)
        })
    }

    /// Says how a site counts from now on. Days that are counted already change once the queue has a
    /// [`weir_event::Control::Refold`] for the site.
    ///
    /// # Errors
    /// [`RegistryError::NoSuchSite`], or [`RegistryError::Invalid`] for a timeout beyond its limits.
    pub fn set_counting(&self, domain: &str, counting: Counting) -> Result<Site, RegistryError> {
        let domain = host::normalise_domain(domain)?;
        if !(VISIT_TIMEOUT_SECS_MIN..=VISIT_TIMEOUT_SECS_MAX).contains(&counting.visit_timeout_secs) {
            return Err(RegistryError::Invalid("a visit times out after 5 to 240 minutes"));
        }
        self.write_shown(|tx| {
            tx.execute(
                "UPDATE sites SET visit_timeout_secs = ?2, counts_bots = ?3 WHERE domain = ?1",
                params![domain, counting.visit_timeout_secs, counting.counts_bots],
            )?;
            required(tx, &domain)
        })
    }

    /// By domain.
    pub fn sites(&self) -> Vec<Arc<Site>> {
        self.snapshot().sites().to_vec()
    }

    pub fn site(&self, domain: &str) -> Option<Arc<Site>> {
        self.snapshot().site(domain).cloned()
    }

    pub fn site_by_id(&self, id: SiteId) -> Option<Arc<Site>> {
        self.snapshot().site_by_id(id).cloned()
    }
}

pub(crate) fn load(conn: &Connection) -> Result<Vec<Arc<Site>>, RegistryError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM sites"))?;
    let sites = statement.query_map([], |row| read(row).map(Arc::new))?;
    Ok(sites.collect::<Result<_, _>>()?)
}

pub(crate) fn required(conn: &Connection, domain: &str) -> Result<Site, RegistryError> {
    find(conn, domain)?.ok_or_else(|| RegistryError::NoSuchSite(domain.to_owned()))
}

fn find(conn: &Connection, domain: &str) -> rusqlite::Result<Option<Site>> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM sites WHERE domain = ?1"))?;
    statement.query_row([domain], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Site> {
    let zone: String = row.get(2)?;
    let rules = SiteRules {
        subdomains: row.get(3)?,
        kept_params: from_json(row, 4)?,
        excluded_ips: from_json(row, 5)?,
        own_hosts: from_json(row, 6)?,
    };
    let zone: Zone = zone.parse().map_err(|error| unreadable(2, error))?;
    let mut site = Site::new(SiteId(row.get(0)?), row.get(1)?, zone, rules, Millis(row.get(7)?));
    site.counting = Counting { visit_timeout_secs: row.get(8)?, counts_bots: row.get(9)? };
    Ok(site)
}

fn as_json(texts: &[String]) -> String {
    serde_json::to_string(texts).expect("a list of texts has a JSON form")
}

fn from_json(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

fn checked(rules: &SiteRules) -> Result<SiteRules, RegistryError> {
    let SiteRules { subdomains, kept_params, excluded_ips, own_hosts } = rules;
    if [kept_params, excluded_ips, own_hosts].iter().any(|list| list.len() > SITE_RULES_MAX) {
        return Err(RegistryError::Invalid("a list of a site's rules has at most 100 entries"));
    }
    if kept_params.iter().any(|name| name.is_empty() || name.len() > LABEL_BYTES_MAX) {
        return Err(RegistryError::Invalid("the name of a query parameter has 1 to 255 bytes"));
    }
    if excluded_ips.iter().any(|text| ip_range(text).is_none()) {
        return Err(RegistryError::Invalid("excluded addresses are such as 192.0.2.7 or 2001:db8::/32"));
    }
    let own_hosts = own_hosts
        .iter()
        .map(|text| host::normalise_host(text).filter(|host| host.parse::<IpAddr>().is_err()))
        .collect::<Option<_>>()
        .ok_or(RegistryError::Invalid("own hosts are host names such as pay.example.com"))?;
    Ok(SiteRules {
        subdomains: *subdomains,
        kept_params: kept_params.clone(),
        excluded_ips: excluded_ips.clone(),
        own_hosts,
    })
}
