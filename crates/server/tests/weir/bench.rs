//! Measuring, as short and as small as it goes: what is checked are counts, names and what is left
//! behind. Figures of time mean nothing here.

use std::process::Command;

use serde_json::{Value, json};

use crate::folder::{Done, Folder};
use crate::wait::until;

/// Runs a subject and checks that each section has its figures, all of them numbers, and that nothing
/// is left in the folder but `left`.
#[track_caller]
fn check_bench(folder: &Folder, args: &[&str], sections: &[(&str, &[&str])], left: &[&str]) -> Value {
    let args: Vec<&str> = ["bench"].iter().chain(args).copied().collect();
    let said = folder.json(&args);
    let floor: [(&str, &[&str]); 2] = [
        ("disk", &["fsync_p50_ms", "fsync_p99_ms", "fdatasync_p50_ms", "fdatasync_p99_ms"]),
        ("cpu", &["work_p50_ms", "work_p99_ms"]),
    ];
    for (section, names) in floor.iter().chain(sections) {
        for part in [&said, &said["best"], &said["runs"][0]] {
            for name in *names {
                assert!(
                    part[section][name].as_f64().is_some_and(f64::is_finite),
                    "{name} of {section}: {said}"
                );
            }
        }
    }
    let mut found: Vec<String> = std::fs::read_dir(folder.path(""))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    found.sort();
    assert_eq!(found, left, "{args:?}");
    said
}

const RATE: &[&str] = &["accepted_events_per_second", "p50_ms", "p99_ms", "not_folded_at_the_end"];

#[test]
fn ingest_is_measured_in_closed_and_open_loops() {
    let sections: [(&str, &[&str]); 6] = [
        ("ingest_by_10_over_2_connections", RATE),
        ("ingest_by_10_over_new_connections", RATE),
        ("ingest_by_10_open_loop", RATE),
        ("ingest_by_1_over_2_connections", RATE),
        ("ingest_by_1_over_new_connections", RATE),
        ("ingest_by_1_open_loop", RATE),
    ];
    let said =
        check_bench(&Folder::new(), &["ingest", "--seconds", "1", "--connections", "2"], &sections, &[]);
    for (section, _) in sections {
        assert!(said[section]["accepted_events_per_second"].as_f64() > Some(0.0), "{said}");
    }
}

#[test]
fn a_drain_folds_as_many_events_as_were_asked_for() {
    let figures: &[&str] =
        &["drained_events_per_second", "us_per_event", "first_slice_to_last", "slice_1_events_per_second"];
    let sections: [(&str, &[&str]); 3] = [
        ("drain_at_37k_a_day", figures),
        ("drain_at_1m_a_day", figures),
        ("drain_of_one_visitors_day", &["us_per_event", "one_visitor_to_many"]),
    ];
    let said = check_bench(&Folder::new(), &["drain", "--events", "3000"], &sections, &[]);
    for section in ["drain_at_37k_a_day", "drain_at_1m_a_day"] {
        assert_eq!(said[section]["events"], json!(3000.0), "{said}");
    }
}

#[test]
fn a_steady_stream_is_taken_and_shown() {
    let folder = Folder::new();
    let figures = &["accepted_events_per_second", "drained_events_per_second", "refused_deliveries"];
    check_bench(&folder, &["together", "--seconds", "1", "--rate", "1000"], &[("together", figures)], &[]);
    let sections: [(&str, &[&str]); 1] = [("fresh", &["p50_ms", "p99_ms", "accepted_events_per_second"])];
    let said = check_bench(&folder, &["fresh", "--seconds", "1", "--rate", "1000"], &sections, &[]);
    assert_eq!(said["fresh"]["watched_events"], json!(50.0), "{said}");
}

