//! Days that are not sealed yet. Their rows lie by time, and two threads read them piece by piece.

use std::sync::atomic::{AtomicI64, Ordering};

use weir_event::{Kind, Millis};
use weir_rollups::ValueId;
use weir_store::{RawRow, Reading, StoreError, StoreReader};

use super::possible::Possible;
use super::{Day, Log, Visitor};
use crate::run::props::PropsFound;
use crate::run::{Groups, PropValues};

/// Small enough that nobody waits long for who has the last one.
const PIECE: i64 = Millis::HOUR;

/// What is left of a day, for whoever is free.
struct Pieces {
    next: AtomicI64,
    length: i64,
    end: Millis,
}

/// A row until its visitor's others are there: numbers alone, since there may be many.
#[derive(Clone, Copy)]
struct Row {
    visitor: u64,
    time: Millis,
    tie: u32,
    page: ValueId,
    client: u32,
    source: u32,
    name: ValueId,
    engaged_ms: u32,
    kind: Kind,
}

/// Rows, ascending by time, and their properties where any are asked for.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    props: Vec<PropsFound>,
}

/// Where a visitor's row is held: visitor, piece and row in one number, which is sorted faster than three.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u128);

impl Place {
    fn new(visitor: u64, piece: usize, row: usize) -> Self {
        Self(u128::from(visitor) << 64 | (piece as u128) << 32 | row as u128)
    }

    fn visitor(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn piece(self) -> usize {
        (self.0 >> 32) as u32 as usize
    }

    fn row(self) -> u32 {
        self.0 as u32
    }
}

/// What one thread holds of a day, up to a bound.
struct Held {
    /// By where they begin.
    pieces: Vec<(Millis, Rows)>,
    late: Rows,
    /// Rows that count, held or not.
    seen: usize,
    rows_max: usize,
}

impl Pieces {
    fn take(&self) -> Option<(Millis, Millis)> {
        let from = Millis(self.next.fetch_add(self.length, Ordering::Relaxed));
        (from < self.end).then(|| (from, self.end.min(Millis(from.0 + self.length))))
    }
}

impl Row {
    fn of(raw: &RawRow<'_>) -> Self {
        let RawRow { time, tie, page, client, source, name, engaged_ms, kind, .. } = *raw;
        let visitor = raw.visitor.unwrap_or_default();
        Self { visitor, time, tie, page, client, source, name, engaged_ms, kind }
    }

    fn raw(&self) -> RawRow<'static> {
        let Self { visitor, time, tie, page, client, source, name, engaged_ms, kind } = *self;
        let (visitor, amount, props, set_aside, days_late) = (Some(visitor), None, "", None, 0);
        RawRow {
            visitor,
            time,
            tie,
            kind,
            page,
            client,
            source,
            name,
            engaged_ms,
            amount,
            props,
            set_aside,
            days_late,
        }
    }
}

impl Rows {
    fn add(&mut self, raw: &RawRow<'_>, props: Option<PropsFound>) {
        self.rows.push(Row::of(raw));
        self.props.extend(props);
    }

    fn at(&self, place: u32) -> (RawRow<'static>, Option<PropsFound>) {
        (self.rows[place as usize].raw(), self.props.get(place as usize).copied())
    }
}

impl Held {
    fn new(rows_max: usize) -> Self {
        Self { pieces: Vec::new(), late: Rows::default(), seen: 0, rows_max }
    }

    fn join(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
        self.pieces.sort_unstable_by_key(|(from, _)| *from);
        self.late.rows.extend(other.late.rows);
        self.late.props.extend(other.late.props);
        self.seen += other.seen;
    }

    fn is_overfull(&self) -> bool {
        self.seen > self.rows_max
    }
}

