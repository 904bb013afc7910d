use std::num::NonZeroU32;

use ipnet::IpNet;

use crate::{Geo, TrustedProxies};

/// What an operator may decide about the edge. The default suits a server behind a proxy on the same
/// machine or the same private network.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// Whose word about the client's address counts.
    pub trusted_proxies: TrustedProxies,
    /// Deliveries that may be in work at once; one more is told to come back.
    pub permits: usize,
    /// `None` turns the limit off.
    pub rate_limit: Option<RateLimit>,
    pub geo: Geo,
    /// Never counted, on any site.
    pub excluded_ips: Vec<IpNet>,
}

/// A token bucket per client address, counted in events. Generous: a whole office may share one.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    pub events_per_second: NonZeroU32,
    pub burst_events: NonZeroU32,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            trusted_proxies: TrustedProxies::default(),
            permits: weir_event::limits::DELIVERIES_IN_WORK_MAX,
            rate_limit: Some(RateLimit::default()),
            geo: Geo::BuiltIn,
            excluded_ips: Vec::new(),
        }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        let per_second = const { NonZeroU32::new(200).expect("not zero") };
        let burst = const { NonZeroU32::new(4_000).expect("not zero") };
        Self { events_per_second: per_second, burst_events: burst }
    }
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "{0:?} is no trusted proxy: give a network such as 10.0.0.0/8, an address, or a preset (private, cloudflare, none)"
    )]
    NotAProxy(String),
    #[error("{0:?} is no header name")]
    NotAHeader(String),
    #[error("the country database {path} can't be used: {why}")]
    Geo { path: std::path::PathBuf, why: String },
}
