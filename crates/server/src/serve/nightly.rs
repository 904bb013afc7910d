//! Each site's yesterday, verified once a day: figures are proved to be what the log says, whether
//! anyone asks or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use weir_dashboard::HealthCheck;
use weir_event::{Clock, LocalDay, Millis, SiteId, limits};
use weir_processor::verify_day;
use weir_queue::Queue;
use weir_registry::{Proof, Registry, Site};
use weir_store::StoreReader;

use super::health::check;
use super::memory;

/// After a day's end: its key is gone by then, and what was on its way has come.
const AFTER_MIDNIGHT_MS: i64 = limits::DAY_KEY_GRACE_MS + 5 * Millis::MINUTE;

/// How soon a day is looked at again that differed or could not be read: somebody may have mended it.
const AGAIN_MS: i64 = 15 * Millis::MINUTE;

const LOOK_EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Nightly {
    pub registry: Registry,
    pub store: StoreReader,
    pub queue: Queue,
    pub clock: Arc<dyn Clock>,
}

/// Sites and the day of each that is to be verified at `now`.
fn due(now: Millis, sites: &[Arc<Site>], proofs: &[Proof]) -> Vec<(SiteId, LocalDay)> {
    let mut due = Vec::new();
    for site in sites {
        let today = site.zone.day_of(now - AFTER_MIDNIGHT_MS);
        let last = proofs.iter().find(|proof| proof.site == site.id);
        let is_due = match last {
            Some(proof) if proof.day >= today.previous() => {
                (proof.different > 0 || proof.moving) && now >= proof.at + AGAIN_MS
            }
            _ => site.created < site.zone.start_of(today),
        };
        if is_due {
            due.push((site.id, today.previous()));
        }
    }
    due
}

impl Nightly {
    /// Verifies the next site's day that is due and not among `tried`, and keeps what was found;
    /// `None` when there is none, or while the processor has better things to do.
    ///
    /// # Errors
    /// The store or the registry can't be read or written.
    fn step(&self, tried: &mut Vec<SiteId>) -> anyhow::Result<Option<Proof>> {
        if self.queue.gauges().backlog_events > limits::DRAIN_EVENTS as u64 {
            return Ok(None);
        }
        let now = self.clock.now();
        let due = due(now, self.registry.snapshot().sites(), &self.registry.proofs()?);
        let Some((site, day)) = due.into_iter().find(|(site, _)| !tried.contains(site)) else {
            return Ok(None);
        };
        tried.push(site);
        let verified = verify_day(&self.store, site, day)?;
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let proof = Proof {
            site,
            day,
            at: now,
            took_ms: self.clock.now() - now,
            rows: count(verified.rows),
            different: count(verified.different),
            frozen: verified.frozen_days > 0,
            moving: verified.moving > 0,
        };
        self.registry.keep_proof(&proof)?;
        Ok(Some(proof))
    }
}

/// Looks every minute for what is due, until the task is dropped.
pub(crate) async fn every_minute(nightly: Arc<Nightly>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last_seq = None;
    loop {
        tick.tick().await;
        nightly.store.rest();
        let seq = nightly.queue.gauges().last_seq;
        if last_seq.replace(seq) == Some(seq) {
            // Nothing came for a minute: the processor rests as well.
            memory::give_back();
        }
        if one_round(nightly.clone()).await.is_err() {
            tracing::error!("verifying yesterday broke off; it is tried again");
        }
    }
}

/// On a thread of its own, which nobody waits for when the server stops: it only reads, and a large
/// day takes its time.
async fn one_round(nightly: Arc<Nightly>) -> Result<(), oneshot::error::RecvError> {
    let (done, finished) = oneshot::channel();
    let round = move || {
        let mut tried = Vec::new();
        loop {
            match nightly.step(&mut tried) {
                Ok(None) => break,
                Ok(Some(proof)) if proof.different > 0 => {
                    tracing::error!(site = %proof.site, day = %proof.day, rows = proof.different,
                        "statistics differ from the event log; `weir verify` names the rows");
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "a day could not be verified");
                    break;
                }
            }
        }
        // The task may have been dropped meanwhile.
        let _ = done.send(());
    };
    if let Err(error) = std::thread::Builder::new().name("verify".to_owned()).spawn(round) {
        tracing::warn!(%error, "yesterday can't be verified yet");
    }
    finished.await
}

