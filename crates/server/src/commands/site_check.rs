//! `weir site check`: whether a site's page loads this server's script. Needs no running server.

use anyhow::Context;
use serde::Serialize;
use weir_checkup::{Ask, Level, Reach, Report, Server, Verdict, check};

use super::{open, site};
use crate::Outcome;
use crate::args::Args;
use crate::config::Config;
use crate::output;

#[derive(Serialize)]
struct ReportLine {
    domain: String,
    url: String,
    verdict: &'static str,
    findings: Vec<FindingLine>,
}

#[derive(Serialize)]
struct FindingLine {
    code: &'static str,
    level: &'static str,
    text: String,
    advice: String,
}

pub(crate) fn run(
    args: &Args,
    config: &Config,
    domain: &str,
    url: Option<&str>,
    server: Option<&str>,
) -> anyhow::Result<Outcome> {
    let (_, registry) = open::registry(args)?;
    let domain = &site::known(&registry, domain)?.domain;
    let address = server.or(config.public_url.as_deref()).context(
        "pages' scripts can't be told apart without this server's address: say --server https://stats.example.com, \
         or set public_url",
    )?;
    let of_server = Server::new(address, config.own_paths.script.clone(), config.own_paths.events.clone());
    let of_server = match of_server {
        Err(error) if server.is_some() => return Ok(bad_line(&format!("--server: {error}"))),
        other => other.context("the setting public_url")?,
    };
    match check(&Reach::public(), Ask { domain, url, server: &of_server }) {
        Err(error) => Ok(bad_line(&format!("--url: {error}"))),
        Ok(report) => {
            tell(args, domain, &report)?;
            Ok(outcome(report.verdict))
        }
    }
}

fn bad_line(error: &str) -> Outcome {
    output::error(error);
    Outcome::BadLine
}

fn tell(args: &Args, domain: &str, report: &Report) -> anyhow::Result<()> {
    if args.json {
        return output::json(&line(domain, report));
    }
    output::line(report.verdict.text());
    output::line(&format!("Looked at {}", report.url));
    for finding in &report.findings {
        output::line(&format!("- {}\n  {}", finding.text(), finding.advice()));
    }
    Ok(())
}

fn line(domain: &str, report: &Report) -> ReportLine {
    let findings = report.findings.iter().map(|finding| FindingLine {
        code: finding.code(),
        level: if finding.level() == Level::Note { "note" } else { "wrong" },
        text: finding.text(),
        advice: finding.advice(),
    });
    ReportLine {
        domain: domain.to_owned(),
        url: report.url.clone(),
        verdict: report.verdict.code(),
        findings: findings.collect(),
    }
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Right => Outcome::Done,
        Verdict::Wrong | Verdict::Unseen => Outcome::No,
        Verdict::Unfetched => Outcome::CouldNot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_is_right_ends_with_zero() {
        assert!(matches!(outcome(Verdict::Right), Outcome::Done));
        assert!(matches!(outcome(Verdict::Wrong), Outcome::No));
        assert!(matches!(outcome(Verdict::Unseen), Outcome::No));
        assert!(matches!(outcome(Verdict::Unfetched), Outcome::CouldNot));
    }
}
