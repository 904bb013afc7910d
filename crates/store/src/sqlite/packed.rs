//! How events of sealed days are written: lists of numbers in JSON, which SQL can read as well.

use std::fmt::Write;

use crate::StoreError;

/// A list of events while it is written.
pub(super) struct List(String);

impl Default for List {
    fn default() -> Self {
        Self("[".to_owned())
    }
}

impl List {
    pub fn add<Props: AsRef<str>>(&mut self, event: &PackedEvent<Props>) {
        self.0.push_str(if self.0.len() > 1 { ",[" } else { "[" });
        event.write(&mut self.0);
        self.0.push(']');
    }

    pub fn finish(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

/// `[second, page, source, kind, engaged_ms, name, props, set_aside, days_late, currency, amount,
/// client]`. What is left out at the end is zero, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PackedEvent<Props> {
    /// After its row's start.
    pub second: i64,
    pub page: u32,
    pub source: u32,
    pub kind: u8,
    pub engaged_ms: u32,
    pub name: u32,
    /// A JSON object, or empty; written, 0.
    pub props: Props,
    /// 0: it counts.
    pub set_aside: u8,
    pub days_late: i32,
    pub currency: u32,
    pub amount: Option<i64>,
    /// 0: the one of its row.
    pub client: u32,
}

/// Places in an event's list, and which of them can hold something else than a number.
const PLACES: usize = 12;
const PROPS: usize = 6;
const AMOUNT: usize = 10;

impl<Props> PackedEvent<Props> {
    pub fn with_props<Other>(&self, props: Other) -> PackedEvent<Other> {
        let Self { second, page, source, kind, name, engaged_ms, .. } = *self;
        let Self { days_late, set_aside, currency, amount, client, .. } = *self;
        PackedEvent {
            second,
            page,
            source,
            kind,
            name,
            engaged_ms,
            days_late,
            set_aside,
            currency,
            amount,
            client,
            props,
        }
    }
}

impl<Props: AsRef<str>> PackedEvent<Props> {
    fn write(&self, list: &mut String) {
        let props = self.props.as_ref();
        let numbers = [
            Some(self.second),
            Some(self.page.into()),
            Some(self.source.into()),
            Some(self.kind.into()),
            Some(self.engaged_ms.into()),
            Some(self.name.into()),
            props.is_empty().then_some(0),
            Some(self.set_aside.into()),
            Some(self.days_late.into()),
            Some(self.currency.into()),
            self.amount,
            Some(self.client.into()),
        ];
        let is_told = |place: &usize| numbers[*place] != (*place != AMOUNT).then_some(0);
        let last = (0..PLACES).rev().find(is_told).unwrap_or(0);
        for (place, number) in numbers[..=last].iter().enumerate() {
            list.push_str(if place > 0 { "," } else { "" });
            match number {
                Some(number) => write!(list, "{number}").expect("a text takes what is written"),
                None if place == PROPS => list.push_str(props),
                None => list.push_str("null"),
            }
        }
    }
}

/// Reads a list of events.
pub(super) struct Unpacking<'a> {
    rest: &'a [u8],
    has_begun: bool,
}

impl<'a> Unpacking<'a> {
    pub fn new(list: &'a [u8]) -> Self {
        Self { rest: list, has_begun: false }
    }

    /// The next event, or the end of the list.
    #[inline]
    pub fn event(&mut self) -> Result<Option<PackedEvent<&'a str>>, StoreError> {
        self.rest = match (self.has_begun, self.rest) {
            (true, [b']']) | (false, [b'[', b']']) => return Ok(None),
            (true, [b',', b'[', rest @ ..]) | (false, [b'[', b'[', rest @ ..]) => rest,
            _ => return Err(unreadable()),
        };
        self.has_begun = true;
        let mut numbers = [0; PLACES];
        let (mut amount, mut props) = (None, "");
        for (place, number) in numbers.iter_mut().enumerate() {
            match self.number() {
                Some(read) if place == AMOUNT => amount = Some(read),
                Some(read) => *number = read,
                None if place == PROPS => props = self.object()?,
                None if place == AMOUNT && self.rest.starts_with(b"null") => self.rest = &self.rest[4..],
                None => return Err(unreadable()),
            }
            match self.rest {
                [b',', rest @ ..] if place + 1 < PLACES => self.rest = rest,
                [b']', rest @ ..] => {
                    self.rest = rest;
                    return packed(&numbers, amount, props).map(Some).ok_or_else(unreadable);
                }
                _ => break,
            }
        }
        Err(unreadable())
    }

    #[inline]
    fn number(&mut self) -> Option<i64> {
        let (is_negative, digits) = match self.rest {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut number, mut read) = (0_i64, 0);
        while let Some(digit) =
            digits.get(read).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
        {
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            read += 1;
        }
        self.rest = if read > 0 { &digits[read..] } else { self.rest };
        (read > 0).then_some(if is_negative { number.wrapping_neg() } else { number })
    }

    fn object(&mut self) -> Result<&'a str, StoreError> {
        let (mut depth, mut quoted, mut escaped) = (0, false, false);
        for (at, byte) in self.rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 1 => depth -= 1,
                b'}' => {
                    let (object, rest) = self.rest.split_at(at + 1);
                    self.rest = rest;
                    return std::str::from_utf8(object).map_err(|_| unreadable());
                }
                _ if depth == 0 => break,
                _ => {}
            }
        }
        Err(unreadable())
    }
}