/// What the last proofs found, in words.
pub(crate) fn health(registry: &Registry) -> HealthCheck {
    match registry.proofs() {
        Ok(proofs) => in_words(registry.snapshot().sites(), &proofs),
        Err(error) => check("verify", false, error.to_string()),
    }
}

fn in_words(sites: &[Arc<Site>], proofs: &[Proof]) -> HealthCheck {
    let domain = |proof: &Proof| sites.iter().find(|site| site.id == proof.site).map(|site| &site.domain);
    if let Some((proof, domain)) =
        proofs.iter().filter(|proof| proof.different > 0).find_map(|proof| Some((proof, domain(proof)?)))
    {
        let (rows, day) = (grouped(proof.different), proof.day);
        let sentence = format!(
            "{day} of {domain}: {rows} rows differ from the event log; `weir rebuild --site {domain}` restores them"
        );
        return check("verify", false, sentence);
    }
    let Some(last) = proofs.iter().map(|proof| proof.at).max() else {
        return check(
            "verify",
            true,
            "no day has been verified yet: each is, an hour after its end".to_owned(),
        );
    };
    let rows = grouped(proofs.iter().map(|proof| proof.rows).sum());
    let moving = proofs.iter().filter(|proof| proof.moving).count();
    let (sites, s) = (proofs.len(), if proofs.len() == 1 { "" } else { "s" });
    let mut sentence = format!("yesterday of {sites} site{s}: {rows} rows equal, at {}", minute(last));
    if moving > 0 {
        sentence += &format!("; {moving} changed faster than they could be read");
    }
    check("verify", true, sentence)
}