#[test]
fn a_kept_past_is_asked_weighed_and_drawn() {
    let folder = Folder::new();
    let small = |subject: &'static str| [subject, "--seconds", "1", "--store", "past"];
    let fill = ["fill", "--events", "4000", "--days", "40", "--store", "past"];
    let said = check_bench(&folder, &fill, &[("fill", &["events", "drained_events_per_second"])], &["past"]);
    let events = said["fill"]["events"].clone();
    assert!(events.as_f64().is_some_and(|events| (3_000.0..5_000.0).contains(&events)), "{said}");

    let dashboard: &[&str] = &["events", "rounds", "dashboard_first_ms", "dashboard_p95_ms", "pages_p50_ms"];
    let filtered: &[&str] = &["one_country_p95_ms", "country_and_device_p95_ms", "country_or_source_p95_ms"];
    let sections = [
        ("query_30_days", dashboard),
        ("query_12_months", dashboard),
        ("query_all_time", dashboard),
        ("query_30_days_of_one_country", dashboard),
        ("query_filtered_30_days", filtered),
        ("query_filtered_yesterday", filtered),
        ("query_filtered_today", filtered),
        ("query_example_select", &["rows", "select_p95_ms"]),
        ("query_served_at_rest", &["dashboard_p95_ms"]),
        ("query_served_under_ingest", &["dashboard_p95_ms", "dashboard_p95_to_at_rest"]),
    ];
    let said = check_bench(&folder, &small("query"), &sections, &["past"]);
    assert_eq!(said["query_30_days"]["events"], events, "{said}");

    let sizes: &[&str] = &["bytes_per_event", "log_bytes_per_event", "last_two_days_bytes"];
    let drawn: Vec<&str> = small("storage").into_iter().chain(["--plot", "curves"]).collect();
    let said = check_bench(&folder, &drawn, &[("storage", sizes)], &["curves", "past"]);
    assert_eq!(said["storage"]["events"], events, "{said}");
    let svg = std::fs::read_to_string(folder.path("curves/bytes-by-stored-events.svg")).expect("a curve");
    assert!(svg.starts_with("<svg") && svg.contains("bytes an event"), "{svg}");

    // Others than were kept.
    folder.run(&["bench", "storage", "--events", "5000", "--store", "past"]).refused(&[
        "past",
        "4000 events of 40 days",
        "--events",
    ]);
}

#[test]
fn growth_is_computed_from_stores_that_were_filled() {
    let folder = Folder::new();
    let figures: &[&str] = &["bytes_per_event", "last_two_days_mib", "a_day_mib", "a_year_mib"];
    let sections = [("growth_at_1k_visits_a_day", figures)];
    let args = ["growth", "--events", "7000", "--runs", "2"];
    let said = check_bench(&folder, &args, &sections, &[]);
    assert!(said["runs"][1].get("growth_at_1k_visits_a_day").is_none(), "sizes do not change: {said}");
    let growth = &said["growth_at_1k_visits_a_day"];
    let mib =
        ["a_day_mib", "a_year_mib", "five_years_mib"].map(|name| growth[name].as_f64().expect("a size"));
    assert!(mib.is_sorted() && mib[0] > 0.0, "{said}");
    assert!(said.get("growth_at_100k_visits_a_day").is_none(), "{said}");
}

#[test]
fn acknowledgements_memory_and_starts_are_measured_beside_a_past() {
    let folder = Folder::new();
    let small = |subject| [subject, "--events", "2000", "--days", "40", "--seconds", "1", "--rate", "500"];
    let tail: &[&str] = &["p50_ms", "p99_ms", "p99_9_ms", "p99_to_fdatasync", "refused_events"];
    let sections = [
        ("ack_at_500_events_per_second", tail),
        ("ack_while_draining", &["p99_ms", "backlog_events", "not_folded_at_the_end"]),
        ("ack_while_dashboards_are_read", &["p99_ms", "read_times_a_second"]),
        ("ack_while_filtered_views_are_read", &["p99_ms", "read_times_a_second"]),
    ];
    let said = check_bench(&folder, &small("ack"), &sections, &[]);
    assert_eq!(said["ack_while_draining"]["backlog_events"], json!(2000.0), "{said}");
    let sections: [(&str, &[&str]); 2] = [
        ("memory", &["idle_mib", "loaded_mib_max", "second_half_mib_max"]),
        ("memory_of_questions", &["idle_mib", "after_dashboard_all_time_mib", "asked_mib_max"]),
    ];
    check_bench(&folder, &small("memory"), &sections, &[]);
    let times: &[&str] = &["listens_p50_ms", "first_202_p50_ms", "first_202_max_ms"];
    let sections = [("start_on_nothing", times), ("start_after_a_kill", times)];
    let said = check_bench(&folder, &small("start"), &sections, &[]);
    assert_eq!(said["start_on_nothing"]["starts"], json!(10.0), "{said}");
}

