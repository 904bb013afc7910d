//! `weir site`: sites are rows of the registry; a running server sees changes within a second.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use weir_event::{Control, Zone};
use weir_queue::append_control_beside;
use weir_registry::{Counting, Registry, Site};
use weir_store::RuleDays;

use super::{open, site_check};
use crate::Outcome;
use crate::args::{Args, Bots, SiteCommand};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::output;

#[derive(Serialize)]
struct SiteLine {
    domain: String,
    timezone: String,
    created_at: String,
}

impl From<&Site> for SiteLine {
    fn from(site: &Site) -> Self {
        Self {
            domain: site.domain.clone(),
            timezone: site.zone.name().to_owned(),
            created_at: site.created.to_string(),
        }
    }
}

pub(crate) fn run(args: &Args, config: &Config, command: &SiteCommand) -> anyhow::Result<Outcome> {
    match command {
        SiteCommand::Add { domain, timezone } => add(args, domain, timezone.as_deref()),
        SiteCommand::List => list(args),
        SiteCommand::Show { domain } => show(args, domain),
        SiteCommand::Set { domain, visit_timeout, bots } => set(args, domain, *visit_timeout, *bots),
        SiteCommand::Check { domain, url, server } => {
            site_check::run(args, config, domain, url.as_deref(), server.as_deref())
        }
        SiteCommand::Remove { domain, yes } => remove(args, domain, *yes),
    }
}

fn add(args: &Args, domain: &str, timezone: Option<&str>) -> anyhow::Result<Outcome> {
    let zone = match timezone {
        Some(name) => name.parse()?,
        None => Zone::of_this_machine(),
    };
    let (_, registry) = open::new_registry(args)?;
    let site = registry.add_site(domain, &zone)?;
    if args.json {
        output::json(&SiteLine::from(&site))?;
    } else {
        output::line(&format!("Added {} (days part at midnight in {}).", site.domain, site.zone));
        output::line("Put this into its pages, with the address of your server:");
        output::line("<script defer src=\"https://YOUR-WEIR/y/api/v1/weir.js\"></script>");
    }
    Ok(Outcome::Done)
}

fn list(args: &Args) -> anyhow::Result<Outcome> {
    let (_, registry) = open::registry(args)?;
    let sites: Vec<SiteLine> = registry.sites().iter().map(|site| SiteLine::from(&**site)).collect();
    if args.json {
        output::json(&sites)?;
    } else if sites.is_empty() {
        output::line("No sites yet. Add one with `weir site add DOMAIN`.");
    } else {
        let rows: Vec<_> =
            sites.into_iter().map(|site| vec![site.domain, site.timezone, site.created_at]).collect();
        output::table(&["SITE", "TIME ZONE", "ADDED"], &rows);
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct SiteFacts {
    #[serde(flatten)]
    site: SiteLine,
    visit_timeout_minutes: i64,
    bots: &'static str,
    days: u64,
    /// Counted anew before long.
    days_waiting: u64,
    /// Counted by other rules, for good: their events have expired.
    days_frozen: u64,
}

fn show(args: &Args, domain: &str) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let site = known(&registry, domain)?;
    tell(args, &site, rule_days(&folder, &site)?)
}

fn set(args: &Args, domain: &str, visit_timeout: Option<u16>, bots: Option<Bots>) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let before = known(&registry, domain)?.counting;
    let wanted = Counting {
        visit_timeout_secs: visit_timeout
            .map_or(before.visit_timeout_secs, |minutes| i64::from(minutes) * 60),
        counts_bots: bots.map_or(before.counts_bots, |bots| bots == Bots::Count),
    };
    let site = registry.set_counting(domain, wanted)?;
    let days = rule_days(&folder, &site)?;
    // Also where nothing changes but days are left over: of a change that broke off here. A server
    // that runs begins at once, else one does when it starts.
    if folder.queue().exists() && (wanted != before || days.waiting > 0) {
        append_control_beside(&folder.queue(), Control::Refold(site.id))?;
    }
    tell(args, &site, days)
}

pub(super) fn known(registry: &Registry, domain: &str) -> anyhow::Result<Arc<Site>> {
    let hint = || format!("there is no site {domain}: `weir site list` shows those there are");
    registry.site(domain).with_context(hint)
}

/// None where nothing was ever counted.
fn rule_days(folder: &DataFolder, site: &Site) -> anyhow::Result<RuleDays> {
    if !folder.store().exists() {
        return Ok(RuleDays::default());
    }
    let Counting { visit_timeout_secs, counts_bots } = site.counting;
    Ok(open::store(folder)?.read(|reading| reading.rule_days(site.id, visit_timeout_secs, counts_bots))?)
}

fn tell(args: &Args, site: &Site, days: RuleDays) -> anyhow::Result<Outcome> {
    let facts = SiteFacts {
        site: SiteLine::from(site),
        visit_timeout_minutes: site.counting.visit_timeout_secs / 60,
        bots: if site.counting.counts_bots { "count" } else { "set-aside" },
        days: days.all,
        days_waiting: days.waiting,
        days_frozen: days.frozen,
    };
    if args.json {
        output::json(&facts)?;
        return Ok(Outcome::Done);
    }
    let bots = if site.counting.counts_bots { "count" } else { "are set aside" };
    output::line(&format!("{}, days part at midnight in {}.", site.domain, site.zone));
    output::line(&format!(
        "A visit ends after {} minutes; events of bots {bots}.",
        facts.visit_timeout_minutes
    ));
    if days.waiting > 0 {
        output::line(&format!(
            "{} of {} days wait to be counted so; a running server does it.",
            days.waiting, days.all
        ));
    }
    if days.frozen > 0 {
        output::line(&format!("{} days keep other rules: their events have expired.", days.frozen));
    }
    Ok(Outcome::Done)
}

fn remove(args: &Args, domain: &str, yes: bool) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let site = known(&registry, domain)?;
    if !yes && !confirmed(&site.domain)? {
        output::note("Nothing was removed.");
        return Ok(Outcome::No);
    }
    registry.remove_site(&site.domain)?;
    // The store has one writer, and that is not this process: the wish goes through the queue, and
    // is carried out at once by a running server, else when one starts.
    if folder.queue().exists() {
        append_control_beside(&folder.queue(), Control::RemoveSite(site.id))?;
    }
    if args.json {
        output::json(&SiteLine::from(&*site))?;
    } else {
        output::line(&format!("Removed {}; its statistics and events are being deleted.", site.domain));
    }
    Ok(Outcome::Done)
}

fn confirmed(domain: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("removing a site deletes everything held of it; say --yes to do it without being asked");
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Everything held of {domain} will be deleted. Type the domain to go on: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == domain)
}
