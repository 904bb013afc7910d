//! Sums of days and months that readers remember, and how they know that these still hold.

use std::hash::Hasher;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustc_hash::FxHasher;
use weir_event::{Grain, SiteId, limits};
use weir_rollups::{Statistic, ValueId};

use super::batch::Batch;
use super::reader::Reading;
use super::stats;
use crate::sums::{Adding, Packing};
use crate::{StoreError, Sums};

/// What sums are remembered at once, more or less: the cache sizes its tables by it.
const KEPT_ESTIMATE: usize = 4_096;

/// What an entry takes beside its sums.
const ENTRY_BYTES: usize = 128;

/// The last buckets of a range, which are today and yesterday mostly: today changes with every batch,
/// yesterday with what comes late. The sum of those before is remembered beside the whole.
const MOVING: i64 = 2;

/// Buckets of one statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    site: SiteId,
    statistic: Statistic,
    grain: Grain,
    /// First and last bucket.
    range: (i64, i64),
}

/// What the statistics of some buckets are at. Equal twice, nothing of them has changed in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(u64);

/// Sums that were asked for lately, bounded in bytes. What is in here was read from committed rows,
/// and is used only where the rows' stamp is what it was then.
pub(super) struct KeptSums(Cache<Place, (Stamp, Arc<Sums>), Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<Place, (Stamp, Arc<Sums>)> for Weight {
    fn weight(&self, _: &Place, (_, sums): &(Stamp, Arc<Sums>)) -> u64 {
        (ENTRY_BYTES + sums.bytes()) as u64
    }
}

impl KeptSums {
    pub fn new() -> Self {
        Self(Cache::with_weighter(KEPT_ESTIMATE, limits::KEPT_SUMS_BYTES_MAX as u64, Weight))
    }

    pub fn clear(&self) {
        self.0.clear();
    }

    fn get(&self, place: &Place, stamp: Stamp) -> Option<Arc<Sums>> {
        self.0.get(place).filter(|(of, _)| *of == stamp).map(|(_, sums)| sums)
    }

    fn keep(&self, place: Place, stamp: Stamp, sums: &Arc<Sums>) {
        self.0.insert(place, (stamp, Arc::clone(sums)));
    }
}

impl Stamp {
    /// Buckets without a stamp hold nothing, and get one with their first row.
    fn of(stamps: &[(i64, i64)]) -> Self {
        let mut hasher = FxHasher::default();
        for (bucket, stamp) in stamps {
            hasher.write_i64(*bucket);
            hasher.write_i64(*stamp);
        }
        Self(hasher.finish())
    }
}

impl Place {
    fn bucket(self, bucket: i64) -> Self {
        Self { range: (bucket, bucket), ..self }
    }
}

impl Reading<'_> {
    /// The sums of a statistic's rows with buckets in `range`, both included; rows with a second value
    /// are left out. `None` where there are more than `max` values. Of days and months: hours are not
    /// stamped.
    pub fn sums(
        &self,
        site: SiteId,
        statistic: Statistic,
        grain: Grain,
        range: (i64, i64),
        max: usize,
    ) -> Result<Option<Arc<Sums>>, StoreError> {
        let whole = Place { site, statistic, grain, range };
        let stamps = self.stamps(whole)?;
        let (from, to) = range;
        let (steady, moving) = stamps.split_at(stamps.partition_point(|(bucket, _)| *bucket <= to - MOVING));
        self.remembered(whole, &stamps, max, |adding| {
            if steady.len() < 2 {
                return self.each_bucket(whole, &stamps, &mut |_, sums| adding.add(sums));
            }
            let before = Place { range: (from, to - MOVING), ..whole };
            let sums = self.remembered(before, steady, max, |adding| {
                self.each_bucket(before, steady, &mut |_, sums| adding.add(sums))
            })?;
            let Some(sums) = sums else {
                adding.give_up();
                return Ok(());
            };
            adding.add(&sums);
            let after = Place { range: (to - MOVING + 1, to), ..whole };
            self.each_bucket(after, moving, &mut |_, sums| adding.add(sums))
        })
    }

    /// Sums that are remembered, else those that `add` adds up, which then are. `None` as for
    /// [`Self::sums`].
    fn remembered(
        &self,
        place: Place,
        stamps: &[(i64, i64)],
        max: usize,
        add: impl FnOnce(&mut Adding) -> Result<(), StoreError>,
    ) -> Result<Option<Arc<Sums>>, StoreError> {
        let stamp = Stamp::of(stamps);
        if let Some(sums) = self.kept().get(&place, stamp) {
            return Ok(Some(sums).filter(|sums| sums.len() <= max));
        }
        let mut adding = Adding::new(max);
        add(&mut adding)?;
        let Some(sums) = adding.finish().map(Arc::new) else { return Ok(None) };
        // Without any: perhaps a site that is being removed, whose stamps go first.
        if !stamps.is_empty() {
            self.kept().keep(place, stamp, &sums);
        }
        Ok(Some(sums))
    }

    /// The same, bucket by bucket, in no order.
    pub fn sums_by_bucket(
        &self,
        site: SiteId,
        statistic: Statistic,
        grain: Grain,
        range: (i64, i64),
        each: &mut dyn FnMut(i64, &Sums),
    ) -> Result<(), StoreError> {
        let place = Place { site, statistic, grain, range };
        self.each_bucket(place, &self.stamps(place)?, each)
    }

    /// (bucket, stamp), ascending.
    fn stamps(&self, place: Place) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = "SELECT bucket, stamp FROM stat_stamps
                   WHERE site = ?1 AND grain = ?2 AND bucket BETWEEN ?3 AND ?4 ORDER BY bucket";
        let mut statement = self.conn().prepare_cached(sql)?;
        let (from, to) = place.range;
        let mut rows = statement.query((place.site.0, place.grain as u8, from, to))?;
        let mut stamps = Vec::new();
        while let Some(row) = rows.next()? {
            stamps.push((row.get(0)?, row.get(1)?));
        }
        Ok(stamps)
    }

    fn each_bucket(
        &self,
        place: Place,
        stamps: &[(i64, i64)],
        each: &mut dyn FnMut(i64, &Sums),
    ) -> Result<(), StoreError> {
        let (mut next, to) = place.range;
        let mut unread = 0;
        for (n, (bucket, _)) in stamps.iter().enumerate() {
            let stamp = Stamp::of(&stamps[n..=n]);
            let Some(sums) = self.kept().get(&place.bucket(*bucket), stamp) else { continue };
            if next < *bucket {
                self.read_buckets(place, (next, bucket - 1), &stamps[unread..n], each)?;
            }
            each(*bucket, &sums);
            (next, unread) = (bucket + 1, n + 1);
        }
        if next <= to {
            self.read_buckets(place, (next, to), &stamps[unread..], each)?;
        }
        Ok(())
    }

    /// Sums up rows, and remembers what has a stamp. `stamps` are those of the range.
    fn read_buckets(
        &self,
        place: Place,
        range: (i64, i64),
        stamps: &[(i64, i64)],
        each: &mut dyn FnMut(i64, &Sums),
    ) -> Result<(), StoreError> {
        let mut open: Option<(i64, Packing)> = None;
        let mut close = |bucket: i64, packing: Packing| {
            let sums = Arc::new(packing.finish());
            each(bucket, &sums);
            if let Ok(n) = stamps.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
                self.kept().keep(place.bucket(bucket), Stamp::of(&stamps[n..=n]), &sums);
            }
        };
        let Place { site, statistic, grain, .. } = place;
        stats::read_statistic(self.conn(), site, statistic, grain, range, &mut |row| {
            if open.as_ref().is_none_or(|(bucket, _)| *bucket != row.bucket)
                && let Some((bucket, packing)) = open.replace((row.bucket, Packing::default()))
            {
                close(bucket, packing);
            }
            if let Some((_, packing)) = open.as_mut().filter(|_| row.second == ValueId::NONE) {
                packing.push(row.value, &row.counters);
            }
        })?;
        if let Some((bucket, packing)) = open {
            close(bucket, packing);
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Has a bucket's stamp drawn anew when the batch commits. Every change of a row of days or months
    /// must come by here: sums that are remembered are checked against nothing else.
    pub(super) fn stamp(&mut self, site: SiteId, grain: Grain, bucket: i64) {
        if grain != Grain::Hour {
            self.stamped.insert((site, grain, bucket));
        }
    }

    /// The same for all of a site's buckets. Rows that are in no bucket's count, and so under no stamp,
    /// may be in the sums of a range that it lies in.
    pub(super) fn stamp_all(&mut self, site: SiteId, grain: Grain) -> Result<(), StoreError> {
        let sql = "UPDATE stat_stamps SET stamp = random() WHERE site = ?1 AND grain = ?2";
        self.tx.prepare_cached(sql)?.execute((site.0, grain as u8))?;
        Ok(())
    }

    pub(super) fn write_stamps(&mut self) -> Result<(), StoreError> {
        let sql = "INSERT INTO stat_stamps (site, grain, bucket, stamp) VALUES (?1, ?2, ?3, random())
                   ON CONFLICT DO UPDATE SET stamp = excluded.stamp";
        let mut statement = self.tx.prepare_cached(sql)?;
        for (site, grain, bucket) in std::mem::take(&mut self.stamped) {
            statement.execute((site.0, grain as u8, bucket))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use weir_rollups::Counters;

    use super::*;

    fn place(bucket: i64) -> Place {
        Place { site: SiteId(1), statistic: Statistic::Page, grain: Grain::Day, range: (bucket, bucket) }
    }

    fn sums(rows: u32) -> Arc<Sums> {
        let mut packing = Packing::default();
        let counters = Counters { visitors: i64::MAX / 2, visits: i64::MAX / 2, ..Counters::default() };
        (0..rows).for_each(|value| packing.push(ValueId(value), &counters));
        Arc::new(packing.finish())
    }

    #[test]
    fn sums_that_are_remembered_are_bounded_in_bytes() {
        let kept = KeptSums::new();
        let max = limits::KEPT_SUMS_BYTES_MAX as u64;
        let one = sums(500);
        let weight = (ENTRY_BYTES + one.bytes()) as u64;
        let fit = max / weight;
        for bucket in 0..fit as i64 {
            kept.keep(place(bucket), Stamp(1), &one);
            assert!(kept.0.weight() <= max);
        }
        // Shards fill unevenly, but not by much.
        assert!(kept.0.weight() > max / 2, "{}", kept.0.weight());
        for bucket in 0..2 * fit as i64 {
            kept.keep(place(bucket), Stamp(1), &one);
            assert!(kept.0.weight() <= max, "past the limit older ones go");
        }
        kept.keep(place(-1), Stamp(1), &sums(1_000_000));
        assert!(kept.get(&place(-1), Stamp(1)).is_none(), "larger than all there is room for");
    }

    #[test]
    fn sums_are_used_only_under_the_stamp_they_were_made_under() {
        let kept = KeptSums::new();
        kept.keep(place(1), Stamp(7), &sums(1));
        assert_eq!(kept.get(&place(1), Stamp(7)), Some(sums(1)));
        assert_eq!(kept.get(&place(1), Stamp(8)), None);
        assert_eq!(kept.get(&place(2), Stamp(7)), None);
        let of = Stamp::of;
        assert_ne!(of(&[(1, 5), (2, 6)]), of(&[(1, 6), (2, 5)]), "whose stamp it is");
        assert_ne!(of(&[(1, 5)]), of(&[(1, 5), (2, 0)]), "how many there are");
        assert_ne!(of(&[(1, 5)]), of(&[(2, 5)]), "of which bucket");
    }
}
