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
    text: &'a str,
    at: usize,
}

impl<'a> Unpacking<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next event, or the end of the list.
    pub fn event(&mut self) -> Result<Option<PackedEvent<&'a str>>, StoreError> {
        match (self.byte(), self.byte()) {
            (Some(b'['), Some(b']')) if self.at == 2 => return Ok(None),
            (Some(b'[' | b','), Some(b'[')) => {}
            (Some(b']'), None) => return Ok(None),
            _ => return Err(self.unreadable()),
        }
        let mut numbers = [Some(0); PLACES];
        numbers[AMOUNT] = None;
        let mut props = "";
        for (place, number) in numbers.iter_mut().enumerate() {
            if place == PROPS && self.text.as_bytes().get(self.at) == Some(&b'{') {
                props = self.object()?;
            } else {
                *number = self.number()?;
            }
            match self.byte() {
                Some(b',') if place + 1 < PLACES => {}
                Some(b']') => return self.packed(&numbers, props).map(Some),
                _ => break,
            }
        }
        Err(self.unreadable())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        byte
    }

    fn number(&mut self) -> Result<Option<i64>, StoreError> {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        if rest.starts_with(b"null") {
            self.at += 4;
            return Ok(None);
        }
        let negative = rest.first() == Some(&b'-');
        let (mut number, mut read) = (0_i64, usize::from(negative));
        for digit in rest[read..].iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit < 10) {
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            read += 1;
        }
        self.at += read;
        if read == usize::from(negative) {
            return Err(self.unreadable());
        }
        Ok(Some(if negative { -number } else { number }))
    }

    fn object(&mut self) -> Result<&'a str, StoreError> {
        let from = self.at;
        let (mut depth, mut quoted, mut escaped) = (0, false, false);
        while let Some(byte) = self.byte() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 1 => depth -= 1,
                b'}' => return Ok(&self.text[from..self.at]),
                _ => {}
            }
        }
        Err(self.unreadable())
    }

    fn packed(
        &self,
        numbers: &[Option<i64>; PLACES],
        props: &'a str,
    ) -> Result<PackedEvent<&'a str>, StoreError> {
        let [second, page, source, kind, engaged_ms, name, _, set_aside, days_late, currency, amount, client] =
            *numbers;
        let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let small = |number: Option<i64>| number.and_then(|number| u8::try_from(number).ok());
        let read = || {
            Some(PackedEvent {
                second: second?,
                page: number(page)?,
                source: number(source)?,
                kind: small(kind)?,
                name: number(name)?,
                engaged_ms: number(engaged_ms)?,
                days_late: i32::try_from(days_late?).ok()?,
                set_aside: small(set_aside)?,
                currency: number(currency)?,
                amount,
                client: number(client)?,
                props,
            })
        };
        read().ok_or_else(|| self.unreadable())
    }

    fn unreadable(&self) -> StoreError {
        StoreError::Unreadable(format!("a sealed visitor's events, at byte {}", self.at))
    }
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
        let mut unpacking = Unpacking::new(text);
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
