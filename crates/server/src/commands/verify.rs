//! `weir verify`: proof that the statistics are what the event log says.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_processor::{Difference, Verified, verify};
use weir_registry::Registry;

use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::{machine, output};

pub(crate) fn run(args: &Args, site: Option<&str>) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let reader = open::store(&folder)?;
    let sites = open::sites(&registry, site)?;
    let bar = output::progress("Verifying days", 0);
    let begun = Instant::now();
    let verified = verify(&reader, &sites, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    let effort = Effort { took: begun.elapsed(), longest_read: reader.longest() };
    bar.finish_and_clear();
    if args.json {
        output::json(&as_json(&registry, &verified, effort))?;
    } else {
        print(&registry, &verified, effort);
    }
    Ok(if verified.is_equal() { Outcome::Done } else { Outcome::No })
}

/// What it took; a server beside it could not restart its log during the longest read.
#[derive(Clone, Copy)]
struct Effort {
    took: Duration,
    longest_read: Duration,
}

fn domain(registry: &Registry, difference: &Difference) -> String {
    let site = registry.site_by_id(difference.site);
    site.map_or_else(|| format!("site {}", difference.site), |site| site.domain.clone())
}

fn print(registry: &Registry, verified: &Verified, effort: Effort) {
    for difference in &verified.told {
        let d = difference;
        let about = [d.value.as_str(), d.second.as_str()].into_iter().filter(|text| !text.is_empty());
        let about = about.collect::<Vec<_>>().join(" > ");
        let grain = format!("{:?}", d.grain).to_lowercase();
        let counters =
            d.counters.iter().map(|(name, log, row)| format!("{name} is {row}, the log says {log}"));
        let counters = counters.collect::<Vec<_>>().join("; ");
        output::line(&format!(
            "DIFFERS  {}  {} {grain} {} role {} {about:?}: {counters}",
            domain(registry, d),
            d.table,
            d.bucket,
            d.role,
        ));
    }
    let untold = verified.different - verified.told.len() as u64;
    if untold > 0 {
        output::line(&format!("... and {untold} more"));
    }
    let frozen = match verified.frozen_days {
        0 => String::new(),
        n => format!(" ({n} frozen, by checksum)"),
    };
    let (days, rows) = (verified.days, verified.rows);
    if verified.moving > 0 {
        output::line(&format!(
            "{} days or months changed faster than they could be read; nothing is said of them.",
            verified.moving
        ));
    }
    if verified.stale_days > 0 {
        output::line(&format!("{} days wait to be counted anew.", verified.stale_days));
    }
    match verified.different {
        0 => output::line(&format!("Equal: {rows} rows of {days} days{frozen} are what the event log says.")),
        n => output::line(&format!(
            "{n} of {rows} rows differ, in {days} days{frozen}. `weir rebuild` restores them."
        )),
    }
    output::line(&format!(
        "{} events counted again in {:.1} s; the longest read transaction took {} ms.",
        verified.events,
        effort.took.as_secs_f64(),
        effort.longest_read.as_millis()
    ));
}

fn as_json(registry: &Registry, verified: &Verified, effort: Effort) -> Value {
    let told: Vec<Value> = verified
        .told
        .iter()
        .map(|d| {
            let counters: Vec<Value> = d
                .counters
                .iter()
                .map(|(name, log, row)| json!({ "name": name, "log": log, "row": row }))
                .collect();
            json!({
                "site": domain(registry, d),
                "table": d.table,
                "grain": format!("{:?}", d.grain).to_lowercase(),
                "bucket": d.bucket,
                "role": d.role,
                "value": d.value,
                "second": d.second,
                "counters": counters,
            })
        })
        .collect();
    json!({
        "equal": verified.is_equal(),
        "days": verified.days,
        "frozen_days": verified.frozen_days,
        "stale_days": verified.stale_days,
        "moving": verified.moving,
        "events": verified.events,
        "rows": verified.rows,
        "different": verified.different,
        "differences": told,
        "took_ms": effort.took.as_millis() as u64,
        "memory_mib_max": machine::kib("/proc/self/status", "VmHWM").map(|kib| kib / 1_024),
        "longest_read_ms": effort.longest_read.as_millis() as u64,
    })
}
