//! Houses one after the other, until the cycles are done or a promise is broken.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::house::House;
use super::plan::{HOUSE_CYCLES, INSPECTED_EVERY};
use super::server::Program;
use super::tally::{Report, Tally};

/// What is wanted of a run.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub seed: u64,
    pub cycles: u64,
    /// The run begins with the house of this cycle.
    pub from: u64,
    pub program: Program,
}

/// Runs the cycles. `progress` hears (cycles done, time so far) after each.
///
/// # Errors
/// [`super::Broken`] where a promise was not kept; anything else could not be done.
pub fn run(wanted: &Wanted, progress: &mut dyn FnMut(u64, Duration)) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let first = wanted.from - wanted.from % HOUSE_CYCLES;
    let end = first + wanted.cycles;
    let mut tally = Tally::default();
    let mut cycle = first;
    while cycle < end {
        let mut house = House::build(&wanted.program, wanted.seed, cycle / HOUSE_CYCLES)?;
        let house_end = (cycle + HOUSE_CYCLES).min(end);
        let lived = live(&mut house, cycle..house_end, first, &mut tally, &mut |done| {
            progress(done, begun.elapsed())
        });
        house.tell(&mut tally);
        if let Err(error) = lived {
            return match error.downcast_ref::<super::Broken>() {
                Some(_) => Err(error),
                None => Err(error).with_context(|| format!("see {}", house.keep().display())),
            };
        }
        cycle = house_end;
    }
    Ok(tally.report(wanted.seed, begun.elapsed()))
}

fn live(
    house: &mut House,
    cycles: std::ops::Range<u64>,
    first: u64,
    tally: &mut Tally,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<()> {
    let last = cycles.end - 1;
    for cycle in cycles {
        house.cycle(cycle, tally)?;
        // The first cycle of a run dies in the making of a schema, if it can.
        if cycle == first && tally.died_at_points() == 0 {
            bail!("the program is not armed: build it with `cargo build -p weir -p weir-torture`");
        }
        if (cycle + 1).is_multiple_of(INSPECTED_EVERY) || cycle == last {
            house.inspect(cycle, tally)?;
        }
        progress(cycle + 1 - first);
    }
    Ok(())
}
