//! Settings: flags, then `WEIR_*` variables, then `weir.toml`. What nobody knows is an error: a
//! misspelt setting that is silently ignored is found out when it is too late.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use weir_dashboard::OwnPaths;

use crate::args::Args;
use crate::room::{Room, Wanted};

const LISTEN: &str = "127.0.0.1:3000";

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Where the server's own routes and files are.
const TAKEN: [&str; 6] = ["/api/", "/x/", "/y/", "/js/", "/assets/", "/_"];

/// Variables that are no settings of the file.
const OTHER_VARIABLES: [&str; 2] = ["WEIR_DATA", "WEIR_CONFIG"];

/// Everything an operator may set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    listen: Option<String>,
    public_url: Option<String>,
    script_path: Option<String>,
    events_path: Option<String>,
    trusted_proxies: Option<Vec<String>>,
    client_ip_headers: Option<Vec<String>>,
    excluded_ips: Option<Vec<String>>,
    country_database: Option<PathBuf>,
    deliveries_at_once_max: Option<usize>,
    events_per_second_per_ip: Option<u32>,
    waiting_events_max: Option<usize>,
    waiting_bytes_max: Option<usize>,
    backlog_events_max: Option<u64>,
    site_share_max: Option<f64>,
    disk_reserve_mib: Option<u64>,
    keep_events_days: Option<u32>,
    log: Option<String>,
}

/// Settings, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// The address that pages load the tracker from, where it differs from the request's own.
    pub public_url: Option<String>,
    pub own_paths: OwnPaths,
    /// Networks, addresses or presets whose word about the client's address counts.
    pub trusted_proxies: Option<Vec<String>>,
    pub client_ip_headers: Option<Vec<String>>,
    pub excluded_ips: Vec<String>,
    /// An .mmdb file to use instead of the built-in table of countries.
    pub country_database: Option<PathBuf>,
    /// What each layer may hold before it refuses.
    pub room: Room,
    /// Zero turns the limit off.
    pub events_per_second_per_ip: Option<u32>,
    /// Whole days that raw events are kept; for ever where not set.
    pub keep_events_days: Option<u32>,
    pub log: String,
}

pub(crate) fn load(args: &Args) -> anyhow::Result<Config> {
    let file = match &args.config {
        Some(path) => read_file(path)?,
        None if Path::new("weir.toml").exists() => read_file(Path::new("weir.toml"))?,
        None => Settings::default(),
    };
    let env = read_variables(std::env::vars())?;
    let listen = args.listen.map(|address| address.to_string()).or(env.listen).or(file.listen);
    let listen = listen.unwrap_or_else(|| LISTEN.to_owned());
    let Ok(listen) = listen.parse() else {
        bail!("listen = {listen:?} is no address and port; give one such as {LISTEN} or 0.0.0.0:3000");
    };
    let public_url = env.public_url.or(file.public_url);
    if let Some(url) = &public_url {
        ensure!(is_origin(url), "public_url = {url:?} is no address such as \"https://stats.example.com\"");
    }
    let own_paths = own_paths(env.script_path.or(file.script_path), env.events_path.or(file.events_path))?;
    let log = env.log.or(file.log).unwrap_or_else(|| "info".to_owned());
    ensure!(LEVELS.contains(&log.as_str()), "log = {log:?} is no level; give one of {}", LEVELS.join(", "));
    let room = Room::of(&Wanted {
        deliveries_at_once_max: env.deliveries_at_once_max.or(file.deliveries_at_once_max),
        waiting_events_max: env.waiting_events_max.or(file.waiting_events_max),
        waiting_bytes_max: env.waiting_bytes_max.or(file.waiting_bytes_max),
        backlog_events_max: env.backlog_events_max.or(file.backlog_events_max),
        site_share_max: env.site_share_max.or(file.site_share_max),
        disk_reserve_mib: env.disk_reserve_mib.or(file.disk_reserve_mib),
    })?;
    Ok(Config {
        data: args.data.clone(),
        listen,
        public_url,
        own_paths,
        trusted_proxies: env.trusted_proxies.or(file.trusted_proxies),
        client_ip_headers: env.client_ip_headers.or(file.client_ip_headers),
        excluded_ips: env.excluded_ips.or(file.excluded_ips).unwrap_or_default(),
        country_database: env.country_database.or(file.country_database),
        room,
        events_per_second_per_ip: env.events_per_second_per_ip.or(file.events_per_second_per_ip),
        keep_events_days: env.keep_events_days.or(file.keep_events_days),
        log,
    })
}

/// A scheme, a host and perhaps a port: it ends up in a page's script tag.
fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    host.is_some_and(|host| !host.is_empty() && host.chars().all(plain))
}

fn own_paths(script: Option<String>, events: Option<String>) -> anyhow::Result<OwnPaths> {
    for (name, example, path) in [("script_path", "/s/a.js", &script), ("events_path", "/s/e", &events)] {
        if let Some(path) = path {
            ensure!(
                is_own_path(path),
                "{name} = {path:?} can't be used; give a path of two or more parts such as {example:?}, of letters, \
                 digits, - . _ and ~, that does not begin with {}",
                TAKEN.join(", ")
            );
        }
    }
    ensure!(
        script.is_none() || script != events,
        "script_path and events_path are the same; give each a path of its own"
    );
    Ok(OwnPaths { script, events })
}

