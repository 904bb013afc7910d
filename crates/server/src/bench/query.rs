//! How long the dashboard's questions take: over 30 days, a year and all time, plain and filtered,
//! for the first time and again, and while events come in.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use weir_event::Millis;
use weir_query::Question;
use weir_registry::Site;
use weir_store::StoreReader;

use super::figures::Sorted;
use super::pace::Pace;
use super::questions::{self, Questions};
use super::report::{Figure, Section, figure};
use super::run::Bench;
use super::server::Server;
use super::stored::Stored;
use crate::output;

/// However long they take, and however short.
const ROUNDS_MIN: usize = 5;
const ROUNDS_MAX: usize = 300;

const RANGES: [(&str, &str); 3] = [("30_days", "30d"), ("12_months", "12mo"), ("all_time", "all")];

/// Events a second that come while questions are asked.
const EVENTS_PER_SECOND: u64 = 10_000;

/// The page's example: visitors of 30 days, by day.
const EXAMPLE: &str = "SELECT strftime('%Y-%m-%d', hour) AS day, SUM(visitors) AS visitors FROM v_site_stats
 WHERE website_id = ?1 AND hour BETWEEN datetime('now', '-30 days') AND datetime('now') GROUP BY day";

pub(super) fn measure(
    bench: &Bench<'_>,
    stored: &Stored,
    add: &mut dyn FnMut(Section),
) -> anyhow::Result<()> {
    output::note("Questions ...");
    let asking = Asking { bench, stored, site: stored.site()?, now: stored.now() };
    for (name, range) in RANGES {
        add(asking.dashboard(&format!("query_{name}"), &questions::dashboard(range, &json!([])))?);
    }
    let one_country = json!([["is", "visit:country", ["DE"]]]);
    add(asking.dashboard("query_30_days_of_one_country", &questions::dashboard("30d", &one_country))?);
    // The running day is as long as the clock says, the one before is whole.
    let yesterday = asking.site.zone.day_of(asking.now).previous().to_string();
    let ranges =
        [("30_days", json!("30d")), ("yesterday", json!([yesterday, yesterday])), ("today", json!("day"))];
    for (name, range) in ranges {
        add(asking.filtered(&format!("query_filtered_{name}"), &questions::filtered(range))?);
    }
    add(asking.example()?);
    served(bench, stored, add)
}

struct Asking<'a> {
    bench: &'a Bench<'a>,
    stored: &'a Stored,
    site: Arc<Site>,
    now: Millis,
}

impl Asking<'_> {
    /// All panels, one after the other: from the disk, from a new connection, and again and again.
    fn dashboard(&self, name: &str, questions: &Questions) -> anyhow::Result<Section> {
        let forgotten = self.stored.forget_pages()?;
        let (mut cold, mut first) = (Vec::new(), Vec::new());
        self.round(&self.stored.reader()?, questions, &mut cold)?;
        let store = self.stored.reader()?;
        self.round(&store, questions, &mut first)?;
        let (names, times) = self.rounds(&store, questions)?;
        let mut figures = vec![figure("events", self.stored.about.events as f64), rounds(&times)];
        figures.extend(forgotten.then(|| figure("dashboard_cold_ms", cold.iter().sum::<f64>())));
        figures.push(figure("dashboard_first_ms", first.iter().sum::<f64>()));
        let all = (0..times[0].len()).map(|round| times.iter().map(|times| times[round]).sum()).collect();
        figures.extend(p50_and_p95("dashboard", all));
        names.zip(times).for_each(|(name, times)| figures.extend(p50_and_p95(name, times)));
        Ok(Section { name: name.to_owned(), figures })
    }

    /// Each question by itself.
    fn filtered(&self, name: &str, questions: &Questions) -> anyhow::Result<Section> {
        let (names, times) = self.rounds(&self.stored.reader()?, questions)?;
        let mut figures = vec![figure("events", self.stored.about.events as f64), rounds(&times)];
        names.zip(times).for_each(|(name, times)| figures.extend(p50_and_p95(name, times)));
        Ok(Section { name: name.to_owned(), figures })
    }

    /// Times of each question, in ms, once it has been asked.
    fn rounds<'q>(
        &self,
        store: &StoreReader,
        questions: &'q Questions,
    ) -> anyhow::Result<(impl Iterator<Item = &'static str> + use<'q>, Vec<Vec<f64>>)> {
        self.round(store, questions, &mut Vec::new())?;
        let mut rounds = Vec::new();
        let begun = Instant::now();
        while rounds.len() < ROUNDS_MIN || rounds.len() < ROUNDS_MAX && begun.elapsed() < self.bench.time() {
            self.bench.check_stopped()?;
            let mut times = Vec::new();
            self.round(store, questions, &mut times)?;
            rounds.push(times);
        }
        Ok((questions.iter().map(|(name, _)| *name), by_question(&rounds, questions.len())))
    }

    fn round(&self, store: &StoreReader, questions: &Questions, times: &mut Vec<f64>) -> anyhow::Result<()> {
        for (_, body) in questions {
            let start = Instant::now();
            let answer = weir_query::run(store, &self.site, self.now, &Question::parse(body)?)?;
            black_box(serde_json::to_vec(&answer)?);
            times.push(ms_since(start));
        }
        Ok(())
    }

    fn example(&self) -> anyhow::Result<Section> {
        let conn = weir_sqlite::open_reader(&self.stored.folder()?.store(), 16 * 1_024)?;
        let mut statement = conn.prepare(EXAMPLE)?;
        let mut times = Vec::new();
        let mut days = 0;
        let begun = Instant::now();
        while times.len() < ROUNDS_MIN || times.len() < ROUNDS_MAX && begun.elapsed() < self.bench.time() {
            let start = Instant::now();
            let rows = statement.query_map([self.site.id.0], |row| row.get::<_, i64>(1))?;
            days = rows.collect::<Result<Vec<i64>, _>>()?.len();
            times.push(ms_since(start));
        }
        let mut figures = vec![figure("rows", days as f64), figure("select_first_ms", times.remove(0))];
        figures.extend(p50_and_p95("select", times));
        Ok(Section { name: "query_example_select".to_owned(), figures })
    }
}

