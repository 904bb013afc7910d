//! `weir user`: who may log in.

use std::io::{IsTerminal, Read};

use serde_json::json;

use super::open;
use crate::Outcome;
use crate::args::{Args, UserCommand};
use crate::output;

/// More than any password may have; what is longer is refused, not cut.
const PASSWORD_INPUT_BYTES_MAX: u64 = 8 * 1024;

pub(crate) fn run(args: &Args, command: &UserCommand) -> anyhow::Result<Outcome> {
    match command {
        UserCommand::Add { email } => {
            let (_, registry) = open::new_registry(args)?;
            let user = registry.add_user(email, &password()?)?;
            done(args, &user.email, "may log in now.")
        }
        UserCommand::Password { email } => {
            let (_, registry) = open::registry(args)?;
            registry.set_password(email, &password()?)?;
            done(args, email, "has a new password; all their sessions have ended.")
        }
        UserCommand::List => {
            let (_, registry) = open::registry(args)?;
            let users: Vec<String> = registry.users()?.into_iter().map(|user| user.email).collect();
            match (args.json, users.is_empty()) {
                (true, _) => output::json(&users)?,
                (false, true) => output::line("No users yet. Add one with `weir user add EMAIL`."),
                (false, false) => users.iter().for_each(|email| output::line(email)),
            }
            Ok(Outcome::Done)
        }
    }
}

fn done(args: &Args, email: &str, what: &str) -> anyhow::Result<Outcome> {
    if args.json {
        output::json(&json!({ "email": email }))?;
    } else {
        output::line(&format!("{email} {what}"));
    }
    Ok(Outcome::Done)
}

/// The password comes by standard input, since other users of the machine can read a command line.
fn password() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        output::note("Type the password (it is shown) and press Enter:");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let mut text = String::new();
    std::io::stdin().take(PASSWORD_INPUT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
