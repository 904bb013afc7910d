//! What one visitor's day counts, before it joins the answer.

use rustc_hash::FxHashMap;
use weir_rollups::Counters;

use crate::run::{Group, Groups};

/// Few rows as a rule, and the last is asked for again, so a search from the end beats a hash until
/// there are many.
#[derive(Default)]
pub(super) struct Tally {
    rows: Vec<Tallied>,
    /// Where each row is, once there are more than [`SEARCHED_ROWS_MAX`].
    places: FxHashMap<Group, usize>,
}

pub(super) struct Tallied {
    group: Group,
    pub counters: Counters,
    /// The last visit that was counted here, from 1.
    pub visit: usize,
}

const SEARCHED_ROWS_MAX: usize = 24;

impl Tally {
    pub fn at(&mut self, group: Group) -> &mut Tallied {
        let place = self.find(&group).unwrap_or_else(|| {
            self.rows.push(Tallied { group, counters: Counters::default(), visit: 0 });
            if self.rows.len() > SEARCHED_ROWS_MAX {
                let known = self.places.len();
                let new = self.rows.iter().enumerate().skip(known).map(|(place, row)| (row.group, place));
                self.places.extend(new);
            }
            self.rows.len() - 1
        });
        &mut self.rows[place]
    }

    fn find(&self, group: &Group) -> Option<usize> {
        if self.places.is_empty() {
            self.rows.iter().rposition(|row| row.group == *group)
        } else {
            self.places.get(group).copied()
        }
    }

    /// Empties itself.
    pub fn add_to(&mut self, groups: &mut Groups) {
        self.rows.drain(..).for_each(|row| groups.add(row.group, row.counters));
        self.places.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_again_however_many_there_are() {
        let mut tally = Tally::default();
        for last in [1, SEARCHED_ROWS_MAX, SEARCHED_ROWS_MAX + 1, 200] {
            let group = |bucket| Group { bucket: bucket as i64, ..Group::default() };
            for _ in 0..2 {
                (0..last).for_each(|bucket| tally.at(group(bucket)).counters.visits += 1);
            }
            let mut groups = Groups::default();
            tally.add_to(&mut groups);
            assert_eq!(groups.iter().count(), last);
            assert!(groups.iter().all(|(_, counters)| counters.visits == 2));
        }
    }
}