/// The same dashboard asked of the running server, at rest and while events come.
fn served(bench: &Bench<'_>, stored: &Stored, add: &mut dyn FnMut(Section)) -> anyhow::Result<()> {
    let server = Server::start(stored.copy(bench)?)?;
    let ask = |name: &str| -> anyhow::Result<Section> {
        let mut caller = server.caller()?;
        let questions = questions::dashboard("30d", &json!([]));
        let mut rounds = Vec::new();
        let begun = Instant::now();
        while rounds.len() < ROUNDS_MIN || rounds.len() < ROUNDS_MAX && begun.elapsed() < bench.time() {
            bench.check_stopped()?;
            let mut times = Vec::new();
            for (_, question) in &questions {
                let start = Instant::now();
                black_box(caller.query(question)?);
                times.push(ms_since(start));
            }
            rounds.push(times);
        }
        rounds.remove(0);
        let mut figures =
            vec![figure("events", stored.about.events as f64), figure("rounds", rounds.len() as f64)];
        figures.extend(p50_and_p95("dashboard", rounds.iter().map(|times| times.iter().sum()).collect()));
        let times = by_question(&rounds, questions.len());
        questions.iter().zip(times).for_each(|((name, _), times)| figures.extend(p50_and_p95(name, times)));
        Ok(Section { name: name.to_owned(), figures })
    };
    let at_rest = ask("query_served_at_rest")?;
    add(at_rest.clone());
    output::note("Questions while events come ...");
    let pace = Pace::new(bench, &server, EVENTS_PER_SECOND);
    let (mut section, taken) = pace.beside(|| ask("query_served_under_ingest"))?;
    section.against(Some(&at_rest), "dashboard_p95_ms", "dashboard_p95_to_at_rest");
    section.figures.push(figure("accepted_events_per_second", taken.accepted_per_second()));
    add(section);
    Ok(())
}

/// From times by round to times by question.
fn by_question(rounds: &[Vec<f64>], questions: usize) -> Vec<Vec<f64>> {
    (0..questions).map(|n| rounds.iter().map(|times| times[n]).collect()).collect()
}

fn rounds(times: &[Vec<f64>]) -> Figure {
    figure("rounds", times.first().map_or(0, Vec::len) as f64)
}

fn p50_and_p95(name: &str, times: Vec<f64>) -> [Figure; 2] {
    let times = Sorted::new(times);
    [
        figure(format!("{name}_p50_ms"), times.percentile(50.0)),
        figure(format!("{name}_p95_ms"), times.percentile(95.0)),
    ]
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1_000.0
}
