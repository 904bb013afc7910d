//! How long the dashboard's questions take, over 30 days of a year.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use weir_query::Question;
use weir_registry::Site;
use weir_store::StoreReader;

use super::figures::Sorted;
use super::report::{Figure, Section, figure};
use super::run::Bench;
use super::server::DOMAIN;
use super::year::Year;
use crate::output;

const ROUNDS_MAX: usize = 300;

/// The page's example: visitors of 30 days, by day.
const EXAMPLE: &str = "SELECT strftime('%Y-%m-%d', hour) AS day, SUM(visitors) AS visitors FROM v_site_stats
 WHERE website_id = ?1 AND hour BETWEEN datetime('now', '-30 days') AND datetime('now') GROUP BY day";

pub(super) fn measure(bench: &Bench<'_>, year: &Year) -> anyhow::Result<Vec<Section>> {
    output::note("Questions ...");
    let site = year.house.registry.site(DOMAIN).context("the site is gone")?;
    let plain = panels(bench, year, &site, "query_30_days", &json!([]))?;
    let one_country = json!([["is", "visit:country", ["DE"]]]);
    let filtered = panels(bench, year, &site, "query_30_days_of_one_country", &one_country)?;
    Ok(vec![plain, filtered, example(bench, year)?])
}

/// What the dashboard asks when it opens.
fn questions(filters: &Value) -> Vec<(&'static str, Value)> {
    const FIGURES: [&str; 6] =
        ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];
    let panel = |dimension: &str, metrics: &[&str]| {
        json!({ "site_id": DOMAIN, "date_range": "30d", "metrics": metrics, "dimensions": [dimension],
            "filters": filters, "include": { "total_rows": true }, "pagination": { "limit": 9, "offset": 0 } })
    };
    let headline = json!({ "site_id": DOMAIN, "date_range": "30d", "metrics": FIGURES, "filters": filters,
        "include": { "comparisons": { "mode": "previous_period" } } });
    let series = json!({ "site_id": DOMAIN, "date_range": "30d", "metrics": FIGURES, "filters": filters,
        "dimensions": ["time:day"], "include": { "time_labels": true } });
    vec![
        ("headline", headline),
        ("series", series),
        ("pages", panel("event:page", &["visitors"])),
        ("sources", panel("visit:source", &["visitors"])),
        ("countries", panel("visit:country", &["visitors"])),
        ("devices", panel("visit:device", &["visitors"])),
        ("browsers", panel("visit:browser", &["visitors"])),
        ("events", panel("event:name", &["events", "visitors"])),
    ]
}

fn panels(
    bench: &Bench<'_>,
    year: &Year,
    site: &Site,
    name: &str,
    filters: &Value,
) -> anyhow::Result<Section> {
    let questions = questions(filters);
    let bodies: Vec<Vec<u8>> = questions.iter().map(|(_, body)| body.to_string().into_bytes()).collect();
    // Connections of its own: the first round finds no page and no text in memory.
    let store = StoreReader::open(&year.house.folder.store())?;
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); bodies.len() + 1];
    let begun = Instant::now();
    let time = Duration::from_secs(bench.args.seconds);
    while times[0].len() < ROUNDS_MAX && (times[0].len() < 2 || begun.elapsed() < time) {
        bench.check_stopped()?;
        let round = Instant::now();
        for (n, body) in bodies.iter().enumerate() {
            let start = Instant::now();
            let answer = weir_query::run(&store, site, year.now, &Question::parse(body)?)?;
            std::hint::black_box(serde_json::to_vec(&answer)?);
            times[n + 1].push(ms_since(start));
        }
        times[0].push(ms_since(round));
    }
    let mut figures = vec![figure("events", year.events as f64), figure("rounds", times[0].len() as f64)];
    let names = std::iter::once("dashboard").chain(questions.iter().map(|(name, _)| *name));
    names.zip(times).for_each(|(name, times)| figures.extend(of_times(name, times)));
    Ok(Section { name: name.to_owned(), figures })
}

fn example(bench: &Bench<'_>, year: &Year) -> anyhow::Result<Section> {
    let conn = weir_sqlite::open_reader(&year.house.folder.store(), 16 * 1_024)?;
    let mut statement = conn.prepare(EXAMPLE)?;
    let mut times = Vec::new();
    let mut days = 0;
    let begun = Instant::now();
    let time = Duration::from_secs(bench.args.seconds);
    while times.len() < ROUNDS_MAX && (times.len() < 2 || begun.elapsed() < time) {
        let start = Instant::now();
        let rows = statement.query_map([year.site.0], |row| row.get::<_, i64>(1))?;
        days = rows.collect::<Result<Vec<i64>, _>>()?.len();
        times.push(ms_since(start));
    }
    let mut figures = vec![figure("rows", days as f64)];
    figures.extend(of_times("select", times));
    Ok(Section { name: "query_example_select".to_owned(), figures })
}

fn of_times(name: &str, times: Vec<f64>) -> [Figure; 3] {
    let (first, warm) =
        times.split_first().map_or((0.0, Vec::new()), |(first, warm)| (*first, warm.to_vec()));
    let warm = Sorted::new(warm);
    [
        figure(format!("{name}_first_ms"), first),
        figure(format!("{name}_p50_ms"), warm.percentile(50.0)),
        figure(format!("{name}_p95_ms"), warm.percentile(95.0)),
    ]
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1_000.0
}
