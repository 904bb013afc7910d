//! From a question to its answer, in bytes.

use std::path::Path;

use anyhow::ensure;
use serde_json::{Value, json};
use weir_event::LocalDay;
use weir_query::Question;
use weir_store::StoreReader;

use crate::folder::{DOMAIN, TODAY, drain, enter, now, queue, registry, site};
use crate::traffic::Traffic;

const EVENTS_PER_DAY: usize = 1_000;
/// The 30 days asked for, the 30 before that they are compared with, and some more.
const DAYS: usize = 70;

pub(crate) fn prepare(folder: &Path, _units: usize) -> anyhow::Result<()> {
    let registry = registry(folder)?;
    let site = site(&registry)?;
    let queue = queue(folder)?;
    let first_day = LocalDay(TODAY.0 - DAYS as i32);
    let until_now = EVENTS_PER_DAY * DAYS + EVENTS_PER_DAY / 2;
    enter(&queue, Traffic::new(&site, first_day, EVENTS_PER_DAY).take(until_now))?;
    drain(folder, &queue, &registry)?;
    queue.close();
    Ok(())
}

pub(crate) fn plain(folder: &Path, dashboards: usize) -> anyhow::Result<()> {
    ask(folder, dashboards, &json!([]))
}

pub(crate) fn filtered(folder: &Path, dashboards: usize) -> anyhow::Result<()> {
    ask(folder, dashboards, &json!([["is", "visit:country", ["DE"]]]))
}

fn ask(folder: &Path, dashboards: usize, filters: &Value) -> anyhow::Result<()> {
    let site = site(&registry(folder)?)?;
    let store = StoreReader::open(&folder.join("weir.db"))?;
    let questions = panels(filters);
    for _ in 0..dashboards {
        for body in &questions {
            let answer = weir_query::run(&store, &site, now(), &Question::parse(body)?)?;
            let answer = serde_json::to_vec(&answer)?;
            ensure!(answer.len() > 200, "there is hardly an answer: {}", String::from_utf8_lossy(&answer));
        }
    }
    Ok(())
}

/// What the dashboard asks when it opens.
fn panels(filters: &Value) -> Vec<Vec<u8>> {
    const FIGURES: [&str; 6] =
        ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];
    let question = |changes: Value| {
        let mut question =
            json!({ "site_id": DOMAIN, "date_range": "30d", "metrics": FIGURES, "filters": filters });
        let object = question.as_object_mut().expect("it was just made");
        object.extend(changes.as_object().cloned().unwrap_or_default());
        question.to_string().into_bytes()
    };
    let panel = |dimension: &str| {
        question(json!({ "metrics": ["visitors"], "dimensions": [dimension],
            "include": { "total_rows": true }, "pagination": { "limit": 9, "offset": 0 } }))
    };
    let headline = question(json!({ "include": { "comparisons": { "mode": "previous_period" } } }));
    let series = question(json!({ "dimensions": ["time:day"], "include": { "time_labels": true } }));
    let lists =
        ["event:page", "visit:source", "visit:country", "visit:device", "visit:browser", "event:name"];
    [headline, series].into_iter().chain(lists.map(panel)).collect()
}
