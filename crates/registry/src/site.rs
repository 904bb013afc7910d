use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};

use ipnet::IpNet;
use weir_event::{LocalDay, Millis, SiteId, Zone, limits};

use crate::host;

/// A site as its operator set it up. A later change makes a new one; this one stays as it was.
#[derive(Debug, Clone)]
pub struct Site {
    pub id: SiteId,
    pub domain: String,
    pub zone: Zone,
    /// Whether hosts below the domain count for this site, too.
    pub subdomains: bool,
    /// Query parameters that stay part of a page's path.
    pub kept_params: Vec<String>,
    /// Addresses and CIDR ranges whose events are refused.
    pub excluded_ips: Vec<String>,
    /// Further hosts that are no source of visits: coming from there is coming from the site.
    pub own_hosts: Vec<String>,
    pub counting: Counting,
    pub created: Millis,
    excluded: Vec<IpNet>,
    days: DayWindow,
}

/// How a site's events are counted. A day keeps what it was counted with; a change has every day
/// counted anew that still has its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    /// The gap that ends a visit.
    pub visit_timeout_secs: i64,
    /// Whether events that were set aside as a bot's count all the same.
    pub counts_bots: bool,
}

impl Default for Counting {
    fn default() -> Self {
        Self { visit_timeout_secs: limits::VISIT_TIMEOUT_SECS, counts_bots: false }
    }
}

/// What an operator may change of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRules {
    pub subdomains: bool,
    pub kept_params: Vec<String>,
    pub excluded_ips: Vec<String>,
    pub own_hosts: Vec<String>,
}

impl Site {
    pub(crate) fn new(id: SiteId, domain: String, zone: Zone, rules: SiteRules, created: Millis) -> Self {
        let SiteRules { subdomains, kept_params, excluded_ips, own_hosts } = rules;
        let excluded = excluded_ips.iter().filter_map(|text| ip_range(text)).collect();
        // Below github.io live other people's sites: they are never this site's.
        let subdomains = subdomains && !host::has_foreign_subdomains(&domain);
        let days = DayWindow::default();
        let counting = Counting::default();
        Self {
            id,
            domain,
            zone,
            subdomains,
            kept_params,
            excluded_ips,
            own_hosts,
            counting,
            created,
            excluded,
            days,
        }
    }

    pub fn rules(&self) -> SiteRules {
        SiteRules {
            subdomains: self.subdomains,
            kept_params: self.kept_params.clone(),
            excluded_ips: self.excluded_ips.clone(),
            own_hosts: self.own_hosts.clone(),
        }
    }

    /// The site's local day of an instant. Around the last instant asked for it costs no time zone
    /// arithmetic.
    pub fn day_of(&self, time: Millis) -> LocalDay {
        self.days.day_of(&self.zone, time)
    }

    /// First instant of a day; quick for the days around the last instant asked for.
    pub fn start_of(&self, day: LocalDay) -> Millis {
        self.days.start_of(day).unwrap_or_else(|| self.zone.start_of(day))
    }

    /// Whether coming from `host` is coming from this site itself.
    pub fn is_own_host(&self, host: &str) -> bool {
        let Some(host) = host::normal(host) else { return false };
        *host == self.domain
            || self.subdomains && is_below(&host, &self.domain)
            || self.own_hosts.iter().any(|own| *own == *host)
    }

    /// Whether the operator refuses events from this address.
    pub fn excludes(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.excluded.iter().any(|range| range.contains(&ip))
    }
}

/// An address or a CIDR range.
pub(crate) fn ip_range(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|ip| IpNet::from(ip.to_canonical())))
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Three local days as instants, the middle one being the last that was missed: events are of today
/// and, the late ones, of yesterday.
#[derive(Debug, Default)]
struct DayWindow(RwLock<Option<Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    first: LocalDay,
    /// Starts of the three days and of the day after them.
    starts: [Millis; 4],
}

