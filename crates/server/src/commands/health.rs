//! `weir health`: asks the running server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::open;
use crate::Outcome;
use crate::args::Args;
use crate::output;

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let folder = open::folder(args)?;
    let address = match args.listen {
        Some(address) => address,
        None => std::fs::read_to_string(folder.address())
            .context("no server is running on this data folder (it left no address)")?
            .trim()
            .parse()?,
    };
    let health = ask(address).with_context(|| format!("no answer from {address}: is the server running?"))?;
    let status = health["status"].as_str().unwrap_or("unknown").to_owned();
    if args.json {
        output::json(&health)?;
    } else {
        let database = health["db_status"].as_str().unwrap_or("unknown");
        output::line(&format!("{status} (database: {database}), http://{address}"));
    }
    Ok(if status == "ok" { Outcome::Done } else { Outcome::No })
}

fn ask(address: SocketAddr) -> anyhow::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /_health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let Some((_, body)) = answer.split_once("\r\n\r\n") else { bail!("the answer is no HTTP") };
    Ok(serde_json::from_str(body)?)
}
