//! The requests that the documentation of Plausible's Stats API v2 shows get an answer of the same
//! shape, or, where they need what is not here yet, a refusal that names it.

use crate::world::{Told, World, at, view};
use serde_json::{Value, json};
use weir_event::Millis;

fn world() -> World {
    let mut world = World::new("UTC", at("2026-09-11T12:00:00Z"));
    let past = (0..60).map(|n: u64| Told {
        page: ["/docs/a", "/pricing", "/blog"][n as usize % 3],
        country: ["EE", "DE"][n as usize % 2],
        utm_medium: ["", "social"][n as usize / 2 % 2],
        utm_source: ["duckduckgo", "twitter"][n as usize / 2 % 2],
        props: if n.is_multiple_of(2) { r#"{"is_customer":true}"# } else { r#"{"is_customer":"false"}"# },
        ..view(n, at("2026-09-04T00:30:00Z") + n as i64 * 3 * Millis::HOUR)
    });
    world.fold(&past.collect::<Vec<_>>());
    world
}

/// Asks, and compares the keys and types of everything with the published answer's.
fn check_shape(request: Value, published: Value) {
    let answer = world().ask(request.clone());
    let mut differences = Vec::new();
    compare("", &published, &answer, &mut differences);
    assert!(differences.is_empty(), "{request}: {differences:?} in {answer:#}");
    assert!(!answer["results"].as_array().expect("rows").is_empty(), "{request}: no rows");
}

/// `of` may have what Weir documents on top: warnings, pagination always told.
fn compare(place: &str, published: &Value, answer: &Value, differences: &mut Vec<String>) {
    match (published, answer) {
        (Value::Object(published), Value::Object(answer)) => {
            for (key, value) in published {
                match answer.get(key) {
                    Some(other) => compare(&format!("{place}.{key}"), value, other, differences),
                    None => differences.push(format!("{place}.{key} is missing")),
                }
            }
            let more = ["metric_warnings", "pagination"];
            let new =
                answer.keys().filter(|key| !published.contains_key(*key) && !more.contains(&key.as_str()));
            differences.extend(new.map(|key| format!("{place}.{key} is new")));
        }
        (Value::Array(published), Value::Array(answer)) => {
            if let (Some(first), true) = (published.first(), place == ".results") {
                answer.iter().for_each(|row| compare(".results[]", first, row, differences));
            } else if published.len() != answer.len() {
                differences.push(format!("{place} has {} members", answer.len()));
            } else {
                published
                    .iter()
                    .zip(answer)
                    .for_each(|(a, b)| compare(&format!("{place}[]"), a, b, differences));
            }
        }
        (Value::String(a), Value::String(b)) => {
            // Times and dates by their form, names by themselves.
            let form = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
            let exact = place.starts_with(".query");
            let differ =
                if exact { form(a) != form(b) } else { form(a).len() != form(b).len() && a.contains('-') };
            if differ {
                differences.push(format!("{place} is {b}"));
            }
        }
        (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) => {}
        _ => differences.push(format!("{place} is of another type")),
    }
}

/// The echo of a request with nothing but these members.
fn echo(members: Value) -> Value {
    let mut echo = json!({
        "site_id": "example.com", "date_range": ["2024-09-04T00:00:00+00:00", "2024-09-10T23:59:59+00:00"],
        "filters": [], "dimensions": [], "order_by": [["visitors", "desc"]], "include": {},
    });
    echo.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    echo
}

#[test]
fn simple_aggregates() {
    let metrics = json!(["visitors", "events"]);
    let published = json!({
        "results": [{"metrics": [944, 1797], "dimensions": []}], "meta": {}, "query": echo(json!({"metrics": metrics})),
    });
    check_shape(json!({"metrics": metrics, "date_range": "7d"}), published);
}

#[test]
fn custom_date_ranges() {
    let published = json!({
        "results": [{"metrics": [1140], "dimensions": []}], "meta": {}, "query": echo(json!({"metrics": ["visitors"]})),
    });
    check_shape(json!({"date_range": ["2026-09-01", "2026-09-15"]}), published.clone());
    check_shape(json!({"date_range": ["2026-09-04T00:00:00+02:00", "2026-09-04T15:59:59+02:00"]}), published);
}

#[test]
fn filters_by_page_and_tag() {
    let filters = json!([
        ["contains", "event:page", ["/docs", "/pricing"]],
        ["or", [["not", ["is", "visit:utm_campaign", ["Referral"]]], ["is", "visit:country", ["EE", "US"]]]],
    ]);
    let published = json!({
        "results": [{"metrics": [10], "dimensions": []}], "meta": {},
        "query": echo(json!({"metrics": ["visitors"], "filters": filters})),
    });
    check_shape(json!({"filters": filters}), published);
}

#[test]
fn filters_that_ignore_case() {
    let filters = json!([["contains", "event:page", ["BLOG"], {"case_sensitive": false}]]);
    let published = json!({
        "results": [{"metrics": [10], "dimensions": []}], "meta": {},
        "query": echo(json!({"metrics": ["visitors"], "filters": filters})),
    });
    check_shape(json!({"filters": filters}), published);
}

#[test]
fn time_series_with_a_filter() {
    let (metrics, filters) =
        (json!(["visitors", "events"]), json!([["is", "visit:browser", ["Firefox", "Safari"]]]));
    let published = json!({
        "results": [{"metrics": [129, 144], "dimensions": ["2024-09-04"]}], "meta": {},
        "query": echo(json!({
            "metrics": metrics, "filters": filters, "dimensions": ["time:day"],
            "order_by": [["time:day", "asc"], ["visitors", "desc"]],
        })),
    });
    check_shape(json!({"metrics": metrics, "filters": filters, "dimensions": ["time:day"]}), published);
}

#[test]
fn hours_of_today_with_labels() {
    let labels: Vec<_> = (0..24).map(|hour| format!("2024-09-10 {hour:02}:00:00")).collect();
    let published = json!({
        "results": [{"metrics": [2], "dimensions": ["2024-09-10 01:00:00"]}], "meta": {"time_labels": labels},
        "query": echo(json!({
            "metrics": ["visitors"], "dimensions": ["time:hour"], "include": {"time_labels": true},
            "order_by": [["time:hour", "asc"], ["visitors", "desc"]],
        })),
    });
    let request = json!({"date_range": "day", "dimensions": ["time:hour"], "include": {"time_labels": true}});
    check_shape(request, published);
}

#[test]
fn custom_properties_by_day() {
    let members = json!({
        "metrics": ["visitors"], "dimensions": ["time:day", "event:props:is_customer"],
        "order_by": [["time:day", "asc"], ["event:props:is_customer", "desc"]],
    });
    let published = json!({
        "results": [{"metrics": [162], "dimensions": ["2024-09-04", "true"]}], "meta": {}, "query": echo(members.clone()),
    });
    check_shape(members.clone(), published);
    let rows = world().rows(members);
    assert_eq!((&rows[0][0][1], &rows[1][0][1]), (&json!("true"), &json!("false")));
}

#[test]
fn utm_tags_in_pages() {
    let members = json!({
        "metrics": ["visitors", "events", "pageviews"], "dimensions": ["visit:utm_medium", "visit:utm_source"],
    });
    let published = |include: Value, meta: Value, pagination: Value| {
        let mut query = echo(members.clone());
        query["include"] = include;
        query["pagination"] = pagination;
        json!({
            "results": [{"metrics": [320, 382, 297], "dimensions": ["(not set)", "duckduckgo"]}],
            "meta": meta, "query": query,
        })
    };
    let all = json!({"offset": 0, "limit": 10_000});
    check_shape(members.clone(), published(json!({}), json!({}), all));
    let mut page = members.clone();
    page["include"] = json!({"total_rows": true});
    page["pagination"] = json!({"limit": 3, "offset": 1});
    let cut =
        published(json!({"total_rows": true}), json!({"total_rows": 6}), json!({"offset": 1, "limit": 3}));
    check_shape(page, cut);
    let rows = world().rows(members);
    assert!(rows.as_array().expect("rows").iter().any(|row| row[0] == json!(["(not set)", "duckduckgo"])));
}

fn check_refusal(request: Value, named: &str) {
    let error = world().try_ask(request.clone()).expect_err("a refusal").to_string();
    assert!(error.contains(named), "{request}: {error}");
}

#[test]
fn what_is_not_here_yet_is_refused_by_name() {
    check_refusal(json!({"dimensions": ["visit:country_name", "visit:city_name"]}), "visit:country_name");
    check_refusal(json!({"include": {"imports": true}}), "include.imports");
    check_refusal(json!({"metrics": ["total_revenue"], "dimensions": ["event:goal"]}), "total_revenue");
    check_refusal(json!({"filters": [["is", "event:goal", ["PurchaseUSD"]]]}), "event:goal");
    check_refusal(json!({"filters": [["has_done", ["is", "event:page", ["/pricing"]]]]}), "has_done");
    check_refusal(json!({"filters": [["is", "segment", [2]]]}), "segment");
}
