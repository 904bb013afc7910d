//! The real server, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use weir_event::QueueBooks;
use weir_queue::{QueueError, QueueReader};
use weir_store::StoreReader;

use super::caller::Caller;
use super::ingest::nonce;
use crate::machine;

pub(super) const DOMAIN: &str = "lakeside.example";

/// The data folder in the server's.
pub(super) const DATA: &str = "data";

const START_TIME_MAX: Duration = Duration::from_secs(20);

/// Ends with this.
pub(super) struct Server {
    child: Child,
    pub address: String,
    /// When it was started.
    pub begun: Instant,
    /// Time to its first accepted connection.
    pub start_ms: f64,
    data: PathBuf,
    folder: Arc<TempDir>,
}

impl Server {
    /// On a folder with nothing in it, or with a data folder of [`DOMAIN`].
    pub fn start(folder: TempDir) -> anyhow::Result<Self> {
        Self::start_with(folder, &[])
    }

    /// With settings, as `WEIR_*` variables.
    pub fn start_with(folder: TempDir, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let data = folder.path().join(DATA);
        if !data.exists() {
            add_site(folder.path())?;
        }
        Self::run(folder.into(), settings)
    }

    fn run(folder: Arc<TempDir>, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let data = folder.path().join(DATA);
        let mut serve = weir(folder.path(), &data)?;
        serve.args(["serve", "--listen", "127.0.0.1:0"]).envs(settings.iter().map(|(k, v)| (k, v)));
        let begun = Instant::now();
        let child = serve.spawn()?;
        let mut server = Self { child, address: String::new(), begun, start_ms: 0.0, data, folder };
        server.address = server.wait(begun)?;
        server.start_ms = begun.elapsed().as_secs_f64() * 1e3;
        Ok(server)
    }

    /// Kills it, as the power would, and starts it again where it was.
    pub fn kill_and_start(self) -> anyhow::Result<Self> {
        let folder = self.folder.clone();
        drop(self);
        // Where the killed one listened: nobody may take that for the new one.
        std::fs::remove_file(folder.path().join(DATA).join("weir.address"))?;
        Self::run(folder, &[])
    }

    fn wait(&mut self, begun: Instant) -> anyhow::Result<String> {
        loop {
            let address = std::fs::read_to_string(self.data.join("weir.address")).unwrap_or_default();
            if std::net::TcpStream::connect(&address).is_ok() {
                return Ok(address);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended by itself: {status}");
            }
            ensure!(begun.elapsed() < START_TIME_MAX, "the server does not start");
            #[allow(clippy::disallowed_methods)] // another process tells nobody when it is ready
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// CPU time spent so far, user's and system's.
    pub fn cpu_secs(&self) -> Option<f64> {
        machine::cpu_secs(self.child.id())
    }

    /// The most memory it ever held.
    pub fn memory_mib_max(&self) -> Option<f64> {
        self.memory("VmHWM")
    }

    /// The memory that it holds.
    pub fn memory_mib(&self) -> Option<f64> {
        self.memory("VmRSS")
    }

    fn memory(&self, name: &str) -> Option<f64> {
        let kib = machine::kib(&format!("/proc/{}/status", self.child.id()), name)?;
        Some(kib as f64 / 1_024.0)
    }

    /// A connection that may read everything.
    pub fn caller(&self) -> anyhow::Result<Caller> {
        // No two tokens may have one name.
        let name = format!("bench-{:016x}", nonce());
        let (token, _) = self.ask(&["token", "create", "--name", &name])?;
        Caller::connect(&self.address, token["token"].as_str().context("no token")?)
    }

    /// What a command says of the same data folder, and whether its answer is yes.
    pub fn ask(&self, args: &[&str]) -> anyhow::Result<(Value, bool)> {
        let mut command = weir(self.folder.path(), &self.data)?;
        let done = command.args(args).arg("--json").stdout(Stdio::piped()).output()?;
        let said = serde_json::from_slice(&done.stdout);
        let said = said.with_context(|| format!("weir {} said nothing: {}", args.join(" "), done.status))?;
        Ok((said, done.status.success()))
    }

    /// (ever received, not folded yet), from its files.
    pub fn books(&self) -> anyhow::Result<(u64, u64)> {
        let store = StoreReader::open(&self.data.join("weir.db"))?;
        let mut queue = QueueReader::open(&self.data.join("queue.db"))?;
        let taken = store.read(|reading| reading.taken())?;
        let after = |file: &QueueBooks| {
            Ok::<_, QueueError>((Some(file.resume_after(|queue| taken.get(&queue).copied())), ()))
        };
        let (books, ()) = queue.books_with(after)?;
        Ok((books.received.values().sum(), books.pending.values().sum()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn add_site(folder: &Path) -> anyhow::Result<()> {
    let mut add = weir(folder, &folder.join(DATA))?;
    let added = add.args(["site", "add", DOMAIN, "--timezone", "UTC"]).status()?;
    ensure!(added.success(), "the site can't be added: {added}");
    Ok(())
}

/// This program, with nobody's settings.
fn weir(folder: &Path, data: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("can't find this program's file")?);
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("WEIR_")) {
        command.env_remove(name);
    }
    command.env("WEIR_EVENTS_PER_SECOND_PER_IP", "0").env("WEIR_LOG", "error");
    let data = std::path::absolute(data)?;
    command.current_dir(folder).arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}
