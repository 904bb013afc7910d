//! `weir token`: keys to the API.

use serde_json::{Value, json};
use weir_registry::Right;

use super::open;
use crate::Outcome;
use crate::args::{Args, TokenCommand};
use crate::output;

pub(crate) fn run(args: &Args, command: &TokenCommand) -> anyhow::Result<Outcome> {
    match command {
        TokenCommand::Create { name, site, events } => {
            let right = if *events { Right::Send } else { Right::Read };
            create(args, name, site.as_deref(), right)
        }
        TokenCommand::List => list(args),
        TokenCommand::Revoke { token } => revoke(args, token),
    }
}

fn create(args: &Args, name: &str, site: Option<&str>, right: Right) -> anyhow::Result<Outcome> {
    let (_, registry) = open::registry(args)?;
    let new = match right {
        Right::Read => registry.create_token(name, site)?,
        Right::Send => registry.create_sending_token(name, site)?,
    };
    if args.json {
        let may = word(right);
        output::json(&json!({ "token": new.token, "id": new.id.0, "name": new.name, "may": may }))?;
    } else {
        output::line(&new.token);
        output::note("This is shown once. Send it as `Authorization: Bearer ...`.");
    }
    Ok(Outcome::Done)
}

fn word(right: Right) -> &'static str {
    match right {
        Right::Read => "read",
        Right::Send => "send",
    }
}

fn list(args: &Args) -> anyhow::Result<Outcome> {
    let (_, registry) = open::registry(args)?;
    let tokens = registry.tokens()?;
    if args.json {
        let lines: Vec<Value> = tokens
            .iter()
            .map(|t| {
                json!({ "id": t.id.0, "name": t.name, "site": t.domain, "may": word(t.right),
                    "created_at": t.created.to_string() })
            })
            .collect();
        output::json(&lines)?;
    } else if tokens.is_empty() {
        output::line("No tokens yet. Create one with `weir token create`.");
    } else {
        let rows: Vec<_> = tokens
            .into_iter()
            .map(|t| {
                let site = t.domain.unwrap_or_else(|| "all".to_owned());
                vec![t.id.0.to_string(), t.name, word(t.right).to_owned(), site, t.created.to_string()]
            })
            .collect();
        output::table(&["ID", "NAME", "MAY", "SITE", "CREATED"], &rows);
    }
    Ok(Outcome::Done)
}

fn revoke(args: &Args, token: &str) -> anyhow::Result<Outcome> {
    let (_, registry) = open::registry(args)?;
    registry.revoke_token(token)?;
    if args.json {
        output::json(&json!({ "revoked": token }))?;
    } else {
        output::line(&format!("Revoked {token}."));
    }
    Ok(Outcome::Done)
}
