//! Which curves there are, and where in results their points lie.

use std::path::Path;

use anyhow::{Context, ensure};

use super::super::results::{Results, Spread};
use super::axis::Scale;
use super::svg::{Chart, Line, Side};
use crate::output;

/// Medians by section and figure, of one result.
struct Medians<'a>(Vec<(&'a str, Vec<(&'a str, Spread)>)>);

/// Writes every curve that has a point.
///
/// # Errors
/// There is none, or the folder can't be written.
pub(in super::super) fn draw(folder: &Path, results: &[&Results]) -> anyhow::Result<()> {
    let results: Vec<Medians<'_>> = results.iter().map(|results| Medians(results.spreads())).collect();
    let charts = [
        ("rate-by-connections", rate_by_connections(&results)),
        ("latency-by-rate", latency_by_rate(&results)),
        ("drain-by-stored-events", drain_by_stored(&results)),
        ("questions-by-stored-events", questions_by_stored(&results)),
        ("bytes-by-stored-events", bytes_by_stored(&results)),
    ];
    let mut drawn = 0;
    for (name, chart) in charts {
        if chart.lines.is_empty() {
            continue;
        }
        let path = folder.join(name).with_extension("svg");
        std::fs::write(&path, chart.svg()).with_context(|| format!("can't write {}", path.display()))?;
        output::note(&format!("Drew {}.", path.display()));
        drawn += 1;
    }
    ensure!(drawn > 0, "nothing to draw: curves are of ingest, ack, drain, query and storage");
    Ok(())
}

fn rate_by_connections(results: &[Medians<'_>]) -> Chart {
    let line = |name: &str, prefix: &str| {
        let points = results.iter().flat_map(|medians| {
            medians.points_by_number(prefix, "_connections", "accepted_events_per_second")
        });
        line(name, points)
    };
    Chart {
        title: "Durable events a second",
        x: Side { title: "connections", scale: Scale::Log },
        y: Side { title: "acknowledged events a second", scale: Scale::Linear },
        lines: some([
            line("10 to a delivery", "ingest_by_10_over_"),
            line("one to a delivery", "ingest_by_1_over_"),
        ]),
    }
}

fn latency_by_rate(results: &[Medians<'_>]) -> Chart {
    let lines = [("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p99_9_ms")].map(|(name, figure)| {
        let points =
            |medians: &Medians<'_>| medians.points_by_number("ack_at_", "_events_per_second", figure);
        line(name, results.iter().flat_map(points))
    });
    let flushes = results.iter().flat_map(|medians| {
        let flush = medians.of("disk", "fdatasync_p50_ms");
        let rates = medians.points_by_number("ack_at_", "_events_per_second", "p50_ms");
        rates.into_iter().filter_map(move |(rate, _)| Some((rate, flush?)))
    });
    Chart {
        title: "From when a delivery is due to its acknowledgement",
        x: Side { title: "events a second", scale: Scale::Log },
        y: Side { title: "milliseconds", scale: Scale::Log },
        lines: some(lines.into_iter().chain([line("fdatasync p50", flushes)])),
    }
}

fn drain_by_stored(results: &[Medians<'_>]) -> Chart {
    let slices = |section: &'static str| {
        results.iter().flat_map(move |medians| {
            let events = medians.of(section, "events").unwrap_or(0.0);
            (1..=10).filter_map(move |n| {
                let speed = medians.of(section, &format!("slice_{n}_events_per_second"))?;
                Some((events * (f64::from(n) - 0.5) / 10.0, speed))
            })
        })
    };
    Chart {
        title: "Folding a backlog, as the log grows",
        x: Side { title: "stored events", scale: Scale::Log },
        y: Side { title: "folded events a second", scale: Scale::Linear },
        lines: some([
            line("37,000 a day", slices("drain_at_37k_a_day")),
            line("1,000,000 a day", slices("drain_at_1m_a_day")),
            line("while filling", slices("fill")),
        ]),
    }
}

fn questions_by_stored(results: &[Medians<'_>]) -> Chart {
    let by_events = |name: &str, section: &str, figure: &str| {
        let point =
            |medians: &Medians<'_>| Some((medians.of(section, "events")?, medians.of(section, figure)?));
        line(name, results.iter().filter_map(point))
    };
    Chart {
        title: "What a dashboard of 8 panels takes (p95)",
        x: Side { title: "stored events", scale: Scale::Log },
        y: Side { title: "milliseconds", scale: Scale::Log },
        lines: some([
            by_events("30 days", "query_30_days", "dashboard_p95_ms"),
            by_events("12 months", "query_12_months", "dashboard_p95_ms"),
            by_events("all time", "query_all_time", "dashboard_p95_ms"),
            by_events("one filtered panel, 30 days", "query_filtered_30_days", "one_country_p95_ms"),
        ]),
    }
}

fn bytes_by_stored(results: &[Medians<'_>]) -> Chart {
    let by_events = |name: &str, figure: &str| {
        let point =
            |medians: &Medians<'_>| Some((medians.of("storage", "events")?, medians.of("storage", figure)?));
        line(name, results.iter().filter_map(point))
    };
    Chart {
        title: "Room on disk",
        x: Side { title: "stored events", scale: Scale::Log },
        y: Side { title: "bytes an event", scale: Scale::Linear },
        lines: some([
            by_events("everything", "bytes_per_event"),
            by_events("log", "log_bytes_per_event"),
            by_events("statistics", "statistics_bytes_per_event"),
        ]),
    }
}

impl Medians<'_> {
    fn of(&self, section: &str, figure: &str) -> Option<f64> {
        let (_, figures) = self.0.iter().find(|(name, _)| *name == section)?;
        figures.iter().find(|(name, _)| *name == figure).map(|(_, spread)| spread.median())
    }

    /// A figure of every section whose name is a number between the two texts, by that number.
    fn points_by_number(&self, before: &str, after: &str, figure: &str) -> Vec<(f64, f64)> {
        let number = |name: &str| name.strip_prefix(before)?.strip_suffix(after)?.parse().ok();
        let sections = self.0.iter().filter_map(|(name, _)| Some((number(name)?, self.of(name, figure)?)));
        sections.collect()
    }
}

/// Of points at the same place the last one counts.
fn line(name: &str, points: impl Iterator<Item = (f64, f64)>) -> Line {
    let mut sorted: Vec<(f64, f64)> = Vec::new();
    for point in points {
        match sorted.binary_search_by(|(x, _)| x.total_cmp(&point.0)) {
            Ok(at) => sorted[at] = point,
            Err(at) => sorted.insert(at, point),
        }
    }
    Line { name: name.to_owned(), points: sorted }
}

fn some(lines: impl IntoIterator<Item = Line>) -> Vec<Line> {
    lines.into_iter().filter(|line| !line.points.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::report::{Section, figure};
    use super::*;

    fn results(sections: &[(&str, &[(&str, f64)])]) -> Results {
        let section = |(name, figures): &(&str, &[(&str, f64)])| {
            let figures = figures.iter().map(|(name, value)| figure(*name, *value)).collect();
            Section { name: (*name).to_owned(), figures }
        };
        Results { machine: serde_json::json!({}), runs: vec![sections.iter().map(section).collect()] }
    }

    #[test]
    fn points_come_from_all_results_in_order() {
        let rate = |n| [("accepted_events_per_second", n)];
        let first = results(&[
            ("ingest_by_10_over_64_connections", &rate(90.0)),
            ("ingest_by_10_over_8_connections", &rate(50.0)),
            ("ingest_by_10_over_new_connections", &rate(20.0)),
        ]);
        let second = results(&[("ingest_by_10_over_8_connections", &rate(55.0))]);
        let medians = [&first, &second].map(|results| Medians(results.spreads()));
        let chart = rate_by_connections(&medians);
        assert_eq!(
            chart.lines,
            [Line { name: "10 to a delivery".to_owned(), points: vec![(8.0, 55.0), (64.0, 90.0)] }]
        );
    }

    #[test]
    fn a_curve_is_drawn_where_there_is_a_point_and_none_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let some = results(&[("storage", &[("events", 1e6), ("bytes_per_event", 40.0)])]);
        draw(folder.path(), &[&some]).expect("drawn");
        let files: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").flatten().collect();
        assert_eq!(files.len(), 1);
        let none = results(&[("disk", &[("fsync_p50_ms", 1.0)])]);
        let error = draw(folder.path(), &[&none]).expect_err("nothing");
        assert!(error.to_string().contains("nothing to draw"));
    }
}
