//! Answers about a small past, worked out by hand.

use crate::world::{Told, World, at, view};
use serde_json::{Value, json};
use weir_event::{Kind, Millis};

const ALL: [&str; 7] =
    ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration", "events"];

/// Two days in New York. On the 10th, Ann (1) reads two pages from Google, comes back in the evening
/// by herself and bounces; Ben (2) from France signs up. On the 11th Cid (3) bounces; a view comes
/// too late to have a visitor, and a crawler is set aside.
fn small() -> World {
    let mut world = World::new("America/New_York", at("2026-03-12T15:30:00Z"));
    let ann = |time: &str| view(1, at(time));
    let ben = |time: &str| Told { country: "FR", browser: "Safari", ..view(2, at(time)) };
    world.fold(&[
        Told { source: "Google", ..ann("2026-03-10T14:00:00Z") },
        Told { source: "Google", page: "/blog", own: true, ..ann("2026-03-10T14:01:40Z") },
        Told { page: "/pricing", ..ann("2026-03-10T23:30:00Z") },
        Told { utm_medium: "social", ..ben("2026-03-10T14:30:00Z") },
        Told {
            kind: Kind::Custom,
            name: "Signup",
            props: r#"{"plan":"pro"}"#,
            ..ben("2026-03-10T14:30:50Z")
        },
        Told { page: "/blog", ..view(3, at("2026-03-11T04:30:00Z")) },
        Told { visitor: None, ..view(0, at("2026-03-11T20:00:00Z")) },
        Told { set_aside: true, ..view(9, at("2026-03-11T20:00:00Z")) },
    ]);
    world
}

fn check_rows(changes: Value, rows: Value) {
    assert_eq!(small().rows(changes.clone()), rows, "{changes}");
}

#[test]
fn totals_are_those_of_the_definitions() {
    // Four visits: 100 s, 0 s, 50 s, 0 s; two of them bounces.
    let totals = json!([[[], [3, 4, 6, 1.5, 50, 38, 7]]]);
    check_rows(json!({"metrics": ALL}), totals.clone());
    check_rows(json!({"metrics": ALL, "filters": [["is_not", "event:page", ["/x"]]]}), totals);
}

#[test]
fn a_site_without_events_has_zeros() {
    let world = World::new("UTC", at("2026-03-12T15:30:00Z"));
    assert_eq!(world.rows(json!({"metrics": ALL})), json!([[[], [0, 0, 0, 0, 0, 0, 0]]]));
    assert_eq!(world.rows(json!({"dimensions": ["event:page"], "date_range": "all"})), json!([]));
}

#[test]
fn rows_are_told_apart_by_each_dimension() {
    let by =
        |dimension: &str| json!({"metrics": ["visitors", "visits", "pageviews"], "dimensions": [dimension]});
    let pages = json!([[["/"], [2, 2, 3]], [["/blog"], [2, 2, 2]], [["/pricing"], [1, 1, 1]]]);
    check_rows(by("event:page"), pages);
    let sources = json!([[["Direct / None"], [3, 3, 3]], [["Google"], [1, 1, 2]]]);
    check_rows(by("visit:source"), sources);
    check_rows(by("visit:country"), json!([[["DE"], [2, 3, 5]], [["FR"], [1, 1, 1]]]));
    check_rows(by("visit:browser"), json!([[["Firefox"], [2, 3, 5]], [["Safari"], [1, 1, 1]]]));
    let entries = json!([[["/"], [2, 2, 3]], [["/pricing"], [1, 1, 1]], [["/blog"], [1, 1, 1]]]);
    assert_eq!(sorted(small().rows(by("visit:entry_page"))), sorted(entries));
    check_rows(by("event:hostname"), json!([[["example.com"], [3, 4, 6]]]));
    check_rows(by("visit:utm_medium"), json!([[["social"], [1, 1, 1]]]));
    check_rows(by("event:name"), json!([[["Signup"], [1, 1, 0]]]));
    check_rows(by("event:props:plan"), json!([[["pro"], [1, 1, 0]]]));
}