impl DayWindow {
    fn day_of(&self, zone: &Zone, time: Millis) -> LocalDay {
        if let Some(day) = self.window().and_then(|window| window.day_of(time)) {
            return day;
        }
        let day = zone.day_of(time);
        let first = day.previous();
        let starts = [first, day, day.next(), day.next().next()].map(|day| zone.start_of(day));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Window { first, starts });
        day
    }

    fn start_of(&self, day: LocalDay) -> Option<Millis> {
        let window = self.window()?;
        let at = usize::try_from(day.0.checked_sub(window.first.0)?).ok()?;
        window.starts.get(at).copied()
    }

    fn window(&self) -> Option<Window> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for DayWindow {
    fn clone(&self) -> Self {
        Self(RwLock::new(self.window()))
    }
}

impl Window {
    fn day_of(&self, time: Millis) -> Option<LocalDay> {
        let [start, .., end] = self.starts;
        if time < start || end <= time {
            return None;
        }
        let after = self.starts.partition_point(|start| *start <= time);
        let past_first = i32::try_from(after).expect("a window has four starts") - 1;
        Some(LocalDay(self.first.0 + past_first))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site(domain: &str, zone: &str, rules: SiteRules) -> Site {
        Site::new(SiteId(1), domain.to_owned(), zone.parse().expect("a zone"), rules, Millis(0))
    }

    fn plain() -> SiteRules {
        SiteRules { subdomains: true, kept_params: vec![], excluded_ips: vec![], own_hosts: vec![] }
    }

    fn check_own(site: &Site, host: &str, own: bool) {
        assert_eq!(site.is_own_host(host), own, "{host} of {}", site.domain);
    }

    #[test]
    fn a_site_knows_its_own_hosts() {
        let shop = SiteRules { own_hosts: vec!["pay.example.net".to_owned()], ..plain() };
        let site_ = site("example.com", "UTC", shop.clone());
        for host in
            ["example.com", "www.example.com", "Blog.example.com", "a.b.example.com", "pay.example.net"]
        {
            check_own(&site_, host, true);
        }
        for host in ["badexample.com", "example.com.evil.net", "com", "", "x.pay.example.net", ".example.com"]
        {
            check_own(&site_, host, false);
        }
        let alone = site("example.com", "UTC", SiteRules { subdomains: false, ..shop });
        check_own(&alone, "blog.example.com", false);
        check_own(&alone, "www.example.com", true);
    }

    #[test]
    fn other_peoples_sites_below_a_public_suffix_are_not_own() {
        check_own(&site("github.io", "UTC", plain()), "alice.github.io", false);
        check_own(&site("alice.github.io", "UTC", plain()), "blog.alice.github.io", true);
        check_own(&site("127.0.0.1", "UTC", plain()), "x.127.0.0.1", false);
    }

    #[test]
    fn addresses_are_refused_by_range_and_alone_whatever_their_notation() {
        let excluded_ips = ["10.1.0.0/16", "2001:db8::/32", "192.0.2.7"].map(str::to_owned).to_vec();
        let site = site("example.com", "UTC", SiteRules { excluded_ips, ..plain() });
        for (ip, refused) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:192.0.2.7", true),
            ("2001:db8:1::1", true),
            ("2001:db9::", false),
        ] {
            assert_eq!(site.excludes(ip.parse().expect("an address")), refused, "{ip}");
        }
    }

    const ZONES: [&str; 6] =
        ["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Chatham", "Africa/Cairo", "America/Santiago"];

    proptest! {
        #[test]
        fn the_cached_day_is_the_zones_day(
            zone in 0..ZONES.len(),
            start in 1_700_000_000_000i64..1_900_000_000_000,
            steps in prop::collection::vec(-3 * Millis::DAY..3 * Millis::DAY, 1..40),
        ) {
            let site = site("example.com", ZONES[zone], plain());
            for step in steps {
                let time = Millis(start + step);
                let day = site.day_of(time);
                prop_assert_eq!(day, site.zone.day_of(time));
                for near in [day.previous(), day, day.next()] {
                    prop_assert_eq!(site.start_of(near), site.zone.start_of(near));
                }
            }
        }

        #[test]
        fn the_days_first_instant_is_its_own_and_the_one_before_is_not(
            zone in 0..ZONES.len(),
            start in 1_700_000_000_000i64..1_900_000_000_000,
        ) {
            let site = site("example.com", ZONES[zone], plain());
            let day = site.day_of(Millis(start));
            let midnight = site.start_of(day);
            prop_assert_eq!(site.day_of(midnight), day);
            prop_assert_eq!(site.day_of(midnight - 1), day.previous());
        }
    }
}
