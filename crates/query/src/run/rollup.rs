use weir_event::limits::QUERY_GROUPS_MAX;
use weir_event::{Grain, LocalDay, Millis};
use weir_rollups::{Counters, Statistic, ValueId};
use weir_store::{Reading, StoreError, Sums};

use super::leaves::Test;
use super::{Asking, Group, Groups};
use crate::Piece;
use crate::parse::{Dimension, Interval};

/// Sums rows of one statistic.
pub(crate) struct Rows<'a> {
    asking: &'a Asking<'a>,
    statistic: Statistic,
    leaves: &'a [Test],
    /// The answer tells the statistic's values apart.
    tells_values: bool,
}

impl<'a> Rows<'a> {
    pub fn new(asking: &'a Asking<'a>, statistic: Statistic, leaves: &'a [Test]) -> Self {
        let told = |dimension: &Dimension| matches!(dimension, Dimension::Of(_));
        let tells_values = asking.question.dimensions.iter().any(told);
        Self { asking, statistic, leaves, tells_values }
    }

    /// Pieces that only the log can tell are left to it.
    pub fn read(
        &self,
        reading: &Reading<'_>,
        pieces: &[Piece],
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        for piece in pieces {
            let Some((grain, from, to)) = self.buckets(reading, *piece)? else { continue };
            if grain == Grain::Hour {
                reading.stats(self.asking.site.id, self.statistic, grain, from, to, &mut |row| {
                    if row.second == ValueId::NONE {
                        self.add(
                            self.bucket(grain, row.bucket),
                            row.value,
                            self.of_hour(row.counters),
                            groups,
                        );
                    }
                })?;
            } else {
                self.sums(reading, grain, (from, to), groups)?;
            }
        }
        Ok(())
    }

    fn sums(
        &self,
        reading: &Reading<'_>,
        grain: Grain,
        range: (i64, i64),
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        let (site, statistic) = (self.asking.site.id, self.statistic);
        let mut add = |bucket, sums: &Sums| {
            let bucket = self.bucket(grain, bucket);
            sums.iter().for_each(|(value, counters)| self.add(bucket, value, counters, groups));
        };
        if self.asking.interval.is_none()
            && let Some(sums) = reading.sums(site, statistic, grain, range, QUERY_GROUPS_MAX)?
        {
            add(range.0, &sums);
            return Ok(());
        }
        reading.sums_by_bucket(site, statistic, grain, range, &mut add)
    }

    fn add(&self, bucket: i64, value: ValueId, counters: Counters, groups: &mut Groups) {
        if self.passes(value) {
            let mut group = Group { bucket, ..Group::default() };
            if self.tells_values {
                group.values[0] = value.0;
            }
            groups.add(group, counters);
        }
    }

    /// (grain, first bucket, last bucket) of a piece; `None` where there is nothing to read.
    fn buckets(&self, reading: &Reading<'_>, piece: Piece) -> Result<Option<(Grain, i64, i64)>, StoreError> {
        Ok(match piece {
            Piece::Months(first, last) => Some((Grain::Month, i64::from(first.0), i64::from(last.0))),
            Piece::Days(first, last) => Some((Grain::Day, i64::from(first.0), i64::from(last.0))),
            Piece::Hours(_, _, Some((from, to))) => Some((Grain::Hour, from.secs(), to.secs() - 1)),
            Piece::Hours(first, last, None) => {
                let bounds = hours_of(reading, self.asking, first, last)?;
                bounds.map(|(from, to)| (Grain::Hour, from.secs(), to.secs() - 1))
            }
            Piece::Log(..) => None,
        })
    }

    fn passes(&self, value: ValueId) -> bool {
        self.asking.question.filter.holds(&|leaf| self.leaves[leaf].holds(Some(value)))
    }

    /// The answer's bucket that a row's lies in.
    fn bucket(&self, grain: Grain, bucket: i64) -> i64 {
        match (grain, self.asking.interval) {
            (_, None) => 0,
            (Grain::Day, Some(interval)) => day(bucket).map_or(0, |day| interval.bucket_of_day(day)),
            // A part of a day under a wider bucket.
            (Grain::Hour, Some(interval)) if interval != Interval::Hour => {
                interval.bucket_of_day(self.asking.site.zone.day_of(Millis::from_secs(bucket)))
            }
            (Grain::Hour | Grain::Month, Some(_)) => bucket,
        }
    }

    /// Distinct visitors of hours don't add up; those first seen in them do.
    fn of_hour(&self, counters: Counters) -> Counters {
        match self.asking.interval {
            Some(Interval::Hour) => counters,
            _ => Counters { visitors: counters.first_visitors, ..counters },
        }
    }
}

/// From the first to past the last hour of the days that hold anything, as they were folded.
fn hours_of(
    reading: &Reading<'_>,
    asking: &Asking<'_>,
    first: LocalDay,
    last: LocalDay,
) -> Result<Option<(Millis, Millis)>, StoreError> {
    let days = reading.site_days(asking.site.id, first, last)?;
    Ok(days.first().zip(days.last()).map(|(first, last)| (first.frame.start, last.frame.end)))
}

fn day(bucket: i64) -> Option<LocalDay> {
    i32::try_from(bucket).ok().map(LocalDay)
}