#[inline]
fn packed<'a>(numbers: &[i64; PLACES], amount: Option<i64>, props: &'a str) -> Option<PackedEvent<&'a str>> {
    let [second, page, source, kind, engaged_ms, name, _, set_aside, days_late, currency, _, client] =
        *numbers;
    Some(PackedEvent {
        second,
        page: u32::try_from(page).ok()?,
        source: u32::try_from(source).ok()?,
        kind: u8::try_from(kind).ok()?,
        engaged_ms: u32::try_from(engaged_ms).ok()?,
        name: u32::try_from(name).ok()?,
        props,
        set_aside: u8::try_from(set_aside).ok()?,
        days_late: i32::try_from(days_late).ok()?,
        currency: u32::try_from(currency).ok()?,
        amount,
        client: u32::try_from(client).ok()?,
    })
}

#[cold]
fn unreadable() -> StoreError {
    StoreError::Unreadable("a sealed visitor's events".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(events: &[PackedEvent<String>]) -> String {
        let mut list = List::default();
        events.iter().for_each(|event| list.add(event));
        list.finish()
    }

    fn read(text: &str) -> Result<Vec<PackedEvent<String>>, StoreError> {
        let mut unpacking = Unpacking::new(text.as_bytes());
        let mut events = Vec::new();
        while let Some(event) = unpacking.event()? {
            events.push(event.with_props(event.props.to_owned()));
        }
        Ok(events)
    }

    #[test]
    fn a_plain_view_is_three_numbers() {
        let view = PackedEvent { second: 40, page: 17, source: 3, ..PackedEvent::default() };
        assert_eq!(list(&[view.clone(), PackedEvent::default()]), "[[40,17,3],[0]]");
        assert_eq!(list(&[]), "[]");
    }

    fn event() -> impl Strategy<Value = PackedEvent<String>> {
        let text = prop_oneof![Just(String::new()), r#"[a-z"\\\[\]{}é]{0,8}"#];
        let numbers =
            (any::<i64>().prop_map(|n| n / 2), any::<u32>(), any::<u32>(), any::<u8>(), any::<u32>());
        let more = (any::<u32>(), any::<i32>(), any::<u8>(), any::<u32>());
        let rest = (proptest::option::of(any::<i64>().prop_map(|n| n / 2)), any::<u32>(), text);
        (numbers, proptest::option::of(more), proptest::option::of(rest)).prop_map(|(numbers, more, rest)| {
            let (second, page, source, kind, name) = numbers;
            let (engaged_ms, days_late, set_aside, currency) = more.unwrap_or_default();
            let (amount, client, text) = rest.unwrap_or_default();
            let props = match text.as_str() {
                "" => String::new(),
                text => serde_json::json!({ text: [text, { "deep": text }], "n": 1.5 }).to_string(),
            };
            PackedEvent {
                second,
                page,
                source,
                kind,
                name,
                engaged_ms,
                days_late,
                set_aside,
                currency,
                amount,
                client,
                props,
            }
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again_and_is_json(
            events in proptest::collection::vec(event(), 0..5)
        ) {
            let text = list(&events);
            prop_assert!(serde_json::from_str::<Vec<Vec<serde_json::Value>>>(&text).is_ok(), "{text}");
            prop_assert_eq!(read(&text).expect("reads"), events);
        }

        #[test]
        fn what_was_cut_off_is_an_error_and_no_panic(
            events in proptest::collection::vec(event(), 1..3), at in any::<prop::sample::Index>()
        ) {
            let text = list(&events);
            let at = (0..=at.index(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            prop_assert!(read(&text[..at]).is_err(), "{}", &text[..at]);
        }
    }
}
