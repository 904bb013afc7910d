use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use weir_event::{Clock, EventId, Reason, limits};

use crate::followed::Followed;
use crate::{Asked, Fate, Sighting, Told};

/// Who asks, who is asked about, and what is known of it. Clones share everything.
#[derive(Clone)]
pub struct Verdicts(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    /// How many watch: the edge looks at this for each delivery, and at nothing else while it is 0.
    watching: AtomicUsize,
    /// Whether any event is followed: the processor looks at this for each batch.
    following: AtomicBool,
    numbers: AtomicU64,
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    watches: Vec<(u64, Who, mpsc::Sender<Told>)>,
    followed: Followed,
}

/// An address and a user agent, as a hash that means nothing outside this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who(u64);

/// Somebody who watches what comes from one address and browser. Dropped, it ends.
pub struct Watch {
    verdicts: Verdicts,
    n: u64,
    told: mpsc::Receiver<Told>,
}

/// One event of a delivery, as far as it was judged at the edge.
#[derive(Debug, Clone)]
pub struct Seen {
    pub sighting: Sighting,
    /// `None` of one that was taken.
    pub refused: Option<Reason>,
}

/// As many watch as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyWatches;

impl Verdicts {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        // Above all that a process before this one has given: a page outlives a restart.
        let first = u64::try_from(clock.now().0).unwrap_or(0).saturating_mul(1_000);
        Self(Arc::new(Shared {
            clock,
            hasher: RandomState::new(),
            watching: AtomicUsize::new(0),
            following: AtomicBool::new(false),
            numbers: AtomicU64::new(first),
            board: Mutex::default(),
        }))
    }

    pub fn who(&self, ip: IpAddr, user_agent: &[u8]) -> Who {
        Who(self.0.hasher.hash_one((ip, user_agent)))
    }

    /// Begins to watch.
    ///
    /// # Errors
    /// [`TooManyWatches`].
    pub fn watch(&self, who: Who) -> Result<Watch, TooManyWatches> {
        let (sender, told) = mpsc::channel(limits::WATCH_MESSAGES_MAX);
        let mut board = self.board();
        if board.watches.len() >= limits::WATCHES_MAX {
            return Err(TooManyWatches);
        }
        let n = self.number();
        board.watches.push((n, who, sender));
        self.0.watching.store(board.watches.len(), Ordering::Relaxed);
        drop(board);
        Ok(Watch { verdicts: self.clone(), n, told })
    }

    /// Whether anybody watches anything: the one question that every delivery asks.
    pub fn is_watching(&self) -> bool {
        self.0.watching.load(Ordering::Relaxed) > 0
    }

    pub fn is_watched(&self, who: Who) -> bool {
        self.board().watches.iter().any(|(_, watched, _)| *watched == who)
    }

    /// The events that were taken are on their way: said before the queue has them, since what becomes
    /// of them may be known a moment after.
    pub fn begin(&self, who: Option<Who>, seen: &[Seen]) {
        let now = self.0.clock.now();
        let mut board = self.board();
        for id in seen.iter().filter_map(|seen| seen.sighting.id) {
            let n = self.number();
            board.followed.begin(id, n, now, who);
        }
        self.0.following.store(!board.followed.is_empty(), Ordering::Relaxed);
    }

    /// The queue would not have them: they come again.
    pub fn give_up(&self, seen: &[Seen]) {
        let mut board = self.board();
        for id in seen.iter().filter_map(|seen| seen.sighting.id) {
            board.followed.give_up(id);
        }
    }

    /// The delivery is answered: tells those who watch its sender, and settles what was refused.
    pub fn answered(&self, who: Option<Who>, seen: Vec<Seen>) {
        let now = self.0.clock.now();
        let mut board = self.board();
        for Seen { sighting, refused } in seen {
            let refused = refused.map(|reason| Fate::of(weir_event::Verdict::Not(reason)));
            if let (Some(id), Some(fate)) = (sighting.id, &refused) {
                board.followed.settle(id, fate);
            }
            let known = sighting.id.and_then(|id| board.followed.announce(id));
            let known = known.or_else(|| refused.map(|fate| (self.number(), fate)));
            let (Some(who), Some((n, fate))) = (who, known) else { continue };
            board.tell(who, &Told::Event { n, at: now, sighting, fate });
        }
    }

    /// A whole delivery was refused.
    pub fn refused(&self, who: Who, reason: Reason) {
        let (n, at) = (self.number(), self.0.clock.now());
        self.board().tell(who, &Told::Delivery { n, at, reason });
    }

    /// Whether anybody asks about any event: the one question that every batch asks.
    pub fn is_following(&self) -> bool {
        self.0.following.load(Ordering::Relaxed)
    }

    pub fn follows(&self, id: EventId) -> bool {
        self.board().followed.has(id)
    }

    /// What has become of events; said once it is on disk.
    pub fn settle(&self, fates: &[(EventId, Fate)]) {
        let mut board = self.board();
        for (id, fate) in fates {
            if let Some((n, who)) = board.followed.settle(*id, fate) {
                board.tell(who, &Told::Fate { n, fate: fate.clone() });
            }
        }
    }

    /// What is known of these; those that are not followed are left out.
    pub fn ask(&self, ids: &[EventId]) -> Vec<Asked> {
        self.forget_old();
        let board = self.board();
        let asked = |id: &EventId| board.followed.fate(*id).map(|fate| Asked { id: *id, fate: fate.clone() });
        ids.iter().filter_map(asked).collect()
    }

    /// Meant to be called every second: what is not asked about in time is not held either.
    pub fn forget_old(&self) {
        if self.is_following() {
            let mut board = self.board();
            board.followed.forget_before(self.0.clock.now() - limits::FOLLOWED_MS_MAX);
            self.0.following.store(!board.followed.is_empty(), Ordering::Relaxed);
        }
    }

    /// Events held, places included that wait to be given up.
    pub fn held(&self) -> usize {
        self.board().followed.len()
    }

    fn number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    /// A watch that does not read as fast as its events come misses some.
    fn tell(&self, who: Who, told: &Told) {
        for (_, _, sender) in self.watches.iter().filter(|(_, watched, _)| *watched == who) {
            let _ = sender.try_send(told.clone());
        }
    }
}

