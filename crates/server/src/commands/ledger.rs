//! `weir ledger`: what became of every event.

use weir_dashboard::{DayLedger, Ledger, SiteLedger, read_ledger};
use weir_queue::QueueReader;
use weir_registry::Access;

use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::output;

pub(crate) fn run(args: &Args, site: Option<&str>) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let access = match open::sites(&registry, site)?.first() {
        Some(site) => Access::Site(*site),
        None => Access::All,
    };
    let store = open::store(&folder)?;
    let mut queue = QueueReader::open(&folder.queue())?;
    let ledger = read_ledger(&mut queue, &store, &registry, access)?;
    if args.json {
        output::json(&ledger)?;
    } else {
        print(&ledger);
    }
    Ok(if ledger.balanced { Outcome::Done } else { Outcome::No })
}

fn print(ledger: &Ledger) {
    let rows: Vec<Vec<String>> =
        ledger.sites.iter().flat_map(|site| site.days.iter().map(|day| row(site, day))).collect();
    if rows.is_empty() {
        output::line("No events yet.");
        return;
    }
    output::table(
        &[
            "SITE",
            "DAY",
            "RECEIVED",
            "STORED",
            "SET ASIDE",
            "DUPLICATE",
            "ERASED",
            "EXPIRED",
            "DEAD",
            "DROPPED",
            "LOST",
            "PENDING",
            "",
        ],
        &rows,
    );
    let refused = ledger.refused.iter().chain(ledger.sites.iter().flat_map(|site| &site.refused));
    for (reason, n) in refused {
        output::line(&format!("refused before the queue: {n} {reason}"));
    }
    for (site, (day, n)) in
        ledger.sites.iter().flat_map(|site| site.given_up.iter().map(move |of| (site, of)))
    {
        output::line(&format!("given up by trackers: {n} on {day} ({})", site.domain));
    }
    if ledger.given_up > 0 {
        output::line(&format!("given up by trackers of no site in particular: {}", ledger.given_up));
    }
    for site in &ledger.sites {
        for day in site.days.iter().filter(|day| day.lost > 0) {
            let (n, day, domain) = (day.lost, &day.day, &site.domain);
            output::line(&format!(
                "{n} acknowledged events of {day} ({domain}) were in a queue file that is gone"
            ));
        }
    }
    let verdict = if ledger.balanced { "The books balance." } else { "The books do NOT balance." };
    output::line(&format!("{verdict} {} pending.", ledger.pending));
}

fn row(site: &SiteLedger, day: &DayLedger) -> Vec<String> {
    let aside: Vec<String> = day.set_aside.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    vec![
        site.domain.clone(),
        day.day.clone(),
        day.received.to_string(),
        day.stored.to_string(),
        if aside.is_empty() { "0".to_owned() } else { aside.join(", ") },
        day.duplicate.to_string(),
        day.erased.to_string(),
        day.expired.to_string(),
        day.dead.to_string(),
        day.dropped.to_string(),
        day.lost.to_string(),
        day.pending.to_string(),
        if day.balanced { String::new() } else { "DOES NOT BALANCE".to_owned() },
    ]
}
