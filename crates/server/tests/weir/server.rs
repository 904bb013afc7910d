use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::folder::DOMAIN;
use crate::http::{Answer, Connection, request};
use crate::wait::{PATIENCE, until};

pub const EVENTS: &str = "/x/api/v1/events";

/// A running server on a port of its own. Dropped, it is killed.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// What it prints, line by line.
    printed: Receiver<String>,
    log: Receiver<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts it and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let (printed, reads_output) = lines(child.stdout.take().expect("piped"));
        let (log, reads_log) = lines(child.stderr.take().expect("piped"));
        let readers = vec![reads_output, reads_log];
        let first = printed.recv_timeout(PATIENCE);
        let first =
            first.unwrap_or_else(|_| panic!("it does not listen: {:?}", log.iter().collect::<Vec<_>>()));
        let address = first.rsplit_once("http://").and_then(|(_, address)| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address: {first:?}"));
        Self { child, address, printed, log, readers }
    }

    /// The next line that it prints.
    pub fn next_line(&self) -> String {
        self.printed.recv_timeout(PATIENCE).expect("a line")
    }

    /// Waits until its log says so.
    pub fn says(&self, words: &str) {
        while !self.log.recv_timeout(PATIENCE).expect("a line of the log").contains(words) {}
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends bytes and reads one answer. The server may hang up on what it does not want to read.
    pub fn exchange(&self, bytes: &[u8]) -> std::io::Result<Answer> {
        let mut connection = self.connect();
        let sent = connection.send(bytes);
        connection.answer().or_else(|error| sent.and(Err(error)))
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.exchange(&request("GET", path, headers, b"")).expect("an answer")
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.exchange(&request("POST", path, headers, body)).expect("an answer")
    }

    pub fn post_json(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        self.post(path, &headers, body.to_string().as_bytes())
    }

    /// Sends events as the tracker does.
    pub fn deliver(&self, events: &[Value]) -> Answer {
        self.post(EVENTS, &[], json!({"events": events}).to_string().as_bytes())
    }

    /// The rows that answer a question about [`DOMAIN`] and all its days.
    pub fn query(&self, token: &str, metrics: &[&str], dimensions: &[&str]) -> Vec<Value> {
        let question =
            json!({"site_id": DOMAIN, "date_range": "all", "metrics": metrics, "dimensions": dimensions});
        let bearer = format!("Bearer {token}");
        // A new token is known within a second.
        let answer = until("the token is known", || {
            let answer = self.post_json("/api/v2/query", &[("authorization", &bearer)], &question);
            (answer.status != 401).then_some(answer)
        });
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["results"].as_array().expect("rows").clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as an operator or a service manager does.
    pub fn terminate(&self) {
        let kill =
            Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &self.pid().to_string()]).status();
        assert!(kill.expect("a shell").success());
    }

    pub fn wait(mut self) -> ExitStatus {
        self.end()
    }

    fn end(&mut self) -> ExitStatus {
        let status = self.child.wait().expect("it ends");
        self.readers.drain(..).for_each(|reader| reader.join().expect("reads to the end"));
        status
    }

    /// Asks it to stop and waits until it has.
    #[track_caller]
    pub fn stop(self) {
        self.terminate();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{status}");
    }

    /// Stops it; what its log said.
    #[track_caller]
    pub fn stop_and_read_log(mut self) -> String {
        self.terminate();
        assert_eq!(self.end().code(), Some(0));
        self.log.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// As the power would: no last word, nothing flushed.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> (Receiver<String>, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Nobody may be listening any more, and the pipe must not fill up.
            let _ = sender.send(line);
        }
    });
    (receiver, reader)
}

pub fn page_view(path: &str) -> Value {
    json!({"type": "pageview", "url": format!("https://{DOMAIN}{path}")})
}

pub fn custom(name: &str) -> Value {
    json!({"type": "event", "name": name, "url": format!("https://{DOMAIN}/")})
}