/// What it works on is there first, and none of it when it was asked to stop.
#[track_caller]
fn check_stopped(args: &[&str], works_on: &str, left: &[&str]) {
    let folder = Folder::new();
    let args: Vec<&str> = ["bench"].iter().chain(args).copied().collect();
    let child = folder.weir(&args).spawn().expect("the binary starts");
    let names = |path: &str| -> Vec<String> {
        let entries = std::fs::read_dir(folder.path(path)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    until("it works", || names(works_on).iter().any(|name| name != "past").then_some(()));
    let pid = child.id().to_string();
    let kill = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid]).status();
    assert!(kill.expect("a shell").success());
    let done: Done = child.wait_with_output().expect("it ends").into();
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("stopped before the end"), "{done:?}");
    assert_eq!(names(""), left, "{args:?}");
    assert!(names("past").is_empty(), "{:?}", names("past"));
}

#[test]
fn who_is_stopped_leaves_nothing_behind() {
    check_stopped(&["drain", "--events", "100000000"], "", &[]);
    check_stopped(&["ingest", "--seconds", "600"], "", &[]);
    check_stopped(&["fill", "--events", "100000000", "--store", "past"], "past", &["past"]);
}

#[test]
fn results_are_compared_and_drawn_without_measuring_again() {
    let folder = Folder::new();
    let results = |rate: f64| {
        let run = json!({ "ingest_by_10_over_8_connections": { "accepted_events_per_second": rate } });
        json!({ "machine": {}, "runs": [run, run, run] }).to_string()
    };
    std::fs::write(folder.path("old.json"), results(100.0)).expect("written");
    std::fs::write(folder.path("new.json"), results(80.0)).expect("written");
    let worse = folder.run(&["bench", "plot", "--from", "new.json", "--compare", "old.json", "--json"]);
    assert_eq!(worse.code, Some(1), "{worse:?}");
    let said: Value = serde_json::from_str(&worse.stdout).expect("JSON");
    assert_eq!(said["changes"][0]["verdict"], "worse", "{said}");
    let better = folder.run(&["bench", "plot", "--from", "old.json", "--compare", "new.json"]);
    assert!(better.succeeded().contains("better"));
    let drawn = folder.run(&["bench", "plot", "--from", "new.json", "--plot", "curves"]);
    drawn.succeeded();
    assert!(folder.path("curves/rate-by-connections.svg").is_file());
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_measured() {
    let folder = Folder::new();
    std::fs::write(folder.path("other.json"), "{}").expect("written");
    std::fs::create_dir(folder.path("full")).expect("made");
    std::fs::write(folder.path("full/file"), "mine").expect("written");
    for (args, words) in [
        (&["ingest", "--compare", "none.json"] as &[&str], &["none.json"] as &[&str]),
        (&["ingest", "--compare", "other.json"], &["other.json", "bench --json"]),
        (&["plot", "--from", "other.json", "--plot", "curves"], &["other.json", "bench --json"]),
        (&["plot", "--plot", "curves"], &["--from"]),
        (&["start", "--plot", "curves"], &["no curves", "--plot"]),
        (&["fill"], &["--store"]),
        (&["fill", "--events", "1000", "--store", "full"], &["full", "not empty", "--store"]),
    ] {
        let args: Vec<&str> = ["bench"].iter().chain(args).copied().chain(["--json"]).collect();
        folder.run(&args).refused(words);
    }
    assert_eq!(std::fs::read_to_string(folder.path("full/file")).expect("kept"), "mine");
}
