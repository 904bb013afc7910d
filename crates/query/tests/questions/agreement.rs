//! Statistics and log are two ways to one answer. A filter that everything passes, but that no
//! statistic can decide, forces the second way.

use crate::world::{Told, World, at, view};
use proptest::prelude::*;
use serde_json::{Value, json};
use weir_event::{Kind, Millis};

/// (zone, a day around which the past lies): clocks turn, midnights are missing, hours are odd.
const PLACES: [(&str, &str); 7] = [
    ("UTC", "2026-02-28T00:00:00Z"),
    ("Asia/Kathmandu", "2026-02-28T00:00:00Z"),
    ("America/New_York", "2026-03-08T05:00:00Z"),
    ("America/New_York", "2026-11-01T04:00:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T13:00:00Z"),
    ("Pacific/Chatham", "2026-04-04T11:00:00Z"),
];

const METRICS: [&str; 6] = ["visitors", "visits", "pageviews", "events", "bounce_rate", "visit_duration"];

/// Something of everything that a statistic tells apart.
fn told() -> impl Strategy<Value = Told> {
    let whens = prop_oneof![0..72 * Millis::HOUR, (0i64..144).prop_map(|half| half * Millis::HOUR / 2)];
    let kinds = prop_oneof![
        4 => Just(Kind::PageView), 1 => Just(Kind::Custom), 1 => Just(Kind::Passive), 1 => Just(Kind::Engagement),
    ];
    let whos = prop_oneof![8 => (0u64..4).prop_map(Some), 1 => Just(None)];
    (whos, whens, kinds, 0usize..3, 0usize..3, 0usize..3, 0usize..8).prop_map(
        |(visitor, when, kind, page, source, medium, rest)| Told {
            visitor,
            kind,
            page: ["/", "/blog", "/pricing"][page],
            source: ["Direct / None", "Google", "t.co"][source],
            utm_medium: ["", "email", "social"][medium],
            country: ["DE", ""][rest % 2],
            own: rest < 2,
            set_aside: rest == 7,
            name: if matches!(kind, Kind::Custom | Kind::Passive) { "Signup" } else { "" },
            ..view(0, Millis(when))
        },
    )
}

/// A past of three days that begins a day before the place's, the first of them sealed.
fn world(place: usize, past: &[Told], sealed: usize) -> (World, Millis) {
    let (zone, middle) = PLACES[place];
    let start = at(middle) - Millis::DAY;
    let mut world = World::new(zone, at(middle) + 20 * Millis::DAY);
    let past: Vec<_> = past.iter().map(|told| Told { time: start + told.time.0, ..told.clone() }).collect();
    world.fold(&past);
    world.seal(sealed);
    (world, start)
}

