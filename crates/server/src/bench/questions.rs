//! What the dashboard asks when it opens, and views that are filtered.

use serde_json::{Value, json};

use super::server::DOMAIN;

const FIGURES: [&str; 6] =
    ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];

/// Questions under the names of their panels.
pub(super) type Questions = Vec<(&'static str, Vec<u8>)>;

/// The eight panels over a range.
pub(super) fn dashboard(range: &str, filters: &Value) -> Questions {
    let compared =
        if range == "all" { json!({}) } else { json!({ "comparisons": { "mode": "previous_period" } }) };
    let headline = json!({ "site_id": DOMAIN, "date_range": range, "metrics": FIGURES, "filters": filters,
        "include": compared });
    let step = if range == "30d" { "time:day" } else { "time:month" };
    let series = json!({ "site_id": DOMAIN, "date_range": range, "metrics": FIGURES, "filters": filters,
        "dimensions": [step], "include": { "time_labels": true } });
    let panels = [
        ("pages", "event:page", &["visitors"] as &[&str]),
        ("sources", "visit:source", &["visitors"]),
        ("countries", "visit:country", &["visitors"]),
        ("devices", "visit:device", &["visitors"]),
        ("browsers", "visit:browser", &["visitors"]),
        ("events", "event:name", &["events", "visitors"]),
    ];
    let panels =
        panels.map(|(name, dimension, metrics)| (name, panel(&json!(range), dimension, metrics, filters)));
    let all = [("headline", headline), ("series", series)].into_iter().chain(panels);
    all.map(|(name, question)| (name, question.to_string().into_bytes())).collect()
}

/// One panel, filtered in ways that no statistic knows.
pub(super) fn filtered(range: impl Into<Value>) -> Questions {
    let range = range.into();
    let country = json!(["is", "visit:country", ["DE"]]);
    let filters = [
        ("one_country", json!([country])),
        ("country_and_device", json!([["and", [country, ["is", "visit:device", ["Mobile"]]]]])),
        ("country_or_source", json!([["or", [country, ["is", "visit:source", ["Google"]]]]])),
        (
            "not_browser_and_page",
            json!([["not", ["is", "visit:browser", ["Chrome"]]], ["contains", "event:page", ["/lodges"]]]),
        ),
    ];
    let question = |(name, filters): (_, Value)| {
        (name, panel(&range, "event:page", &["visitors"], &filters).to_string().into_bytes())
    };
    filters.into_iter().map(question).collect()
}

/// Views of one page, whenever.
pub(super) fn views_of(path: &str) -> Vec<u8> {
    let filters = json!([["is", "event:page", [path]]]);
    json!({ "site_id": DOMAIN, "date_range": "all", "metrics": ["pageviews"], "filters": filters })
        .to_string()
        .into_bytes()
}

fn panel(range: &Value, dimension: &str, metrics: &[&str], filters: &Value) -> Value {
    json!({ "site_id": DOMAIN, "date_range": range, "metrics": metrics, "dimensions": [dimension],
        "filters": filters, "include": { "total_rows": true }, "pagination": { "limit": 9, "offset": 0 } })
}
