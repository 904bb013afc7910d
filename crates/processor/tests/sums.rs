//! What readers remember of days and months is what the rows say, whatever was written in between.

use std::collections::BTreeMap;

use weir_event::{Event, Grain, LocalDay, Millis, SiteId};
use weir_rollups::{Counters, Statistic, ValueId};
use weir_store::{Reading, StoreError, StoreReader, Sums};
use weir_testkit::page_view;

use crate::world::{Put, World};

/// A midnight in UTC.
const MIDNIGHT: Millis = Millis(1_780_012_800_000);

/// A statistic's rows: by bucket and value.
type Rows = BTreeMap<(i64, ValueId), Counters>;

/// Compares, for every statistic of a site and several ranges, sums with rows read past what is
/// remembered.
pub fn check_sums(reader: &StoreReader, site: SiteId) {
    let checked = reader.read(|reading| {
        for statistic in Statistic::BY_VALUE {
            for grain in [Grain::Day, Grain::Month] {
                check_statistic(reading, site, statistic, grain)?;
            }
        }
        Ok(())
    });
    checked.expect("read");
}

fn check_statistic(
    reading: &Reading<'_>,
    site: SiteId,
    statistic: Statistic,
    grain: Grain,
) -> Result<(), StoreError> {
    let mut rows = Rows::new();
    let all = (i64::from(i32::MIN), i64::from(i32::MAX));
    reading.table(site, statistic.table(), grain, all.0, all.1, &mut |key, counters| {
        if key.role == statistic.role() && key.second == ValueId::NONE {
            rows.insert((key.bucket, key.value), counters);
        }
        Ok(())
    })?;
    let bucket = |row: Option<(&(i64, ValueId), &Counters)>| row.map_or(0, |((bucket, _), _)| *bucket);
    let (first, last) = (bucket(rows.first_key_value()), bucket(rows.last_key_value()));
    for range in [(first, last), (last, last), (first, last - 1), all] {
        let what = format!("{statistic:?} {grain:?} {range:?} of {site:?}");
        let sums = reading.sums(site, statistic, grain, range, usize::MAX)?.expect("no limit");
        assert_eq!(told(&sums), summed(&rows, range), "{what}");
        let mut found = Rows::new();
        reading.sums_by_bucket(site, statistic, grain, range, &mut |bucket, sums| {
            found.extend(sums.iter().map(|(value, counters)| ((bucket, value), counters)));
        })?;
        let mut expected = rows.clone();
        expected.retain(|(bucket, _), _| range.0 <= *bucket && *bucket <= range.1);
        assert_eq!(found, expected, "{what}, by bucket");
    }
    Ok(())
}

fn told(sums: &Sums) -> BTreeMap<ValueId, Counters> {
    sums.iter().collect()
}

fn summed(rows: &Rows, (from, to): (i64, i64)) -> BTreeMap<ValueId, Counters> {
    let mut sums = BTreeMap::<_, Counters>::new();
    for ((_, value), counters) in rows.iter().filter(|((bucket, _), _)| from <= *bucket && *bucket <= to) {
        *sums.entry(*value).or_default() += *counters;
    }
    sums
}

fn view(n: u64, site: SiteId, time: Millis) -> Event {
    Event { props: format!("{{\"n\":{n}}}"), path: format!("/{}", n % 5), ..page_view(n, site, n, time) }
}

/// A site with something on most of forty days, and nothing remembered of it yet.
fn world() -> (World, SiteId) {
    let mut world = World::new();
    let site = world.site("example.com", "UTC").id;
    for n in (0..40u64).filter(|n| n % 7 != 3) {
        let day = MIDNIGHT + n as i64 * Millis::DAY;
        world.take(&[view(n * 2, site, day), view(n * 2 + 1, site, day + 1)]);
    }
    (world, site)
}

#[test]
fn sums_that_are_remembered_follow_batches_late_events_and_rebuilding() {
    let (mut world, site) = world();
    let reader = world.reader.clone();
    check_sums(&reader, site);
    let now = MIDNIGHT + 39 * Millis::DAY;
    for (n, ago) in [(100, 0), (101, Millis::DAY), (102, 0)] {
        let mut event = view(n, site, now - ago);
        event.received = now + Millis::HOUR;
        event.received_day = LocalDay((event.received.0 / Millis::DAY) as i32);
        world.take(&[event]);
        check_sums(&reader, site);
    }
    world.set_counting("example.com", 5, true);
    world.drain();
    check_sums(&reader, site);
}

/// What somebody did by hand is remembered as well, and must be forgotten once it is put right.
fn check_repair(sql: &str) {
    let (world, site) = world();
    assert!(world.tamper(sql) > 0);
    assert!(!world.verify().is_equal());
    check_sums(&world.reader, site);
    world.rebuild();
    assert!(world.verify().is_equal());
    check_sums(&world.reader, site);
}

#[test]
fn sums_of_rows_that_were_wrong_are_not_told_once_they_are_right() {
    check_repair("UPDATE page_stats SET pageviews = 77 WHERE grain = 1");
    check_repair("UPDATE page_stats SET pageviews = 77 WHERE grain = 2");
    check_repair("DELETE FROM page_stats WHERE grain = 1 AND bucket % 3 = 1");
    // On a day that has nothing, between others.
    check_repair(
        "INSERT INTO page_stats SELECT site, 1, role, bucket + 3, value, 9, 9, 9, 9, 9, 9, 9 FROM page_stats
         WHERE grain = 1 AND bucket = (SELECT min(bucket) FROM page_stats WHERE grain = 1)",
    );
}

#[test]
fn nothing_of_a_removed_site_is_remembered() {
    let (mut world, site) = world();
    let other = world.site("other.test", "UTC");
    world.take(&[view(500, other.id, MIDNIGHT + 39 * Millis::DAY)]);
    let reader = world.reader.clone();
    check_sums(&reader, site);
    let removed = world.registry.site("example.com").expect("there");
    world.remove_site(&removed);
    world.drain();
    check_sums(&reader, site);
    check_sums(&reader, other.id);
    let range = (0, i64::from(i32::MAX));
    let sums = reader.read(|reading| reading.sums(site, Statistic::Page, Grain::Day, range, 9));
    assert_eq!(sums.expect("read").map(|sums| sums.len()), Some(0));
    assert_eq!(world.number(&format!("SELECT count(*) FROM stat_stamps WHERE site = {}", site.0)), 0);
}

/// The same reader on one file after the other: it follows whatever has the name.
#[test]
fn sums_of_one_file_are_not_told_of_another() {
    let (mut world, site) = world();
    let reader = world.reader.clone();
    let before = world.copy("weir.db", "before.db");
    let now = MIDNIGHT + 39 * Millis::DAY;
    world.take(&[view(100, site, now + 2)]);
    check_sums(&reader, site);
    world.restart_with(Put::Same, Put::Copy(before.clone()));
    check_sums(&reader, site);
    // As many changes again, but others: the queue hands over the same row and one more.
    world.take(&[view(101, site, now + 3)]);
    check_sums(&reader, site);
}