fn sorted(rows: &Value) -> Vec<String> {
    let mut rows: Vec<_> = rows.as_array().expect("rows").iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

const DIMENSIONS: [&str; 10] = [
    "",
    "event:page",
    "visit:entry_page",
    "visit:exit_page",
    "visit:source",
    "visit:utm_medium",
    "visit:country",
    "visit:browser",
    "event:name",
    "event:hostname",
];

const TIMES: [&str; 5] = ["", "time:hour", "time:day", "time:week", "time:month"];

/// Whole days, whole hours, or just anything.
fn range(start: Millis, from: i64, minutes: i64, step_minutes: i64) -> Value {
    let from = from / step_minutes * step_minutes;
    let minutes = (minutes / step_minutes + 1) * step_minutes;
    let from = start + from * Millis::MINUTE;
    json!([from.to_string(), (from + minutes * Millis::MINUTE - Millis::SECOND).to_string()])
}

/// Any filter, nested.
fn filter() -> impl Strategy<Value = Value> {
    let values = ["", "/", "/blog", "Google", "t.co", "Direct / None", "email", "DE", "Signup", "nowhere"];
    let leaf = (
        prop::sample::select(vec!["is", "is_not", "contains", "contains_not"]),
        1..DIMENSIONS.len(),
        prop::sample::select(values.to_vec()),
    );
    let leaf = leaf.prop_map(|(op, dimension, value)| json!([op, DIMENSIONS[dimension], [value]]));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (prop::sample::select(vec!["and", "or"]), several).prop_map(|(op, filters)| json!([op, filters])),
            inner.prop_map(|filter| json!(["not", filter])),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statistics_and_log_agree(
        place in 0..PLACES.len(),
        past in prop::collection::vec(told(), 0..60),
        sealed in 0usize..4,
        questions in prop::collection::vec(
            (0..DIMENSIONS.len(), 0..TIMES.len(), 0i64..4_400, 0i64..4_400, prop::sample::select(vec![1i64, 30, 60, 1_440])),
            8,
        ),
    ) {
        let (world, start) = world(place, &past, sealed);
        for (dimension, time, from, minutes, step) in questions {
            let dimensions: Vec<_> =
                [TIMES[time], DIMENSIONS[dimension]].into_iter().filter(|name| !name.is_empty()).collect();
            let other = if DIMENSIONS[dimension] == "event:hostname" { "event:page" } else { "event:hostname" };
            let by_rows = json!({
                "metrics": METRICS, "dimensions": dimensions, "date_range": range(start, from, minutes, step),
            });
            let mut by_log = by_rows.clone();
            by_log["filters"] = json!([["is_not", other, ["nowhere"]]]);
            prop_assert_eq!(sorted(&world.rows(by_rows.clone())), sorted(&world.rows(by_log)), "{}", by_rows);
        }
    }

    #[test]
    fn a_row_is_what_its_filter_leaves(
        place in 0..PLACES.len(),
        past in prop::collection::vec(told(), 0..60),
        sealed in 0usize..4,
        dimension in 1..DIMENSIONS.len(),
        time in 0..TIMES.len(),
    ) {
        let (world, _) = world(place, &past, sealed);
        let name = DIMENSIONS[dimension];
        let times: Vec<_> = [TIMES[time]].into_iter().filter(|name| !name.is_empty()).collect();
        let date_range = "all";
        let all = world.rows(json!({"dimensions": [name], "date_range": date_range}));
        for value in all.as_array().expect("rows").iter().map(|row| row[0][0].clone()) {
            let by_row = json!({
                "metrics": METRICS, "dimensions": times, "date_range": date_range,
                "filters": [["is", name, [value]]],
            });
            let mut by_log = by_row.clone();
            by_log["filters"] = json!([["or", [["is", name, [value]], ["is", name, ["nowhere"]]]]]);
            prop_assert_eq!(value == "" || !world.reads_log(by_row.clone()), true);
            prop_assert!(world.reads_log(by_log.clone()));
            prop_assert_eq!(sorted(&world.rows(by_row.clone())), sorted(&world.rows(by_log)), "{}", by_row);
        }
    }

    /// Visitors whose numbers rule out that anything of them passes are not looked at. No number rules a
    /// property out, so a filter that one could pass has everybody looked at.
    #[test]
    fn who_is_passed_over_would_not_have_passed(
        place in 0..PLACES.len(),
        past in prop::collection::vec(told(), 0..60),
        sealed in 0usize..4,
        filters in prop::collection::vec(filter(), 6),
        dimension in 0..DIMENSIONS.len(),
    ) {
        let (world, _) = world(place, &past, sealed);
        let dimensions: Vec<_> = [DIMENSIONS[dimension]].into_iter().filter(|name| !name.is_empty()).collect();
        for filter in filters {
            let asked = |filter: &Value| {
                let asked = json!({
                    "metrics": METRICS, "dimensions": dimensions, "date_range": "all", "filters": [filter],
                });
                sorted(&world.rows(asked))
            };
            let with_property = json!(["or", [["is", "event:props:nothing", ["nowhere"]], filter]]);
            prop_assert_eq!(asked(&filter), asked(&with_property), "{}", filter);
        }
    }

    /// Whatever the order, pages of it are the whole, cut.
    #[test]
    fn pages_neither_overlap_nor_leave_gaps(
        past in prop::collection::vec(told(), 0..60),
        limit in 1usize..5,
        dimensions in prop::sample::subsequence(vec!["time:day", "event:page", "visit:source", "visit:country"], 1..=4),
    ) {
        let (world, start) = world(0, &past, 1);
        let asked = json!({
            "metrics": ["pageviews"], "dimensions": dimensions, "date_range": range(start, 0, 4_320, 1_440),
        });
        let whole = world.rows(asked.clone());
        let whole = whole.as_array().expect("rows");
        let mut pieced = Vec::new();
        for offset in (0..whole.len()).step_by(limit) {
            let mut page = asked.clone();
            page["pagination"] = json!({"limit": limit, "offset": offset});
            pieced.extend(world.rows(page).as_array().expect("rows").clone());
        }
        prop_assert_eq!(&pieced, whole);
    }
}
