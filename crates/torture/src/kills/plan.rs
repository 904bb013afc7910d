//! What happens in a cycle, decided beforehand by the seed.

use std::time::Duration;

use weir_fault::Point;

use crate::Dice;

/// Cycles of one data folder.
pub const HOUSE_CYCLES: u64 = 200;

/// Cycles between two inspections of everything that a house holds.
pub(super) const INSPECTED_EVERY: u64 = 25;

/// The first cycles of a house: an empty folder, twice.
const BARE_CYCLES: u64 = 2;

/// Then its past: days that were received long ago, so that days close, are sealed and expire.
pub(super) const PAST_CYCLES: u64 = 16;

/// Cycles of the past after which there are days old enough to expire.
const OLD_AFTER: u64 = 9;

/// Points of a schema's making.
const BARE: [Point; 1] = [Point::SchemaWritten];

/// Points that days reach by growing old.
const AGEING: [Point; 4] =
    [Point::CloseWritten, Point::SealWritten, Point::RetireCommitted, Point::IdsForgotten];
const AGED: [Point; 2] = [Point::AsideExpired, Point::FreezeWritten];

/// All the others, by turns. Each needs something of its own to be laid into the folder, or nothing.
const LIVE: [Point; 18] = [
    Point::OpeningWritten,
    Point::QueueInserted,
    Point::BatchWritten,
    Point::SiteErasing,
    Point::QueueCommitted,
    Point::BatchCommitted,
    Point::RowBuried,
    Point::QueueAnswered,
    Point::RebuildWritten,
    Point::RowsRead,
    Point::IdRemembered,
    Point::ControlDone,
    Point::QueueSettling,
    Point::Folded,
    Point::RebuildCommitted,
    Point::StatisticsWritten,
    Point::SettleAsked,
    Point::MonthWritten,
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub is_past: bool,
    /// What is done to the folder while no server runs.
    pub furnish: Vec<Furnish>,
    pub kill: Kill,
    pub load: Load,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Furnish {
    /// Deliveries of long ago.
    Past,
    /// A site that will not stay, and some of its events.
    AddGuest,
    /// The command that removes it.
    RemoveGuest,
    /// A row that no program can read.
    DamagedRow,
    /// Open days, as another version of the fold has left them.
    OldFold,
    /// Other rules for a site, and the wish to count its days anew by them.
    Refold,
    /// Wishes about rows that were put aside: try them again, or give them up.
    DeadWishes,
    /// A copy of the queue's file is taken.
    CopyQueue,
    /// The queue's file is lost.
    LoseQueue,
    /// The copy is put in its place.
    PutOldQueue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kill {
    AtPoint {
        point: Point,
        passes: u64,
    },
    /// Since the process was started: also before it listens, and while it drains what is left.
    AfterStart(Duration),
    /// Since the first delivery.
    AfterSend(Duration),
    /// Asked to stop after `sending`, and killed `stopping` later if it still runs.
    Stopping {
        sending: Duration,
        stopping: Duration,
    },
}

/// How much is sent, by how many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub senders: usize,
    pub fresh: usize,
    /// Acknowledged events that are sent again on purpose.
    pub again: usize,
    pub seed: u64,
}

impl Plan {
    /// `cycle` counts through all houses.
    pub fn of(seed: u64, cycle: u64) -> Self {
        let (house, cycle_of_house) = (cycle / HOUSE_CYCLES, cycle % HOUSE_CYCLES);
        let mut dice = Dice::of(seed, cycle);
        let turn = cycle_of_house / 2;
        let is_past = (BARE_CYCLES..BARE_CYCLES + PAST_CYCLES).contains(&cycle_of_house);
        // Another seed and another house begin elsewhere.
        let shift = Dice::of(seed, u64::MAX - house).throw() % 64;
        let kill = match cycle_of_house % 2 {
            0 => at_point(cycle_of_house, turn, shift),
            _ if cycle_of_house < BARE_CYCLES => Kill::AfterStart(Duration::from_micros(dice.below(15_000))),
            _ => at_random(&mut dice, is_past),
        };
        let furnish = furnish(seed, cycle, is_past, kill);
        let load = match is_past || cycle_of_house < BARE_CYCLES {
            true => Load { senders: 0, fresh: 0, again: 0, seed: dice.throw() },
            false => Load {
                senders: 1 + dice.index(4),
                fresh: 10 + dice.index(50),
                again: dice.index(10),
                seed: dice.throw(),
            },
        };
        Self { is_past, furnish, kill, load }
    }
}

fn at_point(cycle_of_house: u64, turn: u64, shift: u64) -> Kill {
    let aged_from = BARE_CYCLES + OLD_AFTER;
    let live_from = BARE_CYCLES + PAST_CYCLES;
    let (points, turn): (&[Point], u64) = match cycle_of_house {
        c if c < BARE_CYCLES => (&BARE, turn),
        c if c < aged_from => (&AGEING, turn),
        c if c < live_from => (&AGED, turn - aged_from / 2),
        _ => (&LIVE, turn - live_from / 2),
    };
    let n = points.len() as u64;
    let point = points[((turn + shift) % n) as usize];
    let passes = 1 + (turn / n + shift) % passes_max(point);
    Kill::AtPoint { point, passes }
}

/// How often a point is passed in one short life, at least now and then.
fn passes_max(point: Point) -> u64 {
    match point {
        Point::IdRemembered => 30,
        Point::SiteErasing => 20,
        Point::QueueInserted | Point::QueueCommitted | Point::QueueAnswered => 8,
        Point::SealWritten | Point::CloseWritten | Point::RetireCommitted => 6,
        Point::SchemaWritten | Point::FreezeWritten | Point::RebuildWritten | Point::RebuildCommitted => 4,
        Point::RowsRead
        | Point::Folded
        | Point::StatisticsWritten
        | Point::BatchWritten
        | Point::BatchCommitted
        | Point::SettleAsked => 2,
        Point::QueueSettling
        | Point::AsideExpired
        | Point::IdsForgotten
        | Point::RowBuried
        | Point::OpeningWritten
        | Point::ControlDone
        | Point::MonthWritten => 1,
    }
}

fn at_random(dice: &mut Dice, is_past: bool) -> Kill {
    let mut within = |micros| Duration::from_micros(dice.below(micros));
    let (start, drain, send, soon, stop) =
        (within(15_000), within(150_000), within(120_000), within(8_000), within(40_000));
    match (is_past, dice.below(5)) {
        (_, 0) => Kill::AfterStart(start),
        (_, 1) | (true, _) => Kill::AfterStart(drain),
        (false, 2) => Kill::AfterSend(soon),
        (false, 3) => Kill::AfterSend(send),
        (false, _) => Kill::Stopping { sending: send / 2, stopping: stop },
    }
}

fn furnish(seed: u64, cycle: u64, is_past: bool, kill: Kill) -> Vec<Furnish> {
    let next = cycle + 1;
    // A guest comes in the cycle before the one that removes it. Only even cycles remove one, so this
    // asks for one plan more and no further.
    let next_removes = !cycle.is_multiple_of(2)
        && !next.is_multiple_of(HOUSE_CYCLES)
        && Plan::of(seed, next).furnish.contains(&Furnish::RemoveGuest);
    let needed: &[Furnish] = match kill {
        _ if is_past => &[Furnish::Past],
        Kill::AtPoint { point, .. } => needed_by(point, Dice::of(!seed, cycle).flip()),
        _ if cycle % HOUSE_CYCLES < BARE_CYCLES => &[],
        _ => by_chance(&mut Dice::of(!seed, cycle)),
    };
    needed.iter().copied().chain(next_removes.then_some(Furnish::AddGuest)).collect()
}

/// What happens to a folder now and then, before a kill at a random moment.
fn by_chance(dice: &mut Dice) -> &'static [Furnish] {
    match dice.below(24) {
        0..4 => &[Furnish::DeadWishes],
        4..8 => &[Furnish::DamagedRow],
        8..10 => &[Furnish::CopyQueue],
        10 => &[Furnish::LoseQueue],
        11 => &[Furnish::PutOldQueue],
        _ => &[],
    }
}

