use rustc_hash::FxHashMap;
use weir_event::limits::{DIMENSIONS_MAX, QUERY_GROUPS_MAX};
use weir_rollups::Counters;

/// A value's place in [`Group::values`] where an event has none.
pub(crate) const NOT_SET: u32 = u32::MAX;

/// Names a row of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Group {
    /// Of the time dimension; zero where there is none.
    pub bucket: i64,
    /// Numbers of dictionary texts or of property values, in the order of the question's dimensions
    /// without the time; zero past their end.
    pub values: [u32; DIMENSIONS_MAX],
}

/// The rows of an answer, bounded.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    rows: FxHashMap<Group, Counters>,
    overfull: bool,
    expired: bool,
}

impl Groups {
    pub fn add(&mut self, group: Group, counters: Counters) {
        if let Some(sum) = self.rows.get_mut(&group) {
            *sum += counters;
        } else if self.rows.len() < QUERY_GROUPS_MAX {
            self.rows.insert(group, counters);
        } else {
            self.overfull = true;
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds what was summed up of other days.
    pub fn merge(&mut self, other: &Self) {
        other.rows.iter().for_each(|(group, counters)| self.add(*group, *counters));
        self.overfull |= other.overfull;
        self.expired |= other.expired;
    }

    pub fn get(&self, group: &Group) -> Option<&Counters> {
        self.rows.get(group)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Group, &Counters)> {
        self.rows.iter()
    }

    /// Events of a day that was asked for are no longer in the log.
    pub fn events_expired(&mut self) {
        self.expired = true;
    }

    pub fn lack_events(&self) -> bool {
        self.expired
    }

    /// Some rows found no place: what is here is not the answer.
    pub fn is_overfull(&self) -> bool {
        self.overfull
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_bounded_and_what_is_there_still_sums_up() {
        let one = Counters { visits: 1, ..Counters::default() };
        let mut groups = Groups::default();
        for bucket in 0..QUERY_GROUPS_MAX as i64 {
            groups.add(Group { bucket, ..Group::default() }, one);
        }
        groups.add(Group::default(), one);
        assert!(!groups.is_overfull());
        assert_eq!(groups.get(&Group::default()).map(|counters| counters.visits), Some(2));
        groups.add(Group { bucket: -1, ..Group::default() }, one);
        assert!(groups.is_overfull());
    }
}
