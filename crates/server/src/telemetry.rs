//! Logs, to standard error. No address, no page, no secret of a visitor is ever in them.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub(crate) fn start(level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level).map_err(|_| {
        anyhow::anyhow!("log = {level:?} is no level; give error, warn, info, debug or trace")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}