/// What makes a server come to a point; of two kinds of wishes one or the other.
fn needed_by(point: Point, either: bool) -> &'static [Furnish] {
    match point {
        Point::RowBuried => &[Furnish::DamagedRow],
        Point::SiteErasing => &[Furnish::RemoveGuest],
        Point::ControlDone if either => &[Furnish::RemoveGuest, Furnish::DeadWishes],
        Point::RebuildWritten | Point::RebuildCommitted if either => &[Furnish::OldFold, Furnish::Refold],
        Point::ControlDone => &[Furnish::DeadWishes, Furnish::Refold],
        Point::MonthWritten | Point::RebuildWritten | Point::RebuildCommitted => &[Furnish::Refold],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn plans(seed: u64, cycles: u64) -> Vec<Plan> {
        (0..cycles).map(|cycle| Plan::of(seed, cycle)).collect()
    }

    fn points(plans: &[Plan]) -> HashSet<Point> {
        let of = |plan: &Plan| match plan.kill {
            Kill::AtPoint { point, .. } => Some(point),
            _ => None,
        };
        plans.iter().filter_map(of).collect()
    }

    #[test]
    fn a_seed_plans_the_same_again_and_another_one_something_else() {
        let cycles = 2 * HOUSE_CYCLES;
        assert_eq!(plans(1, cycles), plans(1, cycles));
        assert_ne!(plans(1, cycles), plans(2, cycles));
        assert_ne!(plans(1, HOUSE_CYCLES), plans(1, cycles)[HOUSE_CYCLES as usize..]);
    }

    #[test]
    fn a_short_run_goes_through_every_point() {
        for seed in 1..50 {
            let planned = points(&plans(seed, 60));
            let missing: Vec<_> = Point::ALL.iter().filter(|point| !planned.contains(point)).collect();
            assert!(missing.is_empty(), "seed {seed} never asks for {missing:?}");
        }
    }

    #[test]
    fn half_of_the_kills_are_at_points_with_all_their_counts() {
        let plans = plans(1, 50 * HOUSE_CYCLES);
        let at_points = plans.iter().filter(|plan| matches!(plan.kill, Kill::AtPoint { .. })).count();
        assert_eq!(at_points, plans.len() / 2);
        for point in Point::ALL {
            let counts: HashSet<u64> = plans
                .iter()
                .filter_map(|plan| match plan.kill {
                    Kill::AtPoint { point: of, passes } if of == point => Some(passes),
                    _ => None,
                })
                .collect();
            assert_eq!(counts, (1..=passes_max(point)).collect(), "{point:?}");
        }
    }

    #[test]
    fn who_is_removed_has_come_in_the_cycle_before() {
        for seed in 1..20 {
            for pair in plans(seed, 10 * HOUSE_CYCLES).windows(2) {
                let comes = pair[0].furnish.contains(&Furnish::AddGuest);
                assert_eq!(comes, pair[1].furnish.contains(&Furnish::RemoveGuest), "seed {seed}: {pair:?}");
            }
        }
    }
}