fn sorted(rows: Value) -> Vec<String> {
    let mut rows: Vec<_> = rows.as_array().expect("rows").iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

#[test]
fn time_is_the_sites() {
    let by = |time: &str| json!({"metrics": ["visitors", "pageviews"], "dimensions": [time]});
    check_rows(by("time:day"), json!([[["2026-03-10"], [2, 4]], [["2026-03-11"], [1, 2]]]));
    check_rows(by("time"), json!([[["2026-03-10"], [2, 4]], [["2026-03-11"], [1, 2]]]));
    check_rows(by("time:week"), json!([[["2026-03-09"], [3, 6]]]));
    check_rows(by("time:month"), json!([[["2026-03-01"], [3, 6]]]));
    let hours = json!([
        [["2026-03-10 10:00:00"], [2, 3]],
        [["2026-03-10 19:00:00"], [1, 1]],
        [["2026-03-11 00:00:00"], [1, 1]],
        [["2026-03-11 16:00:00"], [0, 1]],
    ]);
    check_rows(by("time:hour"), hours);
    let dimensions = json!(["time:day", "visit:country"]);
    let by_country = json!([
        [["2026-03-10", "DE"], [1, 3]],
        [["2026-03-10", "FR"], [1, 1]],
        [["2026-03-11", "DE"], [1, 2]],
    ]);
    let changes = json!({"metrics": ["visitors", "pageviews"], "dimensions": dimensions});
    let order = json!([["time:day", "asc"], ["visit:country", "asc"]]);
    let mut ordered = changes;
    ordered["order_by"] = order;
    check_rows(ordered, by_country);
}

#[test]
fn several_dimensions_tell_what_is_not_set() {
    let dimensions = json!(["visit:utm_medium", "visit:country"]);
    let rows = json!([[["(not set)", "DE"], [2, 5]], [["social", "FR"], [1, 1]]]);
    check_rows(json!({"metrics": ["visitors", "pageviews"], "dimensions": dimensions}), rows);
    let props = json!(["event:name", "event:props:plan"]);
    check_rows(json!({"metrics": ["events"], "dimensions": props}), json!([[["Signup", "pro"], [1]]]));
}

#[test]
fn filters_choose_events_and_the_visits_that_have_one() {
    let filtered = |filters: Value| json!({"metrics": ["visitors", "visits", "pageviews", "bounce_rate"], "filters": filters});
    // Ann's first visit and Cid's, of which only the views of /blog.
    check_rows(filtered(json!([["is", "event:page", ["/blog"]]])), json!([[[], [2, 2, 2, 50]]]));
    check_rows(filtered(json!([["contains", "event:page", ["bl", "pri"]]])), json!([[[], [2, 3, 3, 66.7]]]));
    check_rows(filtered(json!([["is", "visit:source", ["Google"]]])), json!([[[], [1, 1, 2, 0]]]));
    check_rows(filtered(json!([["is", "visit:entry_page", ["/"]]])), json!([[[], [2, 2, 3, 0]]]));
    check_rows(filtered(json!([["is", "event:props:plan", ["pro"]]])), json!([[[], [1, 1, 0, 0]]]));
    check_rows(filtered(json!([["is", "event:name", ["Signup"]]])), json!([[[], [1, 1, 0, 0]]]));
    let both = json!([["is", "visit:country", ["DE"]], ["not", ["is", "event:page", ["/"]]]]);
    check_rows(filtered(both), json!([[[], [2, 3, 3, 66.7]]]));
    let either = json!([["or", [["is", "visit:country", ["FR"]], ["is", "event:page", ["/pricing"]]]]]);
    check_rows(filtered(either), json!([[[], [2, 2, 2, 50]]]));
    check_rows(filtered(json!([["is", "visit:utm_medium", ["(not set)"]]])), json!([[[], [2, 3, 5, 66.7]]]));
    check_rows(filtered(json!([["is", "event:page", ["/nowhere"]]])), json!([[[], [0, 0, 0, 0]]]));
    let ignoring = json!([["is", "visit:source", ["gOOGLE"], {"case_sensitive": false}]]);
    check_rows(filtered(ignoring), json!([[[], [1, 1, 2, 0]]]));
}

#[test]
fn a_part_of_a_day_counts_its_own_visitors() {
    let world = small();
    let metrics = json!(["visitors", "visits", "pageviews"]);
    let part = |from: &str, to: &str| json!({"metrics": metrics, "date_range": [from, to]});
    // From noon on only Ann's second visit; she was first seen before.
    let afternoon = part("2026-03-10T12:00:00-04:00", "2026-03-10T23:59:59-04:00");
    assert_eq!(world.rows(afternoon), json!([[[], [1, 1, 1]]]));
    // Until 10:30:00, inclusive: Ben's visit has just begun.
    let odd = part("2026-03-10T00:00:00-04:00", "2026-03-10T10:30:00-04:00");
    assert_eq!(world.rows(odd), json!([[[], [2, 2, 3]]]));
    let hours = part("2026-03-10T00:00:00-04:00", "2026-03-10T10:59:59-04:00");
    assert!(!world.reads_log(hours.clone()));
    assert_eq!(world.rows(hours), json!([[[], [2, 2, 3]]]));
    // Noon of the 11th to the 12th: the late view, and nobody.
    assert_eq!(world.rows(json!({"metrics": metrics, "date_range": "24h"})), json!([[[], [0, 0, 1]]]));
}

#[test]
fn order_and_pages_are_as_asked() {
    let by_page = |changes: Value| {
        let mut body = json!({"metrics": ["pageviews"], "dimensions": ["event:page"]});
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        body
    };
    let (root, blog, pricing) = (json!([["/"], [3]]), json!([["/blog"], [2]]), json!([["/pricing"], [1]]));
    check_rows(by_page(json!({})), json!([root, blog, pricing]));
    check_rows(by_page(json!({"order_by": [["pageviews", "asc"]]})), json!([pricing, blog, root]));
    check_rows(by_page(json!({"order_by": [["event:page", "desc"]]})), json!([pricing, blog, root]));
    check_rows(by_page(json!({"pagination": {"limit": 1, "offset": 1}})), json!([blog]));
    check_rows(by_page(json!({"pagination": {"limit": 5, "offset": 9}})), json!([]));
    let answer = small().ask(by_page(json!({"pagination": {"limit": 1}, "include": {"total_rows": true}})));
    assert_eq!(answer["meta"]["total_rows"], 3);
    assert_eq!(answer["query"]["pagination"], json!({"offset": 0, "limit": 1}));
}

#[test]
fn shares_are_of_all_visitors() {
    let changes = json!({"metrics": ["visitors", "percentage"], "dimensions": ["visit:country"]});
    check_rows(changes, json!([[["DE"], [2, 66.7]], [["FR"], [1, 33.3]]]));
}

#[test]
fn the_period_before_stands_beside_each_row() {
    let world = small();
    let changes = json!({
        "date_range": ["2026-03-11", "2026-03-11"], "metrics": ["visitors", "pageviews", "events"],
        "include": {"comparisons": {"mode": "previous_period"}},
    });
    let answer = world.ask(changes.clone());
    let expected = json!({"metrics": [2, 4, 5], "change": [-50.0, -50.0, -60.0], "dimensions": []});
    assert_eq!(answer["results"][0]["comparison"], expected);
    let range = json!(["2026-03-10T00:00:00-04:00", "2026-03-10T23:59:59-04:00"]);
    assert_eq!(answer["query"]["comparison_date_range"], range);
    assert_eq!(answer["query"]["include"], json!({"comparisons": {"mode": "previous_period"}}));
    let mut by_day = changes.clone();
    by_day["dimensions"] = json!(["time:day"]);
    let before = &world.ask(by_day)["results"][0]["comparison"];
    assert_eq!((&before["metrics"], &before["dimensions"]), (&json!([2, 4, 5]), &json!(["2026-03-10"])));
    let mut by_page = changes;
    by_page["dimensions"] = json!(["event:page"]);
    let rows = world.ask(by_page);
    let blog =
        rows["results"].as_array().expect("rows").iter().find(|row| row["dimensions"] == json!(["/blog"]));
    assert_eq!(blog.expect("a row")["comparison"]["metrics"], json!([1, 1, 1]));
}

#[test]
fn a_day_that_is_not_over_is_compared_with_as_much_of_the_day_before() {
    let mut world = World::new("UTC", at("2026-03-12T15:30:00Z"));
    let hour = |n: i64| view(1, at("2026-03-11T00:00:00Z") + n * Millis::HOUR);
    world.fold(&(0..48).map(hour).collect::<Vec<_>>());
    let include = json!({"comparisons": {"mode": "previous_period"}});
    let metrics = json!(["visitors", "pageviews"]);
    let day = json!({"date_range": "day", "metrics": metrics, "include": include});
    let answer = world.ask(day.clone());
    assert_eq!(answer["results"][0]["comparison"]["metrics"], json!([1, 16]));
    let until = json!(["2026-03-11T00:00:00+00:00", "2026-03-11T15:59:59+00:00"]);
    assert_eq!(answer["query"]["comparison_date_range"], until);
    assert!(!world.reads_log(day));
}

#[test]
fn labels_name_every_bucket() {
    let world = small();
    let changes = json!({"dimensions": ["time:day"], "include": {"time_labels": true}});
    let labels = &world.ask(changes)["meta"]["time_labels"];
    let expected = json!([
        "2026-03-05",
        "2026-03-06",
        "2026-03-07",
        "2026-03-08",
        "2026-03-09",
        "2026-03-10",
        "2026-03-11",
    ]);
    assert_eq!(labels, &expected);
    let dates = json!({
        "date_range": ["2026-03-08", "2026-03-08"], "dimensions": ["time"], "include": {"time_labels": true},
    });
    let answer = world.ask(dates);
    assert_eq!(answer["meta"]["time_labels"].as_array().map(Vec::len), Some(23));
    assert_eq!(answer["query"]["dimensions"], json!(["time:hour"]));
}

#[test]
fn sums_of_daily_visitors_say_so() {
    let warned = |changes: Value| !small().ask(changes)["meta"]["metric_warnings"]["visitors"].is_null();
    assert!(warned(json!({})));
    assert!(warned(json!({"dimensions": ["time:week"]})));
    assert!(!warned(json!({"dimensions": ["time:day"]})));
    assert!(!warned(json!({"date_range": "day"})));
    assert!(!warned(json!({"metrics": ["pageviews"]})));
}

#[test]
fn expired_events_are_admitted() {
    let mut world = small();
    world.freeze("2026-03-10");
    let code = |changes: Value| world.ask(changes)["meta"]["metric_warnings"]["visitors"]["code"].clone();
    assert_eq!(code(json!({"filters": [["is_not", "visit:country", ["FR"]]]})), "events_expired");
    assert_eq!(code(json!({})), "sum_of_daily_visitors");
}

#[test]
fn the_plan_is_told_on_request() {
    let plan = |changes: Value| small().ask(changes)["meta"]["plan"].clone();
    assert_eq!(plan(json!({})), Value::Null);
    let told = plan(json!({"include": {"plan": true}}));
    assert_eq!(told, json!(["reads site_stats", "days 2026-03-05 to 2026-03-11"]));
    let filters = json!([["is_not", "visit:country", ["FR"]]]);
    let told = plan(json!({"include": {"plan": true}, "filters": filters}));
    assert_eq!(told, json!(["reads events", "log 2026-03-05 to 2026-03-11"]));
}

#[test]
fn hours_over_too_many_days_are_refused() {
    let world = small();
    let hourly =
        |to: &str| world.try_ask(json!({"date_range": ["2025-01-01", to], "dimensions": ["time:hour"]}));
    assert!(hourly("2026-02-04").is_ok());
    assert!(hourly("2026-02-05").expect_err("a refusal").to_string().contains("400 days"));
}
