//! Rows of a statistic summed up and packed: a fraction of what they take as rows.

use rustc_hash::FxHashMap;
use weir_rollups::{Counters, ValueId};

const COUNTERS: usize = Counters::NAMES.len();

/// What each value of a statistic counts over some buckets, ascending by value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    rows: usize,
    /// For each row: the gap to the value before it, a bit for each counter that is not zero, and these
    /// counters.
    packed: Box<[u8]>,
}

/// Packs rows that come in ascending order of their values.
#[derive(Default)]
pub(crate) struct Packing {
    rows: usize,
    last: u32,
    packed: Vec<u8>,
}

/// Adds up sums of several buckets, as long as there are not too many values.
pub(crate) struct Adding {
    places: FxHashMap<ValueId, u32>,
    rows: Vec<(ValueId, Counters)>,
    max: usize,
    overfull: bool,
}

impl Sums {
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = (ValueId, Counters)> {
        let (mut left, mut value) = (&*self.packed, 0u32);
        std::iter::from_fn(move || {
            value = value.wrapping_add(take(&mut left)? as u32);
            let mask = left.split_off_first()?;
            let mut counters = [0; COUNTERS];
            for (place, counter) in counters.iter_mut().enumerate() {
                if mask >> place & 1 == 1 {
                    *counter = signed(take(&mut left)?);
                }
            }
            Some((ValueId(value), Counters::from_values(counters)))
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.packed.len()
    }
}

impl Packing {
    pub fn push(&mut self, value: ValueId, counters: &Counters) {
        let counters = counters.values();
        put(&mut self.packed, u64::from(value.0.wrapping_sub(self.last)));
        let mask = (0..COUNTERS).map(|place| u8::from(counters[place] != 0) << place).sum();
        self.packed.push(mask);
        counters.iter().filter(|counter| **counter != 0).for_each(|n| put(&mut self.packed, unsigned(*n)));
        self.last = value.0;
        self.rows += 1;
    }

    pub fn finish(self) -> Sums {
        Sums { rows: self.rows, packed: self.packed.into() }
    }
}

impl Adding {
    /// At most `max` values.
    pub fn new(max: usize) -> Self {
        Self { places: FxHashMap::default(), rows: Vec::new(), max, overfull: false }
    }

    pub fn add(&mut self, sums: &Sums) {
        if self.overfull {
            return;
        }
        for (value, counters) in sums.iter() {
            let next = self.rows.len() as u32;
            let place = *self.places.entry(value).or_insert(next);
            match self.rows.get_mut(place as usize) {
                Some((_, sum)) => *sum += counters,
                None => self.rows.push((value, counters)),
            }
        }
        self.overfull = self.rows.len() > self.max;
    }

    /// There are too many values.
    pub fn give_up(&mut self) {
        self.overfull = true;
    }

    /// `None` where there are too many values.
    pub fn finish(mut self) -> Option<Sums> {
        if self.overfull {
            return None;
        }
        self.rows.sort_unstable_by_key(|(value, _)| *value);
        let mut packing = Packing::default();
        self.rows.iter().for_each(|(value, counters)| packing.push(*value, counters));
        Some(packing.finish())
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn take(from: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0u64, 0);
    loop {
        let byte = *from.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

/// Small numbers of either sign become small numbers.
fn unsigned(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn counters() -> impl Strategy<Value = Counters> {
        let counter = prop_oneof![3 => Just(0), 3 => 0..200i64, 1 => any::<i64>().prop_map(|n| n / 4)];
        prop::array::uniform8(counter).prop_map(Counters::from_values)
    }

    fn rows() -> impl Strategy<Value = BTreeMap<u32, Counters>> {
        prop::collection::btree_map(prop_oneof![0..8u32, any::<u32>()], counters(), 0..20)
    }

    fn packed(rows: &BTreeMap<u32, Counters>) -> Sums {
        let mut packing = Packing::default();
        rows.iter().for_each(|(value, counters)| packing.push(ValueId(*value), counters));
        packing.finish()
    }

    fn told(sums: &Sums) -> Vec<(u32, Counters)> {
        sums.iter().map(|(value, counters)| (value.0, counters)).collect()
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_again(rows in rows()) {
            let sums = packed(&rows);
            prop_assert_eq!(told(&sums), rows.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!((sums.len(), sums.is_empty()), (rows.len(), rows.is_empty()));
        }

        #[test]
        fn buckets_add_up_value_by_value(buckets in prop::collection::vec(rows(), 0..4)) {
            let (mut adding, mut expected) = (Adding::new(usize::MAX), BTreeMap::<u32, Counters>::new());
            for bucket in &buckets {
                adding.add(&packed(bucket));
                bucket.iter().for_each(|(value, counters)| *expected.entry(*value).or_default() += *counters);
            }
            let sums = adding.finish().expect("few");
            prop_assert_eq!(told(&sums), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn more_values_than_allowed_are_no_sum() {
        let rows = |n: u32| packed(&(0..n).map(|value| (value, Counters::default())).collect());
        let sum = |buckets: &[Sums]| {
            let mut adding = Adding::new(3);
            buckets.iter().for_each(|bucket| adding.add(bucket));
            adding.finish().map(|sums| sums.len())
        };
        assert_eq!(sum(&[rows(3), rows(2)]), Some(3));
        assert_eq!(sum(&[rows(2), rows(4), rows(1)]), None);
    }

    #[test]
    fn every_number_comes_out_as_it_went_in() {
        for number in [0, 1, -1, 63, 64, -64, -65, 127, 128, i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put(&mut bytes, unsigned(number));
            assert_eq!(take(&mut bytes.as_slice()).map(signed), Some(number));
        }
    }
}
