//! Decides by numbers alone what can't pass the filters, before anything is made of it.

use rustc_hash::FxHashMap;
use weir_event::limits::FILTERS_MAX;
use weir_rollups::{Client, Source, Statistic, UnitEvent, ValueId};
use weir_store::{RawRow, Reading, StoreError};

use crate::parse::Filter;
use crate::run::leaves::Test;

/// What the leaves of the filter may come to for some events: a bit where the leaf may hold, and
/// [`FILTERS_MAX`] bits on one where it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Possible(u64);

const _: () = assert!(FILTERS_MAX * 2 <= u64::BITS as usize, "a leaf has two bits");

impl Possible {
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn leaf(number: usize, holds: bool) -> Self {
        Self(1 << if holds { number } else { number + FILTERS_MAX })
    }

    fn either(number: usize) -> Self {
        Self::leaf(number, true).or(Self::leaf(number, false))
    }

    /// Whether the filter may be as `wanted`. Leaves are taken one by one, so it may say yes where all
    /// together forbid it, and never no where an event passes.
    fn may(self, filter: &Filter, wanted: bool) -> bool {
        match filter {
            Filter::And(all) if wanted => all.iter().all(|filter| self.may(filter, true)),
            Filter::And(any) => any.iter().any(|filter| self.may(filter, false)),
            Filter::Or(any) if wanted => any.iter().any(|filter| self.may(filter, true)),
            Filter::Or(all) => all.iter().all(|filter| self.may(filter, false)),
            Filter::Not(filter) => self.may(filter, !wanted),
            Filter::Leaf(number) => self.0 & Self::leaf(*number, wanted).0 != 0,
        }
    }
}

/// What the numbers in log rows stand for, and what they make possible, as far as they were needed.
pub(super) struct Numbers<'a> {
    filter: &'a Filter,
    leaves: &'a [Test],
    clients: ByNumber<(Client, Possible, bool)>,
    sources: ByNumber<(Source, Possible)>,
    pages: ByNumber<(ValueId, Possible)>,
    names: ByNumber<Possible>,
    tests_names: bool,
    /// Of leaves that events don't decide by their numbers, or that a visit may have no value for.
    always: Possible,
}

impl<'a> Numbers<'a> {
    pub fn new(filter: &'a Filter, leaves: &'a [Test]) -> Self {
        let mut numbers = Self {
            filter,
            leaves,
            clients: ByNumber::default(),
            sources: ByNumber::default(),
            pages: ByNumber::default(),
            names: ByNumber::default(),
            tests_names: leaves.iter().any(
                |leaf| matches!(leaf, Test::Value { statistic, .. } if Part::of(*statistic) == Part::Name),
            ),
            always: Possible::default(),
        };
        for (number, leaf) in leaves.iter().enumerate() {
            let possible = match leaf {
                Test::Prop => Possible::either(number),
                Test::Value { .. } => Possible::leaf(number, leaf.holds(None)),
            };
            let is_told =
                matches!(leaf, Test::Value { statistic, .. } if Part::of(*statistic) == Part::Client);
            if !is_told {
                numbers.always = numbers.always.or(possible);
            }
        }
        numbers
    }

    /// Whether something of a visitor may pass whose events make this possible.
    pub fn may_pass(&self, possible: Possible) -> bool {
        self.always.or(possible).may(self.filter, true)
    }

    /// Whether something of a visitor may pass all of whose events have this client.
    pub fn may_pass_client(&mut self, reading: &Reading<'_>, id: u32) -> Result<bool, StoreError> {
        self.client(reading, id).map(|(_, _, may_pass)| may_pass)
    }

    #[inline]
    pub fn client(&mut self, reading: &Reading<'_>, id: u32) -> Result<(Client, Possible, bool), StoreError> {
        if let Some(known) = self.clients.get(id) {
            return Ok(known);
        }
        let client = reading.client(id)?;
        let possible = self.of(Part::Client, |statistic| match statistic {
            Statistic::Country => client.country,
            Statistic::Device => client.device,
            Statistic::Browser => client.browser,
            _ => client.os,
        });
        let others = (0..self.leaves.len()).filter(|number| self.part_of(*number) != Some(Part::Client));
        let with_others = others.map(Possible::either).fold(possible, Possible::or);
        let known = (client, possible, with_others.may(self.filter, true));
        self.clients.insert(id, known);
        Ok(known)
    }

    #[inline]
    pub fn source(&mut self, reading: &Reading<'_>, id: u32) -> Result<(Source, Possible), StoreError> {
        if let Some(known) = self.sources.get(id) {
            return Ok(known);
        }
        let source = reading.source(id)?;
        let possible = self.of(Part::Source, |statistic| match statistic {
            Statistic::Source => source.source,
            Statistic::Referrer => source.referrer,
            Statistic::Channel => source.channel,
            Statistic::UtmSource => source.utm_source,
            Statistic::UtmMedium => source.utm_medium,
            Statistic::UtmCampaign => source.utm_campaign,
            Statistic::UtmContent => source.utm_content,
            _ => source.utm_term,
        });
        self.sources.insert(id, (source, possible));
        Ok((source, possible))
    }

    /// The page's host; pages are the values of three statistics.
    #[inline]
    pub fn page(&mut self, reading: &Reading<'_>, page: ValueId) -> Result<(ValueId, Possible), StoreError> {
        if let Some(known) = self.pages.get(page.0) {
            return Ok(known);
        }
        let host = reading.host(page)?;
        let possible =
            self.of(Part::Page, |statistic| if statistic == Statistic::Host { host } else { page });
        self.pages.insert(page.0, (host, possible));
        Ok((host, possible))
    }