impl Watch {
    /// The next thing that is known of an event; waits for it.
    pub async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut board = self.verdicts.board();
        board.watches.retain(|(n, ..)| *n != self.n);
        self.verdicts.0.watching.store(board.watches.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use weir_event::{Kind, Millis, SiteId, Verdict};
    use weir_testkit::TestClock;

    use super::*;
    use crate::BotRule;

    const STORED: Fate = Fate { verdict: Verdict::Stored, rule: None };

    fn verdicts() -> (Verdicts, TestClock) {
        let clock = TestClock::at(Millis(1_780_000_000_000));
        (Verdicts::new(Arc::new(clock.clone())), clock)
    }

    fn id(n: u64) -> EventId {
        EventId::from_parts(n, [7; 10])
    }

    fn seen(n: u64, refused: Option<Reason>) -> Seen {
        let url = "https://example.com/a".to_owned();
        let sighting = Sighting {
            id: Some(id(n)),
            site: Some(SiteId(1)),
            kind: Kind::PageView,
            url,
            name: String::new(),
        };
        Seen { sighting, refused }
    }

    /// As the edge says it of a delivery that is taken.
    fn deliver(verdicts: &Verdicts, who: Option<Who>, seen: Vec<Seen>) {
        verdicts.begin(who, &seen);
        verdicts.answered(who, seen);
    }

    fn told(watch: &mut Watch) -> Vec<(u64, Verdict)> {
        let mut all = Vec::new();
        while let Ok(told) = watch.told.try_recv() {
            all.push(match told {
                Told::Event { n, fate, .. } | Told::Fate { n, fate } => (n, fate.verdict),
                Told::Delivery { n, reason, .. } => (n, Verdict::Not(reason)),
            });
        }
        all
    }

    fn asked(verdicts: &Verdicts, n: u64) -> Option<Verdict> {
        verdicts.ask(&[id(n)]).first().map(|asked| asked.fate.verdict)
    }

    #[test]
    fn an_event_is_told_to_those_who_watch_its_sender_and_to_nobody_else() {
        let (verdicts, _) = verdicts();
        let me = verdicts.who([192, 0, 2, 1].into(), b"Firefox");
        let other = verdicts.who([192, 0, 2, 1].into(), b"Chrome");
        assert!(!verdicts.is_watching());
        let (mut mine, mut others) =
            (verdicts.watch(me).expect("room"), verdicts.watch(other).expect("room"));
        assert!(verdicts.is_watching() && verdicts.is_watched(me));

        deliver(&verdicts, Some(me), vec![seen(1, None), seen(2, Some(Reason::TooOld))]);
        verdicts.settle(&[(id(1), Fate::bot(BotRule::Driven)), (id(2), STORED), (id(3), STORED)]);
        let [(first, Verdict::Waiting), (_, Verdict::Not(Reason::TooOld)), (again, fate)] =
            told(&mut mine)[..]
        else {
            panic!("three things are told");
        };
        assert_eq!((first, fate), (again, Verdict::Not(Reason::Bot)));
        verdicts.refused(me, Reason::RateLimited);
        assert_eq!(told(&mut mine).len(), 1);
        assert_eq!(told(&mut others), []);

        drop((mine, others));
        assert!(!verdicts.is_watching() && !verdicts.is_watched(me));
    }

    #[test]
    fn a_fate_that_is_known_before_the_answer_is_told_with_the_event() {
        let (verdicts, _) = verdicts();
        let me = verdicts.who([192, 0, 2, 1].into(), b"");
        let mut watch = verdicts.watch(me).expect("room");
        verdicts.begin(Some(me), &[seen(1, None)]);
        verdicts.settle(&[(id(1), STORED)]);
        assert_eq!(told(&mut watch), []);
        verdicts.answered(Some(me), vec![seen(1, None)]);
        assert!(matches!(told(&mut watch)[..], [(_, Verdict::Stored)]));
    }

    #[test]
    fn an_event_that_comes_again_has_a_fate_of_its_own() {
        let (verdicts, _) = verdicts();
        deliver(&verdicts, None, vec![seen(1, None)]);
        verdicts.settle(&[(id(1), STORED)]);
        assert_eq!(asked(&verdicts, 1), Some(Verdict::Stored));
        deliver(&verdicts, None, vec![seen(1, None)]);
        assert_eq!(asked(&verdicts, 1), Some(Verdict::Waiting));
        verdicts.settle(&[(id(1), Fate::of(Verdict::Duplicate))]);
        assert_eq!(asked(&verdicts, 1), Some(Verdict::Duplicate));
    }

    #[test]
    fn of_two_copies_on_their_way_at_once_the_one_that_counts_is_told() {
        let (verdicts, _) = verdicts();
        deliver(&verdicts, None, vec![seen(1, None)]);
        deliver(&verdicts, None, vec![seen(1, None)]);
        verdicts.settle(&[(id(1), STORED), (id(1), Fate::of(Verdict::Duplicate))]);
        assert_eq!(asked(&verdicts, 1), Some(Verdict::Stored));
    }

    #[test]
    fn what_the_queue_would_not_have_is_nobody_s() {
        let (verdicts, _) = verdicts();
        verdicts.begin(None, &[seen(1, None)]);
        verdicts.give_up(&[seen(1, None)]);
        assert_eq!(asked(&verdicts, 1), None);
    }

    #[test]
    fn an_event_can_be_asked_about_for_a_while_and_is_forgotten_then() {
        let (verdicts, clock) = verdicts();
        deliver(&verdicts, None, vec![seen(1, None)]);
        assert!(verdicts.is_following() && verdicts.follows(id(1)));
        clock.advance_ms(limits::FOLLOWED_MS_MAX);
        assert_eq!(asked(&verdicts, 1), Some(Verdict::Waiting));
        clock.advance_ms(1);
        assert_eq!(asked(&verdicts, 1), None);
        assert!(!verdicts.is_following());
        assert_eq!(verdicts.held(), 0);
    }

    #[test]
    fn as_many_events_are_followed_as_may_be_and_one_more_is_for_the_oldest() {
        let (verdicts, clock) = verdicts();
        let max = limits::FOLLOWED_MAX as u64;
        deliver(&verdicts, None, (0..max).map(|n| seen(n, None)).collect());
        assert_eq!((asked(&verdicts, 0), verdicts.held() as u64), (Some(Verdict::Waiting), max));
        deliver(&verdicts, None, vec![seen(max, None)]);
        assert_eq!((asked(&verdicts, 0), verdicts.held() as u64), (None, max));
        assert_eq!(asked(&verdicts, max), Some(Verdict::Waiting));
        // The same one again and again takes places, too, and gives them back in time.
        for _ in 0..2 * max {
            verdicts.settle(&[(id(max), STORED)]);
            deliver(&verdicts, None, vec![seen(max, None)]);
        }
        assert!(verdicts.held() as u64 <= max);
        assert_eq!(asked(&verdicts, max), Some(Verdict::Waiting));
        clock.advance_ms(limits::FOLLOWED_MS_MAX + 1);
        verdicts.forget_old();
        assert_eq!(verdicts.held(), 0);
    }

    #[test]
    fn as_many_watch_as_may_and_one_more_is_refused_until_one_leaves() {
        let (verdicts, _) = verdicts();
        let me = verdicts.who([192, 0, 2, 1].into(), b"");
        let mut watches: Vec<Watch> =
            (0..limits::WATCHES_MAX).map(|_| verdicts.watch(me).expect("room")).collect();
        assert!(verdicts.watch(me).is_err());
        watches.pop();
        assert!(verdicts.watch(me).is_ok());
    }

    #[test]
    fn a_watch_that_does_not_read_misses_what_is_more_than_it_may_have_waiting() {
        let (verdicts, _) = verdicts();
        let me = verdicts.who([192, 0, 2, 1].into(), b"");
        let mut watch = verdicts.watch(me).expect("room");
        let max = limits::WATCH_MESSAGES_MAX as u64;
        deliver(&verdicts, Some(me), (0..=max).map(|n| seen(n, None)).collect());
        assert_eq!(told(&mut watch).len() as u64, max);
    }
}