impl Log<'_> {
    /// With `second`, of which another thread reads as well. A day with more rows than may be held is
    /// read again, share by share of its visitors.
    pub(super) fn unsealed(
        &mut self,
        reading: &Reading<'_>,
        second: Option<&StoreReader>,
        day: &Day,
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        let (frame, rows_max) = (&day.folded.frame, self.bounds.day_rows_max);
        let length = if second.is_some() { PIECE } else { frame.end.0 - frame.start.0 };
        let pieces = Pieces { next: AtomicI64::new(frame.start.0), length, end: frame.end };
        let mut held = Held::new(if second.is_some() { rows_max.div_ceil(2) } else { rows_max });
        while held.seen < self.bounds.rows_alone_max || second.is_none() {
            let Some(piece) = pieces.take() else { break };
            self.hold(reading, piece, day, &mut held)?;
        }
        let is_overfull = match second {
            Some(store) => self.hold_with_another((store, reading), day, &pieces, &mut held)?,
            None => held.is_overfull(),
        };
        if is_overfull {
            return self.by_shares(reading, day, held.seen, groups);
        }
        for place in 0..held.late.rows.len() {
            let (raw, props) = held.late.at(place as u32);
            self.late(reading, &raw, props, day, groups)?;
        }
        let pieces: Vec<&Rows> = held.pieces.iter().map(|(_, rows)| rows).collect();
        self.shuffled(reading, &pieces, day, groups)
    }

    /// What is left, with a second thread where anything is left; whether it was too much for one.
    fn hold_with_another(
        &mut self,
        (store, reading): (&StoreReader, &Reading<'_>),
        day: &Day,
        pieces: &Pieces,
        held: &mut Held,
    ) -> Result<bool, StoreError> {
        let Some(first) = pieces.take() else { return Ok(held.is_overfull()) };
        let (asking, leaves, rows_max) = (self.asking, self.leaves, held.rows_max);
        let another = || {
            let mut props = PropValues::default();
            Log::new(asking, leaves, &mut props).hold_beside(store, day, pieces, rows_max)
        };
        let (own, others) = std::thread::scope(|scope| {
            let another = scope.spawn(another);
            let mut own = self.hold(reading, first, day, held);
            while let (Ok(()), Some(piece)) = (&own, pieces.take()) {
                own = self.hold(reading, piece, day, held);
            }
            (own, another.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        own?;
        let (others, rows_read) = others?;
        self.rows_read += rows_read;
        let is_overfull = held.is_overfull() || others.is_overfull();
        held.join(others);
        Ok(is_overfull)
    }

    /// Takes pieces as another does, unless the day has changed since they looked.
    fn hold_beside(
        mut self,
        store: &StoreReader,
        day: &Day,
        pieces: &Pieces,
        rows_max: usize,
    ) -> Result<(Held, u64), StoreError> {
        let mut held = Held::new(rows_max);
        store.read(|reading| {
            let (site, number) = (self.asking.site.id, day.folded.frame.day);
            let seen = reading.site_days(site, number, number)?;
            if seen.first().is_some_and(|seen| seen.changes == day.folded.changes) {
                while let Some(piece) = pieces.take() {
                    self.hold(reading, piece, day, &mut held)?;
                }
            }
            Ok(())
        })?;
        Ok((held, self.rows_read))
    }

    fn hold(
        &mut self,
        reading: &Reading<'_>,
        piece: (Millis, Millis),
        day: &Day,
        held: &mut Held,
    ) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        self.counted_rows(reading, piece, day, &mut |log, raw| {
            held.seen += 1;
            if !held.is_overfull() {
                let rows = if raw.visitor.is_some() { &mut rows } else { &mut held.late };
                rows.add(raw, log.props(raw));
            }
            Ok(())
        })?;
        held.pieces.push((piece.0, rows));
        Ok(())
    }

    fn by_shares(
        &mut self,
        reading: &Reading<'_>,
        day: &Day,
        rows: usize,
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        let whole = (day.folded.frame.start, day.folded.frame.end);
        let shares = rows.div_ceil(self.bounds.day_rows_max) as u64;
        for share in 0..shares {
            let mut rows = Rows::default();
            self.counted_rows(reading, whole, day, &mut |log, raw| {
                match raw.visitor {
                    Some(visitor) if visitor % shares == share => rows.add(raw, log.props(raw)),
                    None if share == 0 => {
                        let props = log.props(raw);
                        log.late(reading, raw, props, day, groups)?;
                    }
                    _ => {}
                }
                Ok(())
            })?;
            self.shuffled(reading, &[&rows], day, groups)?;
        }
        Ok(())
    }

    fn counted_rows(
        &mut self,
        reading: &Reading<'_>,
        range: (Millis, Millis),
        day: &Day,
        each: &mut dyn FnMut(&mut Self, &RawRow<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let with_props = !self.asked.is_empty();
        reading.unsealed(self.asking.site.id, range, with_props, &mut |raw| {
            self.rows_read += 1;
            if day.folded.counts(raw.set_aside) { each(self, raw) } else { Ok(()) }
        })
    }

    /// Rows of many visitors, piece after piece.
    fn shuffled(
        &mut self,
        reading: &Reading<'_>,
        pieces: &[&Rows],
        day: &Day,
        groups: &mut Groups,
    ) -> Result<(), StoreError> {
        let mut order: Vec<Place> = Vec::new();
        for (piece, rows) in pieces.iter().enumerate() {
            let places = rows.rows.iter().enumerate();
            order.extend(places.map(|(row, at)| Place::new(at.visitor, piece, row)));
        }
        order.sort_unstable();
        let mut visitor = Visitor::default();
        for places in order.chunk_by(|a, b| a.visitor() == b.visitor()) {
            let rows = || places.iter().map(|place| pieces[place.piece()].at(place.row()));
            let mut possible = Possible::default();
            for (raw, _) in rows() {
                possible = possible.or(self.numbers.possible(reading, &raw)?);
            }
            if !self.numbers.may_pass(possible) {
                continue;
            }
            for (raw, props) in rows() {
                self.add(reading, &mut visitor, &raw, props)?;
            }
            self.unit(&mut visitor, day, groups);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::log::tests::{DAY, with_days};

    #[test]
    fn a_second_thread_takes_nothing_of_a_day_that_has_changed_since() {
        with_days(1, |asking, store| {
            for (since, expected) in [(0, 43), (1, 0), (-1, 0)] {
                let days = store.read(|reading| reading.site_days(asking.site.id, DAY, DAY)).expect("reads");
                let mut folded = days.into_iter().next().expect("a day");
                folded.changes += since;
                let day = Day::of(folded, None, None);
                let next = AtomicI64::new(day.from.0);
                let pieces = Pieces { next, length: PIECE, end: day.to };
                let mut props = PropValues::default();
                let log = Log::new(asking, &[], &mut props);
                let (held, rows_read) = log.hold_beside(store, &day, &pieces, 100).expect("reads");
                assert_eq!((held.seen, rows_read), (expected, expected as u64), "{since} changes since");
                assert_eq!(pieces.take().is_some(), expected == 0, "who came first reads what is left");
            }
        });
    }
}
