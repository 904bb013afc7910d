//! What the senders know: every event that they made, and whether it was acknowledged.

use serde_json::{Value, json};
use weir_event::{Millis, SiteId, Zone};
use weir_testkit::event_id;

use crate::Dice;

/// Sites whose midnights lie all round the clock; one has no whole hours.
pub(super) const SITES: [(&str, &str); 4] = [
    ("one.example", "UTC"),
    ("two.example", "Asia/Kathmandu"),
    ("three.example", "America/St_Johns"),
    ("four.example", "Pacific/Kiritimati"),
];

/// Younger than what is refused as too old, also when it is sent again later.
const AGE_MS_MAX: u64 = 20 * 3_600_000;

const VISITORS: u64 = 40;

/// A site that stays, with its number in the registry.
pub(super) struct Site {
    pub id: SiteId,
    pub domain: &'static str,
    pub zone: Zone,
}

/// An event with a number, which its property `n` carries into the log.
#[derive(Debug, Clone)]
pub(super) struct KnownEvent {
    /// Its place in [`SITES`].
    pub site: usize,
    pub time: Millis,
    pub visitor: u64,
    pub path: u64,
    pub is_custom: bool,
    pub is_bot: bool,
    /// Not sent over HTTP but received long ago: it can't be sent again.
    pub is_past: bool,
    pub is_acknowledged: bool,
    /// Gone with a queue file, and it can't be sent again.
    pub is_lost: bool,
}

/// All events of a house, by number.
#[derive(Default)]
pub(super) struct Known {
    pub events: Vec<KnownEvent>,
    /// Sent, and nobody knows whether they arrived.
    pub unsure: Vec<usize>,
}

/// Events of one request, all of one visitor's browser.
pub(super) struct Delivery {
    pub numbers: Vec<usize>,
    pub visitor: u64,
}

impl Known {
    pub fn make(&mut self, dice: &mut Dice, now: Millis, is_past: bool) -> usize {
        let age = if dice.one_in(5) { dice.below(AGE_MS_MAX) } else { 0 };
        self.events.push(KnownEvent {
            site: dice.index(SITES.len()),
            time: now - i64::try_from(age).unwrap_or(0),
            visitor: dice.below(VISITORS),
            path: dice.below(30),
            is_custom: dice.one_in(4),
            is_bot: dice.one_in(12),
            is_past,
            is_acknowledged: false,
            is_lost: false,
        });
        self.events.len() - 1
    }

    /// An event of the first site and of this moment.
    pub fn make_now(&mut self, dice: &mut Dice, now: Millis) -> usize {
        let number = self.make(dice, now, false);
        let event = &mut self.events[number];
        (event.site, event.time) = (0, now);
        number
    }

    /// They are in no file any more: nobody has acknowledged them.
    pub fn lose(&mut self, numbers: impl Iterator<Item = usize>) {
        for number in numbers {
            let event = &mut self.events[number];
            event.is_acknowledged = false;
            match event.is_past {
                true => event.is_lost = true,
                false => self.unsure.push(number),
            }
        }
    }

    /// They are in a file again that will be read.
    pub fn regain(&mut self, numbers: impl Iterator<Item = usize>) {
        for number in numbers {
            let event = &mut self.events[number];
            (event.is_acknowledged, event.is_lost) = (true, false);
        }
    }

    /// Some acknowledged event that may be sent again.
    pub fn any_acknowledged(&self, dice: &mut Dice) -> Option<usize> {
        let number = dice.index(self.events.len());
        let event = self.events.get(number)?;
        (event.is_acknowledged && !event.is_past).then_some(number)
    }

    pub fn acknowledge(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.events[*number].is_acknowledged = true;
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.events.iter().filter(|event| event.is_acknowledged).count()
    }
}

impl Delivery {
    /// As the tracker sends it.
    pub fn body(&self, known: &[KnownEvent], now: Millis) -> String {
        let events: Vec<Value> = self.numbers.iter().map(|number| wire(*number, &known[*number])).collect();
        json!({"sentAt": now.0, "events": events}).to_string()
    }
}

fn wire(number: usize, event: &KnownEvent) -> Value {
    let mut wire = json!({
        "id": event_id(number as u64).to_string(),
        "type": if event.is_custom { "event" } else { "pageview" },
        "url": format!("https://{}/p/{}", SITES[event.site].0, event.path),
        "timestamp": event.time.0,
        "props": {"n": number},
        "webdriver": event.is_bot,
    });
    if event.is_custom {
        wire["name"] = json!("signup");
    }
    wire
}

/// The number that a property carries.
pub(super) fn number_of(props: &str) -> Option<usize> {
    props.strip_prefix("{\"n\":")?.strip_suffix('}')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_carries_its_number_and_an_age_that_is_taken() {
        let (mut known, mut dice, now) = (Known::default(), Dice::new(1), Millis(1_780_000_000_000));
        let numbers: Vec<usize> = (0..200).map(|_| known.make(&mut dice, now, false)).collect();
        assert!(known.events.iter().all(|event| event.time <= now && now - event.time < Millis::DAY));
        let body = Delivery { numbers, visitor: 1 }.body(&known.events, now);
        let body: Value = serde_json::from_str(&body).expect("JSON");
        for (number, event) in body["events"].as_array().expect("a list").iter().enumerate() {
            assert_eq!(number_of(&event["props"].to_string()), Some(number));
        }
        for strange in ["", "{}", "{\"n\":}", "{\"n\":1,\"m\":2}", "{\"m\":1}"] {
            assert_eq!(number_of(strange), None, "{strange}");
        }
    }

    #[test]
    fn what_is_acknowledged_may_be_sent_again_unless_it_is_of_the_past() {
        let (mut known, mut dice, now) = (Known::default(), Dice::new(1), Millis(1_780_000_000_000));
        let past = known.make(&mut dice, now, true);
        known.acknowledge(&[past]);
        assert!((0..50).all(|_| known.any_acknowledged(&mut dice).is_none()));
        let unsure = known.make(&mut dice, now, false);
        let arrived = known.make(&mut dice, now, false);
        known.acknowledge(&[arrived]);
        let again: Vec<usize> = (0..50).filter_map(|_| known.any_acknowledged(&mut dice)).collect();
        assert!(!again.is_empty() && again.iter().all(|number| *number == arrived && *number != unsure));
        assert_eq!(known.acknowledged(), 2);
    }
}
