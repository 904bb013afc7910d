//! Deliveries at their appointed moments, whatever the server says: nobody waits who is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::net::TcpStream;

use super::deliveries::Delivery;
use super::exchange::exchange;
use super::figures::SAMPLES_MAX;
use super::ingest::nonce;
use crate::traffic::Random;

/// What is not sent this long after it was due is not sent at all: the connections are all waiting,
/// and an ever growing delay would say nothing but that.
const LATE_MAX: Duration = Duration::from_secs(1);

/// How long refused senders of [`sustain`] rest.
const REST: Duration = Duration::from_millis(10);

pub(super) struct Flood {
    pub address: String,
    pub deliveries: Arc<[Delivery]>,
    pub connections: u32,
    pub stop: Arc<AtomicBool>,
}

/// What one connection, or all, saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub sent: u64,
    pub not_sent: u64,
    pub accepted_events: u64,
    /// Deliveries told to come back.
    pub refused: u64,
    /// Of accepted deliveries: from when they were due, and from when they were sent.
    pub from_due_us: Vec<f64>,
    pub from_sent_us: Vec<f64>,
}

impl Flood {
    /// An open loop: `per_sec` deliveries a second, evenly, over all connections.
    pub async fn run(&self, per_sec: f64, time: Duration) -> anyhow::Result<Seen> {
        let begin = Instant::now() + Duration::from_millis(50);
        let total = (per_sec * time.as_secs_f64()) as u64;
        let connections = u64::from(self.connections);
        self.all(move |sender, n| sender.keep_pace(begin, per_sec, (n..total).step_by(connections as usize)))
            .await
    }

    /// A closed loop in which senders that are refused rest a moment: what is accepted is what can be
    /// folded, once the backlog is full.
    pub async fn sustain(&self, time: Duration) -> anyhow::Result<Seen> {
        let until = Instant::now() + time;
        self.all(move |sender, _| sender.keep_busy(until)).await
    }

    /// One delivery, now.
    pub async fn one(&self) -> anyhow::Result<Seen> {
        let mut sender = Sender::connect(self, 0).await?;
        sender.send(Instant::now()).await?;
        Ok(sender.seen)
    }

    async fn all<F>(&self, work: impl Fn(Sender, u64) -> F) -> anyhow::Result<Seen>
    where
        F: Future<Output = anyhow::Result<Seen>> + 'static,
    {
        let mut senders = tokio::task::JoinSet::new();
        let local = tokio::task::LocalSet::new();
        for n in 0..u64::from(self.connections) {
            let sender = Sender::connect(self, n).await?;
            senders.spawn_local_on(work(sender, n), &local);
        }
        local
            .run_until(async {
                let mut all = Seen::default();
                while let Some(seen) = senders.join_next().await {
                    all.add(seen.context("a sender panicked")??);
                }
                Ok(all)
            })
            .await
    }
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.not_sent += other.not_sent;
        self.accepted_events += other.accepted_events;
        self.refused += other.refused;
        self.from_due_us.extend(other.from_due_us);
        self.from_sent_us.extend(other.from_sent_us);
    }
}

struct Sender {
    stream: TcpStream,
    random: Random,
    deliveries: Arc<[Delivery]>,
    stop: Arc<AtomicBool>,
    request: Vec<u8>,
    read: Vec<u8>,
    seen: Seen,
}

impl Sender {
    async fn connect(flood: &Flood, n: u64) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&flood.address).await.context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            random: Random::new(nonce(), n),
            deliveries: flood.deliveries.clone(),
            stop: flood.stop.clone(),
            request: Vec::new(),
            read: Vec::new(),
            seen: Seen::default(),
        })
    }

    async fn keep_pace(
        mut self,
        begin: Instant,
        per_sec: f64,
        due: impl Iterator<Item = u64>,
    ) -> anyhow::Result<Seen> {
        for n in due {
            let due = begin + Duration::from_secs_f64(n as f64 / per_sec);
            tokio::time::sleep_until(due.into()).await;
            if self.stop.load(Ordering::Acquire) || self.seen.from_due_us.len() >= SAMPLES_MAX {
                break;
            }
            if due.elapsed() > LATE_MAX {
                self.seen.not_sent += 1;
                continue;
            }
            self.send(due).await?;
        }
        Ok(self.seen)
    }

    async fn keep_busy(mut self, until: Instant) -> anyhow::Result<Seen> {
        while Instant::now() < until && !self.stop.load(Ordering::Acquire) {
            let refused = self.seen.refused;
            self.send(Instant::now()).await?;
            if self.seen.refused > refused {
                tokio::time::sleep(REST).await;
            }
        }
        Ok(self.seen)
    }

    async fn send(&mut self, due: Instant) -> anyhow::Result<()> {
        let delivery = &self.deliveries[self.random.below(self.deliveries.len())];
        let events = delivery.events;
        delivery.write(&mut self.random, &mut self.request);
        let sent = Instant::now();
        let answer = exchange(&mut self.stream, &self.request, &mut self.read).await?;
        self.seen.sent += 1;
        match answer.status {
            202 => {
                ensure!(answer.accepted == events, "{} of {events} events were accepted", answer.accepted);
                self.seen.accepted_events += events as u64;
                self.seen.from_due_us.push(due.elapsed().as_secs_f64() * 1e6);
                self.seen.from_sent_us.push(sent.elapsed().as_secs_f64() * 1e6);
            }
            503 => self.seen.refused += 1,
            other => anyhow::bail!("the server answered {other}"),
        }
        Ok(())
    }
}
