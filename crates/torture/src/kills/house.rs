//! A data folder and the cycles that it lives through.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tempfile::TempDir;
use weir_processor::verify;
use weir_queue::QueueReader;
use weir_store::StoreReader;

use super::check::{Broken, Strictness, differences};
use super::client::PATIENCE;
use super::cycle::{self, Sent};
use super::furnish::{Furniture, open_untouched};
use super::known::Known;
use super::look::{Look, read_on};
use super::plan::{HOUSE_CYCLES, Kill, Plan};
use super::server::{End, Program, Server};
use super::tally::Tally;
use super::wishes::Wish;

/// Between two questions to files that another process writes.
const PAUSE: Duration = Duration::from_millis(2);

pub(super) struct House {
    folder: TempDir,
    program: Program,
    seed: u64,
    house: u64,
    known: Known,
    furniture: Furniture,
}

impl House {
    pub fn build(program: &Program, seed: u64, house: u64) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-kills-").tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let furniture = Furniture::new(&data)?;
        Ok(Self { folder, program: program.clone(), seed, house, known: Known::default(), furniture })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("weir.log")
    }

    /// One cycle: furnish, live, die, look.
    pub fn cycle(&mut self, cycle: u64, tally: &mut Tally) -> anyhow::Result<()> {
        let begun = Instant::now();
        let plan = Plan::of(self.seed, cycle);
        for what in &plan.furnish {
            self.furniture.put(&self.data(), *what, &mut self.known, plan.load.seed)?;
        }
        let fault = match plan.kill {
            Kill::AtPoint { point, passes } => Some((point, passes)),
            _ => None,
        };
        let deliveries = cycle::deliveries(plan.load, &mut self.known);
        let server = Server::start(&self.program, &self.data(), &self.log(), fault)?;
        let (end, sent) = cycle::live(server, plan.kill, &self.known.events, &deliveries)?;
        let what = format!("{:?}, it ended {end:?}", plan.kill);
        let mut wrong = unexpected(plan.kill, end, &sent);
        self.take(sent, tally);
        wrong.extend(self.look(Strictness::AnyMoment)?);
        tally.cycle(cycle, plan.kill, end, begun.elapsed());
        self.must_be_empty(cycle, &what, wrong)
    }

    fn take(&mut self, sent: Sent, tally: &mut Tally) {
        tally.resent +=
            sent.acknowledged.iter().filter(|n| self.known.events[**n].is_acknowledged).count() as u64;
        self.known.acknowledge(&sent.acknowledged);
        self.known.unsure = sent.unsure;
        self.known.unsure.sort_unstable();
        self.known.unsure.dedup();
    }

    fn look(&mut self, how: Strictness) -> anyhow::Result<Vec<String>> {
        if !self.has_tables()? {
            let none_yet = self.known.acknowledged() == 0 || self.furniture.swaps.is_missing;
            return Ok(if none_yet { Vec::new() } else { vec!["a database has lost its tables".to_owned()] });
        }
        self.furniture.swaps.is_missing = false;
        let look = Look::at_rest(&self.data(), &self.furniture.sites)?;
        Ok(differences(&look, &self.known, &self.furniture, how))
    }

    /// False as long as a first start was killed before it had made all of both databases.
    fn has_tables(&self) -> anyhow::Result<bool> {
        for (name, made_last) in [("queue.db", "openings"), ("weir.db", "sealed_visitors")] {
            let path = self.data().join(name);
            if !path.exists() {
                return Ok(false);
            }
            let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1)";
            if !open_untouched(&path)?.query_row(is_there, [made_last], |row| row.get::<_, bool>(0))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Everything: drained, then all sent again and drained once more, verified both times.
    pub fn inspect(&mut self, cycle: u64, tally: &mut Tally) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut wrong = self.drain(&[])?;
        wrong.extend(self.look(Strictness::Drained)?);
        self.must_be_empty(cycle, "drained", wrong)?;
        let again = |n: &usize| !self.known.events[*n].is_past;
        let all: Vec<usize> = (0..self.known.events.len()).filter(again).collect();
        tally.resent += all.iter().filter(|n| self.known.events[**n].is_acknowledged).count() as u64;
        let mut wrong = self.drain(&all)?;
        self.known.acknowledge(&all);
        self.known.unsure.clear();
        wrong.extend(self.look(Strictness::AllResent)?);
        tally.inspected(begun.elapsed());
        self.must_be_empty(cycle, "all sent again and drained", wrong)
    }

    /// Runs a server that nobody kills, sends, waits until nothing is left to do, verifies, and stops it.
    fn drain(&self, numbers: &[usize]) -> anyhow::Result<Vec<String>> {
        let server = Server::start(&self.program, &self.data(), &self.log(), None)?;
        let address = cycle::listening(&server, &self.log())?;
        cycle::send_all(address, &self.known, numbers)?;
        self.wait_until_drained()?;
        let verified = verify(&StoreReader::open(&self.data().join("weir.db"))?, &[], &mut |_, _| {})?;
        server.terminate();
        let end = server.wait()?;
        let mut wrong: Vec<String> = verified.told.iter().map(|row| format!("verify: {row:?}")).collect();
        if verified.moving > 0 {
            wrong.push(format!("verify: {} days moved while nothing came in", verified.moving));
        }
        if end != End::Exited(0) {
            wrong.push(format!("the server was asked to stop and ended {end:?}"));
        }
        Ok(wrong)
    }

    fn wait_until_drained(&self) -> anyhow::Result<()> {
        let store = StoreReader::open(&self.data().join("weir.db"))?;
        let mut queue = QueueReader::open(&self.data().join("queue.db"))?;
        // A busy machine takes its time: only one that comes no further has failed.
        let mut last = (Instant::now(), None);
        loop {
            let (books, stale) = store.read(|reading| Ok((reading.ledger()?, reading.stale_days(None)?)))?;
            let read = read_on(&mut queue, &books)?;
            if stale == 0 && queue.pending(read, 1)?.is_empty() {
                return Ok(());
            }
            if last.1 != Some((stale, read)) {
                last = (Instant::now(), Some((stale, read)));
            }
            ensure!(last.0.elapsed() < PATIENCE, "the queue is not drained: see {}", self.log().display());
            pause();
        }
    }

    fn must_be_empty(&mut self, cycle: u64, what: &str, differences: Vec<String>) -> anyhow::Result<()> {
        if differences.is_empty() {
            return Ok(());
        }
        self.folder.disable_cleanup(true);
        Err(Broken {
            seed: self.seed,
            house: self.house,
            cycle,
            from: self.house * HOUSE_CYCLES,
            what: what.to_owned(),
            differences,
            folder: self.folder.path().to_owned(),
        }
        .into())
    }

    /// Keeps the folder of a house in which something could not be done.
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// Tells what was done to this house beside the kills.
    pub fn tell(&self, tally: &mut Tally) {
        let Furniture { wishes, swaps, .. } = &self.furniture;
        tally.replayed += wishes.count(Wish::ReplayMended);
        tally.dropped += wishes.count(Wish::Drop);
        tally.queues_lost += swaps.files_lost;
        tally.queues_replaced += swaps.files_replaced;
        tally.rows_lost += swaps.rows_lost;
        tally.acknowledged += self.known.acknowledged() as u64;
    }
}

/// Answers and ends that no kill explains.
fn unexpected(kill: Kill, end: End, sent: &Sent) -> Vec<String> {
    let mut wrong = sent.refused.clone();
    let explained = match end {
        End::ByFault => matches!(kill, Kill::AtPoint { .. }),
        End::Killed => true,
        End::Exited(code) => code == 0 && matches!(kill, Kill::Stopping { .. }),
    };
    if !explained {
        wrong.push("nobody asked the server to end".to_owned());
    }
    wrong
}

#[expect(clippy::disallowed_methods, reason = "another process can only be asked again")]
fn pause() {
    std::thread::sleep(PAUSE);
}
