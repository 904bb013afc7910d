use weir_event::{Grain, LocalDay, Millis};
use weir_rollups::{Counters, Statistic, ValueId};
use weir_store::{Reading, StatRow, StoreError};

use super::leaves::Test;
use super::{Asking, Group, Groups};
use crate::Piece;
use crate::parse::{Dimension, Interval};

/// Sums rows of one statistic.
pub(crate) struct Rows<'a> {
    pub asking: &'a Asking<'a>,
    pub statistic: Statistic,
    pub leaves: &'a [Test],
}

impl Rows<'_> {
    /// Pieces that only the log can tell are left to it.
    pub fn read(
        &self,
        reading: &Reading<'_>,
        pieces: &[Piece],
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        for piece in pieces {
            let Some((grain, from, to)) = self.buckets(reading, *piece)? else { continue };
            reading.stats(self.asking.site.id, self.statistic, grain, from, to, &mut |row| {
                if row.second == ValueId::NONE && self.passes(row.value) {
                    groups.add(self.group(grain, &row), self.counters(grain, row.counters));
                }
            })?;
        }
        Ok(())
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

    fn group(&self, grain: Grain, row: &StatRow) -> Group {
        let mut group = Group::default();
        let told = |dimension: &Dimension| matches!(dimension, Dimension::Of(_));
        if self.asking.question.dimensions.iter().any(told) {
            group.values[0] = row.value.0;
        }
        group.bucket = match (grain, self.asking.interval) {
            (_, None) => 0,
            (Grain::Day, Some(interval)) => day(row.bucket).map_or(0, |day| interval.bucket_of_day(day)),
            // A part of a day under a wider bucket.
            (Grain::Hour, Some(interval)) if interval != Interval::Hour => {
                interval.bucket_of_day(self.asking.site.zone.day_of(Millis::from_secs(row.bucket)))
            }
            (Grain::Hour | Grain::Month, Some(_)) => row.bucket,
        };
        group
    }

    /// Distinct visitors of hours don't add up; those first seen in them do.
    fn counters(&self, grain: Grain, counters: Counters) -> Counters {
        match (grain, self.asking.interval) {
            (Grain::Hour, Some(Interval::Hour)) | (Grain::Day | Grain::Month, _) => counters,
            (Grain::Hour, _) => Counters { visitors: counters.first_visitors, ..counters },
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
