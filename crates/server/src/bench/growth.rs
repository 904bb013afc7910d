//! How large a store gets over years, computed from stores of some weeks that are filled for it.

use weir_event::{LocalDay, Millis, Zone};

use super::filling::{Filling, Past};
use super::report::{Section, figure};
use super::run::Bench;
use super::storage::Room;
use super::stored::EVENTS;
use crate::output;

/// Visits a day that are asked for.
const VISITS_PER_DAY: [(&str, f64); 3] = [("1k", 1_000.0), ("10k", 10_000.0), ("100k", 100_000.0)];

/// Events of a visit, of the traffic that is entered.
const EVENTS_PER_VISIT: f64 = 3.2;

/// Days of which the size is known at first, so that days are sealed as fast as new ones come, and
/// the least and most that are entered.
const DAYS_BEFORE: i32 = 4;
const DAYS: std::ops::RangeInclusive<i32> = 8..=40;

/// How many times as many events as were asked for may be entered for each size.
const EVENTS_TIMES: f64 = 4.0;

const YEAR: f64 = 365.0;
const MIB: f64 = 1024.0 * 1024.0;
const FIRST_DAY: LocalDay = LocalDay(20_000);
const SEED: u64 = 15;

/// A section for each number of visits of which enough days fit into a few times as many events.
pub(super) fn measure(bench: &Bench<'_>, add: &mut dyn FnMut(Section)) -> anyhow::Result<()> {
    let events_max = bench.args.events.unwrap_or(EVENTS) as f64 * EVENTS_TIMES;
    for (name, visits_per_day) in VISITS_PER_DAY {
        let events_per_day = visits_per_day * EVENTS_PER_VISIT;
        let days = (events_max / events_per_day) as i32;
        if days >= *DAYS.start() {
            add(grown(bench, name, events_per_day, days.min(*DAYS.end()))?);
        }
    }
    Ok(())
}

fn grown(bench: &Bench<'_>, name: &str, events_per_day: f64, days: i32) -> anyhow::Result<Section> {
    output::note(&format!("Growth at {name} visits a day: {days} days ..."));
    let end_of = |days: i32| Zone::utc().start_of(LocalDay(FIRST_DAY.0 + days));
    let past =
        Past { first_day: FIRST_DAY, until: end_of(days), events_per_day, events: u64::MAX, seed: SEED };
    let folder = bench.folder()?;
    let mut filling = Filling::begin(bench, folder.path(), &past)?;
    let mut after = |days: i32| -> anyhow::Result<(Room, f64)> {
        let until: Millis = end_of(days);
        filling.enter(until)?;
        Ok((Room::read(&filling.house.store)?, filling.events as f64))
    };
    let (day, _) = after(1)?;
    let (early, early_events) = after(DAYS_BEFORE)?;
    let (late, late_events) = after(days)?;
    let days_between = f64::from(days - DAYS_BEFORE);
    let per_day = (late.lasting() - early.lasting()) / days_between;
    let events_per_day = (late_events - early_events) / days_between;
    let over = |total_days: f64| late.lasting() + late.passing + per_day * (total_days - f64::from(days));
    let figures = vec![
        figure("days_entered", f64::from(days)),
        figure("events_per_day", events_per_day),
        figure("bytes_per_event", per_day / events_per_day),
        figure("last_two_days_mib", late.passing / MIB),
        figure("a_day_mib", (day.lasting() + day.passing) / MIB),
        figure("a_year_mib", over(YEAR) / MIB),
        figure("five_years_mib", over(5.0 * YEAR) / MIB),
    ];
    Ok(Section { name: format!("growth_at_{name}_visits_a_day"), figures })
}
