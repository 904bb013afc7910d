use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::folder::Folder;
use crate::http::Answer;
use crate::server::{Server, page_view};
use crate::wait::until;

/// What a collector reads: each sample by its name and labels, each name described once, before its
/// samples, which stand together.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut current = "";
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("name and help");
            assert!(!help.is_empty() && helped.insert(name), "{name} is described twice or not at all");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("name and kind");
            assert!(helped.contains(name) && ["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert_eq!(kinds.insert(name, kind), None, "{name} is declared twice");
            current = name;
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("sample and value");
            assert_eq!(sample.split('{').next(), Some(current), "{line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(value.is_finite() && value >= 0.0, "{line}");
            assert_eq!(samples.insert(sample.to_owned(), value), None, "{sample} is told twice");
        }
    }
    for name in kinds.keys() {
        assert!(samples.keys().any(|sample| sample.split('{').next() == Some(name)), "{name} has no sample");
    }
    samples
}

fn ask(server: &Server, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    // A new token is known within a second.
    until("the token is known", || {
        let answer = server.get("/metrics", &[("authorization", &bearer)]);
        (answer.status != 401).then_some(answer)
    })
}

fn metrics(server: &Server, token: &str) -> BTreeMap<String, f64> {
    parse(&ask(server, token).body)
}

#[test]
fn every_layer_has_a_gauge_and_a_limit_and_figures_move() {
    let folder = Folder::with_site();
    let server = folder.serve();
    let token = folder.token();
    let before = metrics(&server, &token);
    for name in [
        "weir_deliveries_in_work",
        "weir_queue_waiting_events",
        "weir_queue_waiting_bytes",
        "weir_queue_backlog_events",
        "weir_queue_wal_bytes",
        "weir_store_wal_bytes",
        "weir_connections",
        "weir_live_streams",
    ] {
        let limit = match name.strip_suffix("_bytes") {
            Some(head) => format!("{head}_limit_bytes"),
            None => format!("{name}_limit"),
        };
        assert!(before.contains_key(name) && before[&limit] > 0.0, "{name}");
    }
    for layer in ["permit", "rate_limit", "waiting", "backlog", "site_share", "disk", "not_written"] {
        assert_eq!(before[&format!("weir_deliveries_refused_total{{layer=\"{layer}\"}}")], 0.0);
    }
    for check in ["queue", "accepting", "processor", "statistics", "ledger", "verify"] {
        assert_eq!(before[&format!("weir_health_check_ok{{check=\"{check}\"}}")], 1.0, "{check}");
    }
    assert_eq!(server.deliver(&[page_view("/a"), page_view("/b")]).status, 202);
    let elsewhere = json!({"type": "pageview", "url": "https://elsewhere.example/"});
    assert_eq!(server.deliver(&[elsewhere]).status, 400);
    let after = until("both events are settled", || {
        let after = metrics(&server, &token);
        (after["weir_queue_drained_events_total"] == 2.0).then_some(after)
    });
    let moved = |name: &str| after[name] - before[name];
    assert_eq!(moved("weir_deliveries_total"), 2.0);
    assert_eq!(moved("weir_events_accepted_total"), 2.0);
    assert_eq!(moved("weir_events_refused_total{reason=\"unknown_host\"}"), 1.0);
    assert!(moved("weir_processor_batches_total") >= 1.0 && moved("weir_queue_commits_total") >= 1.0);
    assert!(after["weir_queue_wal_bytes"] > 0.0 && after["weir_store_wal_bytes"] > 0.0);
    assert_eq!(
        (after["weir_queue_backlog_events"], after["weir_statistics_lag_seconds"]),
        (0.0, 0.0),
        "all is folded"
    );
    assert!(after["process_resident_memory_bytes"] > 1e6, "{after:?}");
    assert!(!after.keys().any(|sample| sample.contains("example")), "no site is named: {after:?}");
    server.stop();
}

/// Floods the first of `sites` until it is refused; by which layer.
fn check_flooded(sites: &[&str], layer: &str) {
    let folder = Folder::with_site();
    for site in sites {
        folder.run(&["site", "add", site]).succeeded();
    }
    let server = folder.serve_with(&[("WEIR_BACKLOG_EVENTS_MAX", "400")]);
    let flood = vec![page_view("/"); 100];
    until("the flood is refused", || (server.deliver(&flood).status == 503).then_some(()));
    let found = metrics(&server, &folder.token());
    for known in ["site_share", "backlog"] {
        let refused = found[&format!("weir_deliveries_refused_total{{layer=\"{known}\"}}")];
        assert_eq!(refused > 0.0, known == layer, "{known} with {sites:?} beside it");
    }
    server.stop();
}

#[test]
fn a_site_alone_may_fill_the_backlog_and_one_among_others_its_share() {
    check_flooded(&[], "backlog");
    check_flooded(&["quiet.example"], "site_share");
}

#[test]
fn a_full_disk_reserve_shows_in_metrics_and_health_and_in_the_answer() {
    let folder = Folder::with_site();
    let server = folder.serve_with(&[("WEIR_DISK_RESERVE_MIB", "1000000000")]);
    let answer = server.deliver(&[page_view("/")]);
    assert_eq!(answer.status, 503, "{answer:?}");
    let secs: u32 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=30).contains(&secs) && answer.json()["retryAfter"] == secs, "{answer:?}");
    let token = folder.token();
    let found = metrics(&server, &token);
    assert_eq!(found["weir_deliveries_refused_total{layer=\"disk\"}"], 1.0);
    let bearer = format!("Bearer {token}");
    let health = server.get("/api/health", &[("authorization", &bearer)]).json();
    let checks = health["checks"].as_array().expect("checks");
    let accepting = checks.iter().find(|check| check["name"] == "accepting").expect("the check");
    let detail = accepting["detail"].as_str().expect("a sentence");
    assert!(detail.contains("disk_reserve_mib") && detail.contains("1000000000 MiB"), "{detail}");
    assert_eq!(accepting["ok"], false);
    server.stop();
}

#[test]
fn nobody_reads_metrics_without_a_token_not_even_from_this_machine() {
    let folder = Folder::with_site();
    let server = folder.serve();
    assert_eq!(server.get("/metrics", &[]).status, 401);
    assert_eq!(server.get("/metrics", &[("authorization", "Bearer weir_nonsense")]).status, 401);
    server.stop();
}
