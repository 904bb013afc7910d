//! One life of a server, and how it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::Scope;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use weir_event::{Clock, SystemClock};

use super::client::{Connection, PATIENCE};
use super::known::{Delivery, Known, KnownEvent};
use super::plan::{Kill, Load};
use super::server::{End, News, Server};
use crate::Dice;

/// How long a point may take to be reached; then the kill comes from outside. Longer where the start
/// has taken long: the machine is busy with something else.
const POINT_WAIT: Duration = Duration::from_millis(1_500);
const POINT_WAIT_STARTS: u32 = 30;

/// A sender sends so many deliveries at once and then takes its time.
const AT_ONCE: usize = 3;

const PAUSE: Duration = Duration::from_millis(8);

/// While a server is to die at a point, one sender goes on with what was sent before, whatever else
/// it has to send: a point that comes late, or needs a commit to ride on, is reached all the same.
const PAUSE_AGAIN: Duration = Duration::from_millis(20);

const EVENTS_PER_DELIVERY_MAX: usize = 8;

/// What became of the deliveries of a life.
#[derive(Default)]
pub(super) struct Sent {
    pub acknowledged: Vec<usize>,
    /// Sent without an answer, or not sent for want of a server.
    pub unsure: Vec<usize>,
    /// Answers that no delivery here deserves.
    pub refused: Vec<String>,
}

/// Deliveries for each sender: what is unsure, some that is acknowledged, and new events.
pub(super) fn deliveries(load: Load, known: &mut Known) -> Vec<Vec<Delivery>> {
    let mut dice = Dice::new(load.seed);
    let mut senders: Vec<Vec<Delivery>> = (0..load.senders).map(|_| Vec::new()).collect();
    if senders.is_empty() {
        return senders;
    }
    let mut numbers = std::mem::take(&mut known.unsure);
    let now = SystemClock.now();
    numbers.extend((0..load.fresh).map(|_| known.make(&mut dice, now, false)));
    numbers.extend((0..load.again).filter_map(|_| known.any_acknowledged(&mut dice)));
    // Two senders with the same events at the same time.
    numbers.extend((0..load.again / 3).map(|_| numbers[dice.index(numbers.len())]).collect::<Vec<_>>());
    let mut rest = numbers.as_slice();
    while !rest.is_empty() {
        let (some, others) = rest.split_at(rest.len().min(1 + dice.index(EVENTS_PER_DELIVERY_MAX)));
        let visitor = known.events[some[0]].visitor;
        senders[dice.index(load.senders)].push(Delivery { numbers: some.to_vec(), visitor });
        rest = others;
    }
    senders
}

