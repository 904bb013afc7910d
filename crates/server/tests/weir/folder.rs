use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::server::Server;

pub const DOMAIN: &str = "example.com";

/// A folder in which nothing else runs, with room for a data folder.
pub struct Folder {
    dir: tempfile::TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    /// With a data folder that has the site [`DOMAIN`], whose days are UTC's.
    pub fn with_site() -> Self {
        let folder = Self::new();
        folder.run(&["site", "add", DOMAIN, "--timezone", "UTC"]).succeeded();
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The binary, started in this folder and told nothing by this process's surroundings. Its
    /// default data folder is [`Folder::data`].
    pub fn weir(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(args).current_dir(self.dir.path()).env_clear().env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        self.weir(args).output().expect("the binary starts").into()
    }

    /// Runs a command that reads `input`.
    pub fn run_with(&self, args: &[&str], input: &str) -> Done {
        let mut child = self.weir(args).stdin(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("read");
        drop(stdin);
        done(child)
    }

    /// What a command prints with `--json`.
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let printed = self.run(&args).succeeded();
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed:?}"))
    }

    pub fn token(&self) -> String {
        self.json(&["token", "create"])["token"].as_str().expect("a token").to_owned()
    }

    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// A server that survives a limit on the size of its files: writes past it report an error.
    pub fn serve_within_limits(&self) -> Server {
        let serve = "trap '' XFSZ; exec \"$0\" serve --listen 127.0.0.1:0";
        let mut command = Command::new("sh");
        command.args(["-c", serve, env!("CARGO_BIN_EXE_weir")]);
        command.current_dir(self.dir.path()).env_clear().env("TZ", "UTC");
        Server::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// With `WEIR_*` variables.
    pub fn serve_with(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = self.weir(&["serve", "--listen", "127.0.0.1:0"]);
        Server::start(command.envs(variables.iter().copied()))
    }
}

impl Done {
    /// Standard output of a command that did what it was asked.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Exit code, and that one sentence to a person says all of `words`; nothing else is printed.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) {
        self.says_only(3, words);
    }

    /// The same of a command line that makes no sense.
    #[track_caller]
    pub fn bad_line(&self, words: &[&str]) {
        self.says_only(2, words);
    }

    #[track_caller]
    fn says_only(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert!(self.stderr.starts_with("weir: ") && self.stderr.trim_end().lines().count() == 1, "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing: {self:?}");
        }
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

fn done(child: Child) -> Done {
    child.wait_with_output().expect("it ends").into()
}