    #[inline]
    fn name(&mut self, name: ValueId) -> Possible {
        if !self.tests_names {
            return Possible::default();
        }
        self.names.get(name.0).unwrap_or_else(|| {
            let possible = self.of(Part::Name, |_| name);
            self.names.insert(name.0, possible);
            possible
        })
    }

    /// What a row makes possible.
    #[inline]
    pub fn possible(&mut self, reading: &Reading<'_>, row: &RawRow<'_>) -> Result<Possible, StoreError> {
        let (_, by_client, _) = self.client(reading, row.client)?;
        let (_, by_source) = self.source(reading, row.source)?;
        let (_, by_page) = self.page(reading, row.page)?;
        Ok(by_client.or(by_source).or(by_page).or(self.name(row.name)))
    }

    /// A row with what its numbers stand for, and what it makes possible.
    #[inline]
    pub fn event(
        &mut self,
        reading: &Reading<'_>,
        row: &RawRow<'_>,
    ) -> Result<(UnitEvent, Possible), StoreError> {
        let (client, by_client, _) = self.client(reading, row.client)?;
        let (source, by_source) = self.source(reading, row.source)?;
        let (host, by_page) = self.page(reading, row.page)?;
        let possible = by_client.or(by_source).or(by_page).or(self.name(row.name));
        let RawRow { time, tie, kind, page, name, amount, engaged_ms, .. } = *row;
        Ok((UnitEvent { time, tie, kind, page, host, client, source, name, amount, engaged_ms }, possible))
    }

    /// What values make of the leaves of this part.
    fn of(&self, part: Part, value: impl Fn(Statistic) -> ValueId) -> Possible {
        let leaves = self.leaves.iter().enumerate();
        leaves.fold(Possible::default(), |possible, (number, leaf)| match leaf {
            Test::Value { statistic, .. } if Part::of(*statistic) == part => {
                possible.or(Possible::leaf(number, leaf.holds(Some(value(*statistic)))))
            }
            _ => possible,
        })
    }

    fn part_of(&self, leaf: usize) -> Option<Part> {
        match &self.leaves[leaf] {
            Test::Value { statistic, .. } => Some(Part::of(*statistic)),
            Test::Prop => None,
        }
    }
}

/// Which number of a log row a statistic's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Client,
    Source,
    Page,
    Name,
    /// No leaf is about it.
    None,
}

impl Part {
    fn of(statistic: Statistic) -> Self {
        match statistic {
            Statistic::Country | Statistic::Device | Statistic::Browser | Statistic::Os => Self::Client,
            Statistic::Source
            | Statistic::Referrer
            | Statistic::Channel
            | Statistic::UtmSource
            | Statistic::UtmMedium
            | Statistic::UtmCampaign
            | Statistic::UtmContent
            | Statistic::UtmTerm => Self::Source,
            Statistic::Page | Statistic::EntryPage | Statistic::ExitPage | Statistic::Host => Self::Page,
            Statistic::Event => Self::Name,
            Statistic::Site | Statistic::Flow => Self::None,
        }
    }
}

/// Things by small numbers, mostly: a place in a list is found faster than one in a map.
struct ByNumber<T> {
    few: Vec<Option<T>>,
    many: FxHashMap<u32, T>,
}

/// A list that goes further would be mostly empty.
const LISTED_MAX: usize = 1 << 14;

impl<T> Default for ByNumber<T> {
    fn default() -> Self {
        Self { few: Vec::new(), many: FxHashMap::default() }
    }
}

impl<T: Copy> ByNumber<T> {
    #[inline]
    fn get(&self, number: u32) -> Option<T> {
        match self.few.get(number as usize) {
            Some(thing) => *thing,
            None if number as usize >= LISTED_MAX => self.many.get(&number).copied(),
            None => None,
        }
    }

    fn insert(&mut self, number: u32, thing: T) {
        let place = number as usize;
        if place >= LISTED_MAX {
            self.many.insert(number, thing);
            return;
        }
        if self.few.len() <= place {
            self.few.resize(place + 1, None);
        }
        self.few[place] = Some(thing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_the_list_are_found_as_well() {
        let mut things = ByNumber::default();
        let numbers = [0, 7, LISTED_MAX as u32 - 1, LISTED_MAX as u32, u32::MAX];
        assert!(numbers.iter().all(|number| things.get(*number).is_none()));
        numbers.iter().for_each(|number| things.insert(*number, *number));
        assert!(numbers.iter().all(|number| things.get(*number) == Some(*number)));
        assert_eq!(things.few.len(), LISTED_MAX);
    }

    #[test]
    fn a_filter_is_impossible_only_where_no_event_can_pass_it() {
        let leaf = |number| Filter::Leaf(number);
        let both = Filter::And(vec![leaf(0), leaf(1)]);
        let any = Filter::Or(vec![leaf(0), leaf(1)]);
        let neither = Filter::Not(Box::new(Filter::Or(vec![leaf(0), leaf(1)])));
        let (yes, no) = (|n| Possible::leaf(n, true), |n| Possible::leaf(n, false));
        for (possible, expected) in [
            (yes(0).or(no(1)), [false, true, false]),
            (yes(0).or(yes(1)), [true, true, false]),
            (no(0).or(no(1)), [false, false, true]),
            (Possible::either(0).or(no(1)), [false, true, true]),
            (Possible::either(0).or(Possible::either(1)), [true, true, true]),
        ] {
            let found = [&both, &any, &neither].map(|filter| possible.may(filter, true));
            assert_eq!(found, expected, "{possible:?}");
        }
    }
}
