//! `weir site`: sites are rows of the registry; a running server sees changes within a second.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use serde::Serialize;
use weir_event::{Control, Zone};
use weir_queue::append_control_beside;
use weir_registry::Site;

use super::open;
use crate::Outcome;
use crate::args::{Args, SiteCommand};
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

pub(crate) fn run(args: &Args, command: &SiteCommand) -> anyhow::Result<Outcome> {
    match command {
        SiteCommand::Add { domain, timezone } => add(args, domain, timezone.as_deref()),
        SiteCommand::List => list(args),
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
        output::line("<script defer src=\"https://YOUR-WEIR/y/api/v1/sdk.js\"></script>");
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

fn remove(args: &Args, domain: &str, yes: bool) -> anyhow::Result<Outcome> {
    let (folder, registry) = open::registry(args)?;
    let hint = || format!("there is no site {domain}: `weir site list` shows those there are");
    let site = registry.site(domain).with_context(hint)?;
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