/// Lives until the kill comes.
pub(super) fn live(
    mut server: Server,
    kill: Kill,
    known: &[KnownEvent],
    deliveries: &[Vec<Delivery>],
) -> anyhow::Result<(End, Sent)> {
    let sent = Mutex::new(Sent::default());
    std::thread::scope(|scope| {
        let mut has_listened = false;
        let mut at = Schedule::new(kill, server.started);
        let goes_on = matches!(kill, Kill::AtPoint { .. });
        loop {
            match server.news.recv_timeout(at.next.saturating_duration_since(Instant::now())) {
                Ok(News::Listens(address)) => {
                    has_listened = true;
                    let any = deliveries.iter().flatten().next().filter(|_| goes_on);
                    for (i, mine) in deliveries.iter().enumerate() {
                        let again = any.filter(|_| i == 0);
                        start(scope, Sender { address, known, mine, again }, &sent);
                    }
                    at.listens(Instant::now());
                }
                Ok(News::Ended) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if at.stops_first() => server.terminate(),
                Err(RecvTimeoutError::Timeout) => {
                    server.kill();
                    break;
                }
            }
        }
        if !has_listened {
            // It never listened: all of it is still to be sent.
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.unsure.extend(deliveries.iter().flatten().flat_map(|delivery| &delivery.numbers));
        }
    });
    let end = server.wait()?;
    Ok((end, sent.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// When something is due that is not the server's doing.
struct Schedule {
    kill: Kill,
    started: Instant,
    next: Instant,
    stopping: Option<Duration>,
}

impl Schedule {
    fn new(kill: Kill, started: Instant) -> Self {
        let next = match kill {
            Kill::AfterStart(after) => started + after,
            _ => started + PATIENCE,
        };
        Self { kill, started, next, stopping: None }
    }

    fn listens(&mut self, now: Instant) {
        match self.kill {
            Kill::AtPoint { .. } => {
                self.next = now + POINT_WAIT.max(POINT_WAIT_STARTS * (now - self.started))
            }
            Kill::AfterStart(_) => {}
            Kill::AfterSend(after) => self.next = now + after,
            Kill::Stopping { sending, stopping } => {
                self.next = now + sending;
                self.stopping = Some(stopping);
            }
        }
    }

    /// True once: the server is to be asked before it is killed.
    fn stops_first(&mut self) -> bool {
        let Some(stopping) = self.stopping.take() else { return false };
        self.next = Instant::now() + stopping;
        true
    }
}

struct Sender<'a> {
    address: SocketAddr,
    known: &'a [KnownEvent],
    mine: &'a [Delivery],
    /// Sent again and again once all others are.
    again: Option<&'a Delivery>,
}

fn start<'scope>(scope: &'scope Scope<'scope, '_>, sender: Sender<'scope>, sent: &'scope Mutex<Sent>) {
    scope.spawn(move || {
        let done = sender.send();
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.acknowledged.extend(done.acknowledged);
        sent.unsure.extend(done.unsure);
        sent.refused.extend(done.refused);
    });
}

impl Sender<'_> {
    /// Sends until the server is gone.
    fn send(&self) -> Sent {
        let mut sent = Sent::default();
        let mut connection = Connection::open(self.address).ok();
        for (i, delivery) in self.mine.iter().enumerate() {
            if i >= AT_ONCE {
                connection = connection.and_then(|open| open.rest(PAUSE));
            }
            connection = self.deliver(connection, delivery, &mut sent);
        }
        let Some(again) = self.again else { return sent };
        let again = Delivery { numbers: vec![again.numbers[0]], visitor: again.visitor };
        while let Some(open) = connection.and_then(|open| open.rest(PAUSE_AGAIN)) {
            connection = self.deliver(Some(open), &again, &mut sent);
        }
        sent
    }

    /// The connection, if it can be used again.
    fn deliver(&self, open: Option<Connection>, delivery: &Delivery, sent: &mut Sent) -> Option<Connection> {
        let answer = open.map(|mut open| {
            let answer = open.deliver(delivery.visitor, &delivery.body(self.known, SystemClock.now()));
            answer.map(|(status, body)| (open, status, body))
        });
        match answer {
            Some(Ok((open, 202, body))) if body.contains("\"dropped\":[]") => {
                sent.acknowledged.extend(&delivery.numbers);
                return Some(open);
            }
            // It is stopping, or has too much to do: whoever gets this sends again.
            Some(Ok((open, 503, _))) => {
                sent.unsure.extend(&delivery.numbers);
                return Some(open);
            }
            Some(Ok((_, status, body))) => {
                sent.refused.push(format!("a delivery was answered {status} {body}"));
            }
            Some(Err(_)) | None => sent.unsure.extend(&delivery.numbers),
        }
        None
    }
}

/// Sends everything to a server that nobody kills, in large deliveries.
pub(super) fn send_all(address: SocketAddr, known: &Known, numbers: &[usize]) -> anyhow::Result<()> {
    let mut connection = Connection::open(address)?;
    for numbers in numbers.chunks(100) {
        let delivery = Delivery { numbers: numbers.to_vec(), visitor: known.events[numbers[0]].visitor };
        let (status, answer) =
            connection.deliver(delivery.visitor, &delivery.body(&known.events, SystemClock.now()))?;
        ensure!(
            status == 202 && answer.contains("\"dropped\":[]"),
            "a delivery was answered {status} {answer}"
        );
    }
    Ok(())
}

/// Waits until the server listens.
pub(super) fn listening(server: &Server, log: &Path) -> anyhow::Result<SocketAddr> {
    match server.news.recv_timeout(PATIENCE) {
        Ok(News::Listens(address)) => Ok(address),
        _ => bail!("the server does not start: see {}", log.display()),
    }
}
