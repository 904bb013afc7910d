//! Deliveries at their own pace, whether the server keeps up or not: time is taken from when one was
//! due, not from when it could be sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::deliveries::{Delivery, deliveries};
use super::exchange::{Answer, parse};
use super::figures::{SAMPLES_MAX, Sorted};
use super::ingest::nonce;
use super::report::{Figure, figure};
use super::run::Bench;
use super::server::Server;
use crate::traffic::Random;

const EVENTS_PER_DELIVERY: u64 = 10;

/// Threads, each with a connection: timers of an async runtime are too coarse for this. One for so
/// many deliveries a second.
const DELIVERIES_PER_SENDER: u64 = 62;
const SENDERS_MAX: u64 = 128;

pub(super) struct Pace<'a> {
    bench: &'a Bench<'a>,
    address: &'a str,
    deliveries: Vec<Delivery>,
    per_second: u64,
}

/// What all senders saw.
#[derive(Debug, Default)]
pub(super) struct Taken {
    secs: f64,
    pub accepted: u64,
    refused: u64,
    late_us: Vec<f64>,
    answered_us: Vec<f64>,
}

impl<'a> Pace<'a> {
    pub fn new(bench: &'a Bench<'a>, server: &'a Server, events_per_second: u64) -> Self {
        let deliveries = deliveries(EVENTS_PER_DELIVERY as usize);
        let per_second = (events_per_second / EVENTS_PER_DELIVERY).max(1);
        Self { bench, address: &server.address, deliveries, per_second }
    }

    pub fn send(&self, time: Duration) -> anyhow::Result<Taken> {
        self.send_until((self.per_second as f64 * time.as_secs_f64()) as u64, &AtomicBool::new(false))
    }

    /// Sends while `work` is done.
    pub fn beside<T>(&self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Taken)> {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| self.send_until(u64::MAX, &over));
            let done = work();
            over.store(true, Ordering::Release);
            let taken = sending.join().expect("who sends doesn't panic");
            self.bench.check_stopped()?;
            Ok((done?, taken?))
        })
    }

    fn send_until(&self, deliveries: u64, over: &AtomicBool) -> anyhow::Result<Taken> {
        let begin = Instant::now() + Duration::from_millis(20);
        let senders = (self.per_second / DELIVERIES_PER_SENDER).clamp(1, SENDERS_MAX);
        let mut taken = std::thread::scope(|scope| {
            let send = |n| {
                let due = (n..deliveries).step_by(senders as usize);
                scope.spawn(move || self.sender(begin, due, over))
            };
            let senders: Vec<_> = (0..senders).map(send).collect();
            let mut all = Taken::default();
            for sender in senders {
                all.add(sender.join().expect("a sender doesn't panic")?);
            }
            anyhow::Ok(all)
        })?;
        taken.secs = begin.elapsed().as_secs_f64();
        Ok(taken)
    }

    fn sender(
        &self,
        begin: Instant,
        due: impl Iterator<Item = u64>,
        over: &AtomicBool,
    ) -> anyhow::Result<Taken> {
        let mut stream = TcpStream::connect(self.address).context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        let mut random = Random::new(nonce(), 0);
        let (mut request, mut read) = (Vec::new(), Vec::new());
        let mut taken = Taken::default();
        for n in due {
            self.deliveries[random.below(self.deliveries.len())].write(&mut random, &mut request);
            let due = begin + Duration::from_secs_f64(n as f64 / self.per_second as f64);
            #[allow(clippy::disallowed_methods)] // the pace is what is measured by
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if over.load(Ordering::Acquire)
                || self.bench.is_stopped()
                || taken.answered_us.len() >= SAMPLES_MAX
            {
                break;
            }
            taken.late_us.push(due.elapsed().as_secs_f64() * 1e6);
            let accepted = exchange(&mut stream, &request, &mut read)?.accepted as u64;
            taken.answered_us.push(due.elapsed().as_secs_f64() * 1e6);
            taken.accepted += accepted;
            taken.refused += EVENTS_PER_DELIVERY - accepted;
        }
        Ok(taken)
    }
}

impl Taken {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.late_us.extend(other.late_us);
        self.answered_us.extend(other.answered_us);
    }

    pub fn accepted_per_second(&self) -> f64 {
        self.accepted as f64 / self.secs.max(f64::EPSILON)
    }

    /// Refusals count as answers: who is told to come again waits for that, too.
    pub fn figures(self, flush_us: f64) -> Vec<Figure> {
        let accepted_per_second = self.accepted_per_second();
        let (late, times) = (Sorted::new(self.late_us), Sorted::new(self.answered_us));
        let ms = |percent| times.percentile(percent) / 1_000.0;
        vec![
            figure("accepted_events_per_second", accepted_per_second),
            figure("refused_events", self.refused as f64),
            figure("p50_ms", ms(50.0)),
            figure("p99_ms", ms(99.0)),
            figure("p99_9_ms", ms(99.9)),
            figure("max_ms", times.max() / 1_000.0),
            figure("p50_to_fdatasync", times.percentile(50.0) / flush_us),
            figure("p99_to_fdatasync", times.percentile(99.0) / flush_us),
            figure("sent_late_p50_ms", late.percentile(50.0) / 1_000.0),
            figure("sent_late_p99_ms", late.percentile(99.0) / 1_000.0),
        ]
    }
}

pub(super) fn exchange(stream: &mut TcpStream, request: &[u8], read: &mut Vec<u8>) -> anyhow::Result<Answer> {
    stream.write_all(request)?;
    let mut piece = [0; 4_096];
    loop {
        if let Some(answer) = parse(read)? {
            read.drain(..answer.bytes);
            return Ok(answer);
        }
        let n = stream.read(&mut piece)?;
        ensure!(n > 0, "the server hung up");
        read.extend_from_slice(&piece[..n]);
    }
}