fn minute(at: Millis) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// With a comma between thousands.
fn grouped(n: i64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use weir_processor::{Processor, ProcessorOptions};
    use weir_queue::{Entry, QueueOptions};
    use weir_store::Store;
    use weir_testkit::{TestClock, page_view};

    use super::*;

    /// 2026-05-29T12:00:00Z
    const NOON: Millis = Millis(1_780_056_000_000);
    const MIDNIGHT: Millis = Millis(NOON.0 + 12 * Millis::HOUR);

    struct Night {
        nightly: Nightly,
        clock: TestClock,
        folder: tempfile::TempDir,
        processor: Processor,
    }

    impl Night {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let clock = TestClock::at(NOON);
            let registry = Registry::open(folder.path(), Arc::new(clock.clone())).expect("a registry");
            let queue =
                Queue::open(&folder.path().join("queue.db"), QueueOptions::default()).expect("a queue");
            let store = Store::open(&folder.path().join("weir.db")).expect("a store");
            let reader = store.reader();
            let (options, on_commit) = (ProcessorOptions::default(), Box::new(|_: &_| {}));
            let processor = Processor::new(store, queue.clone(), registry.clone(), options, on_commit);
            let clock_of = Arc::new(clock.clone());
            let nightly = Nightly { registry, store: reader, queue, clock: clock_of };
            Self { nightly, clock, folder, processor: processor.expect("a processor") }
        }

        fn site(&self, domain: &str, zone: &str) -> Arc<Site> {
            Arc::new(self.nightly.registry.add_site(domain, &zone.parse().expect("a zone")).expect("a site"))
        }

        fn visit(&mut self, site: &Site, n: u64) {
            let view = page_view(n, site.id, n, NOON);
            let wait = |error| panic!("{error}");
            self.nightly.queue.append_blocking(vec![Entry::Event(Box::new(view))]).unwrap_or_else(wait);
            self.processor.drain().expect("drained");
        }

        fn step(&self) -> Option<Proof> {
            self.nightly.step(&mut Vec::new()).expect("a step")
        }

        fn words(&self) -> (bool, String) {
            let check = health(&self.nightly.registry);
            (check.ok, check.detail)
        }
    }

    #[test]
    fn a_day_is_due_once_an_hour_and_five_minutes_after_its_end() {
        let night = Night::new();
        let (utc, east) = (night.site("a.example", "UTC"), night.site("b.example", "Asia/Kathmandu"));
        let sites = [utc.clone(), east.clone()];
        let (day, ends_utc) = (LocalDay(20_602), MIDNIGHT + AFTER_MIDNIGHT_MS);
        // Kathmandu's day ends at 18:15 UTC.
        let ends_east = NOON + 6 * Millis::HOUR + 15 * Millis::MINUTE + AFTER_MIDNIGHT_MS;
        let check = |now, proofs: &[Proof], expected: &[(SiteId, LocalDay)]| {
            assert_eq!(due(now, &sites, proofs), expected, "{now}");
        };
        check(NOON, &[], &[]);
        check(ends_east - 1, &[], &[]);
        check(ends_east, &[], &[(east.id, day)]);
        check(ends_utc - 1, &[], &[(east.id, day)]);
        check(ends_utc, &[], &[(utc.id, day), (east.id, day)]);
        let proof = |site, day, different| Proof {
            site,
            day,
            at: ends_utc,
            took_ms: 0,
            rows: 5,
            different,
            frozen: false,
            moving: false,
        };
        let (done, earlier) = (proof(utc.id, day, 0), proof(east.id, day.previous(), 0));
        check(ends_utc, &[done, earlier], &[(east.id, day)]);
        // One that was missed is made up for, once, however long the server was down.
        check(
            ends_utc + 9 * Millis::DAY,
            &[done],
            &[(utc.id, LocalDay(day.0 + 9)), (east.id, LocalDay(day.0 + 9))],
        );
        // What differed is looked at again: somebody may have restored it.
        let differs = [proof(utc.id, day, 3), proof(east.id, day, 0)];
        check(ends_utc + AGAIN_MS - 1, &differs, &[]);
        check(ends_utc + AGAIN_MS, &differs, &[(utc.id, day)]);
    }

    #[test]
    fn yesterday_is_verified_and_what_differs_is_told_until_it_is_restored() {
        let mut night = Night::new();
        let site = night.site("example.com", "UTC");
        night.visit(&site, 1);
        assert_eq!(night.step(), None, "the day is not over");
        assert!(night.words().1.contains("no day has been verified yet"));
        night.clock.set(MIDNIGHT + 2 * Millis::HOUR + 14 * Millis::MINUTE);
        let proof = night.step().expect("due");
        assert!(proof.rows > 0 && proof.different == 0, "{proof:?}");
        assert_eq!(night.step(), None, "once");
        let equal = format!("yesterday of 1 site: {} rows equal, at 2026-05-30 02:14 UTC", proof.rows);
        assert_eq!(night.words(), (true, equal));

        let sql = rusqlite::Connection::open(night.folder.path().join("weir.db")).expect("opens");
        let change = |by| {
            let changed =
                sql.execute(&format!("UPDATE site_stats SET pageviews = pageviews {by} WHERE grain = 1"), []);
            assert_eq!(changed.expect("changed"), 1);
        };
        change("+ 1");
        night.nightly.registry.keep_proof(&Proof { different: 1, ..proof }).expect("kept");
        night.clock.set(proof.at + AGAIN_MS);
        assert_eq!(night.step().map(|proof| proof.different), Some(1));
        let (ok, words) = night.words();
        assert!(
            !ok && words.contains("1 rows differ") && words.contains("weir rebuild --site example.com"),
            "{words}"
        );
        change("- 1");
        assert_eq!(night.step(), None);
        night.clock.advance_ms(AGAIN_MS);
        assert_eq!(night.step().map(|proof| proof.different), Some(0));
        assert!(night.words().0);
    }

    #[test]
    fn nothing_is_verified_while_the_queue_is_behind() {
        let night = Night::new();
        let site = night.site("example.com", "UTC");
        night.clock.set(MIDNIGHT + Millis::DAY);
        let views = |from: u64, n: u64| -> Vec<Entry> {
            (from..from + n).map(|n| Entry::Event(Box::new(page_view(n, site.id, 1, NOON)))).collect()
        };
        let most = limits::DRAIN_EVENTS as u64;
        let wait = |error| panic!("{error}");
        night.nightly.queue.append_blocking(views(0, most + 1)).unwrap_or_else(wait);
        assert_eq!(night.step(), None);
        let mut processor = night.processor;
        processor.drain().expect("drained");
        while night.nightly.queue.gauges().backlog_events > most {
            night.nightly.queue.append_blocking(views(most + 1, 1)).unwrap_or_else(wait);
        }
        assert!(night.nightly.step(&mut Vec::new()).expect("a step").is_some());
    }

    #[test]
    fn thousands_are_parted() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), text);
        }
    }
}