/// A path of one part is a page of the dashboard, which may be the name of a site.
fn is_own_path(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let part = |part: &str| !part.is_empty() && part.chars().all(plain) && !part.chars().all(|c| c == '.');
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let taken = TAKEN.iter().any(|prefix| path.starts_with(prefix));
    path.starts_with('/') && parts.len() > 1 && parts.into_iter().all(part) && !taken
}

fn read_file(path: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} can't be used", path.display()))
}

/// `WEIR_LISTEN` is the setting `listen`, and so on; lists are separated by commas.
fn read_variables(variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<Settings> {
    let mut table = toml::Table::new();
    for (name, value) in variables {
        if OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        if let Some(key) = name.strip_prefix("WEIR_") {
            let key = key.to_lowercase();
            let value = typed(&key, value);
            let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
            Settings::deserialize(alone).with_context(|| format!("the variable {name} can't be used"))?;
            table.insert(key, value);
        }
    }
    Settings::deserialize(table).context("the variables that begin with WEIR_ can't be used together")
}

fn typed(key: &str, value: String) -> toml::Value {
    match key {
        "trusted_proxies" | "client_ip_headers" | "excluded_ips" => {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect())
        }
        "listen" | "public_url" | "script_path" | "events_path" | "country_database" | "log" => {
            toml::Value::String(value)
        }
        _ => {
            let float = || value.parse().map(toml::Value::Float);
            let number = value.parse().map(toml::Value::Integer).or_else(|_| float());
            number.unwrap_or(toml::Value::String(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> anyhow::Result<Settings> {
        read_variables(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_are_settings_in_upper_case() {
        let pairs =
            [("WEIR_LISTEN", "[::1]:80"), ("WEIR_EXCLUDED_IPS", "10.0.0.1, 10.1.0.0/16"), ("HOME", "/")];
        let settings = variables(&pairs).expect("known");
        assert_eq!(settings.listen.as_deref(), Some("[::1]:80"));
        assert_eq!(settings.excluded_ips, Some(vec!["10.0.0.1".to_owned(), "10.1.0.0/16".to_owned()]));
    }

    #[test]
    fn an_unknown_variable_or_key_is_an_error_that_names_it() {
        let error = format!("{:#}", variables(&[("WEIR_LISTNE", "x")]).expect_err("misspelt"));
        assert!(error.contains("WEIR_LISTNE"), "{error}");
        let error = toml::from_str::<Settings>("listne = 1").expect_err("misspelt").to_string();
        assert!(error.contains("listne"), "{error}");
    }

    #[test]
    fn a_public_url_is_an_origin() {
        for (url, ok) in [
            ("https://stats.example.com", true),
            ("https://stats.example.com/", true),
            ("http://[::1]:3000", true),
            ("stats.example.com", false),
            ("https://", false),
            ("https://x/<script>", false),
            ("https://x/weir", false),
        ] {
            assert_eq!(is_origin(url), ok, "{url}");
        }
    }

    #[test]
    fn own_paths_stand_in_nobody_s_way() {
        for (path, ok) in [
            ("/s/a.js", true),
            ("/a/b/c~d_e-f", true),
            ("/login", false),
            ("s/a.js", false),
            ("/s/", false),
            ("//s", false),
            ("/s/../x", false),
            ("/s/a?b", false),
            ("/s/%61", false),
            ("/y/api/v1/other.js", false),
            ("/x/y", false),
        ] {
            assert_eq!(is_own_path(path), ok, "{path}");
        }
        let both = Some("/s/a".to_owned());
        own_paths(both.clone(), both).expect_err("one path for two things");
    }

    /// The parser names what it knows, so no list of names has to be kept beside it.
    #[test]
    fn every_setting_stands_in_the_guide() {
        let guide = include_str!("../../../docs/guides/settings.md");
        let error = toml::from_str::<Settings>("x = 1").expect_err("no setting").to_string();
        let (_, names) = error.split_once("expected one of").expect("it names them");
        let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
        assert!(names.contains(&"listen") && names.len() > 10, "{names:?}");
        for name in names {
            assert!(guide.contains(&format!("| `{name}` |")), "{name} is not in the guide");
        }
    }

    /// As a file, and each line as a variable: what is understood is within its type, what is not is an
    /// error that a person can read.
    #[test]
    fn any_file_and_any_variables_are_settings_or_refused() {
        weir_testkit::replay("settings", |data| {
            let Ok(text) = std::str::from_utf8(data) else { return };
            if let Err(error) = toml::from_str::<Settings>(text) {
                assert!(!error.to_string().is_empty());
            }
            let pairs: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
            let known = pairs.iter().filter(|(name, _)| name.starts_with("WEIR_")).count();
            match variables(&pairs) {
                Ok(_) => {}
                Err(error) => {
                    assert!(known > 0, "{error:#}");
                    assert!(format!("{error:#}").contains("WEIR_"), "{error:#}");
                }
            }
        });
    }

    #[test]
    fn a_value_of_the_wrong_type_is_an_error() {
        variables(&[("WEIR_KEEP_EVENTS_DAYS", "soon")]).expect_err("no number");
    }
}
