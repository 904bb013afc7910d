//! The real program, in a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use weir_fault::{Mistake, Point};

/// What is run and killed.
#[derive(Debug, Clone)]
pub struct Program {
    /// Built with its faults armed.
    pub weir: PathBuf,
    /// Planted in every server: then the run has to find it.
    pub mistake: Option<Mistake>,
}

/// What a server says of itself.
pub(super) enum News {
    Listens(SocketAddr),
    /// Its output has ended, as when the process is gone.
    Ended,
}

/// Dropped, it is killed.
pub(super) struct Server {
    child: Child,
    pub started: Instant,
    pub news: Receiver<News>,
    was_killed: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By its own hand, where it was told to.
    ByFault,
    /// From outside.
    Killed,
    /// In order, with this exit code.
    Exited(i32),
}

impl Server {
    /// `fault` is where it is to die. What it says of its troubles goes to `log`.
    pub fn start(
        program: &Program,
        data: &Path,
        log: &Path,
        fault: Option<(Point, u64)>,
    ) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(log).context("can't write the log")?;
        let mut command = Command::new(&program.weir);
        command.arg("--data").arg(data).args(["serve", "--listen", "127.0.0.1:0"]);
        command.env_clear().envs(SETTINGS);
        if let Some((point, passes)) = fault {
            command.env("FAULT_POINT", format!("{}:{passes}", point.name()));
        }
        if let Some(mistake) = program.mistake {
            command.env("FAULT_MISTAKE", mistake.name());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // A data folder knows no settings file; one in the working directory is nobody's here.
        if let Some(folder) = data.parent() {
            command.current_dir(folder);
        }
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("can't start {}", program.weir.display()))?;
        let (tell, news) = channel();
        let output = child.stdout.take().expect("piped");
        std::thread::spawn(move || listen(output, &tell));
        Ok(Self { child, started, news, was_killed: false })
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may be gone already: until it is waited for, its number is nobody else's.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// As `kill -9`. A process that has died already is no matter.
    pub fn kill(&mut self) {
        self.was_killed = true;
        let _ = self.child.kill();
    }

    pub fn wait(mut self) -> anyhow::Result<End> {
        let status: ExitStatus = self.child.wait().context("can't wait for the server")?;
        Ok(match (status.code(), self.was_killed) {
            (Some(code), _) => End::Exited(code),
            (None, true) => End::Killed,
            (None, false) if status.signal() == Some(Signal::KILL.as_raw()) => End::ByFault,
            (None, false) => anyhow::bail!("the server crashed: {status}"),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No limit of the edge may get in the way, and old days expire after [`RAW_DAYS`].
const SETTINGS: [(&str, &str); 4] = [
    ("TZ", "UTC"),
    ("WEIR_EVENTS_PER_SECOND_PER_IP", "0"),
    ("WEIR_LOG", "warn"),
    ("WEIR_KEEP_EVENTS_DAYS", "31"),
];

/// As in [`SETTINGS`]: a day longer than rows set aside are kept, so that both kinds of expiry come.
pub(super) const RAW_DAYS: i64 = 31;

fn listen(output: ChildStdout, tell: &Sender<News>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let address = line.strip_prefix("Weir listens on http://").and_then(|address| address.parse().ok());
        if let Some(address) = address {
            // Nobody may be listening any more; the pipe is read to its end all the same.
            let _ = tell.send(News::Listens(address));
        }
    }
    let _ = tell.send(News::Ended);
}
