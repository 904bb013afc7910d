//! What must hold of any text that is to be an id, a zone or a date. Behind `--cfg fuzzing`, which no
//! release sets, and in tests.

use crate::{EventId, LocalDay, Millis, Zone};

pub fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<EventId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.tie() < 1 << 24);
    }
    if let Ok(day) = text.parse::<LocalDay>() {
        assert_eq!(day.to_string().parse::<LocalDay>().ok(), Some(day), "{text}");
        assert_eq!(LocalDay::from_date(day.date()), day);
    }
    if let Ok(zone) = text.parse::<Zone>() {
        zone_holds(&zone);
    }
}

/// Days of this zone follow one another without a gap.
fn zone_holds(zone: &Zone) {
    assert!(zone.name().parse::<Zone>().is_ok_and(|again| again.name() == zone.name()), "{}", zone.name());
    for secs in [0, 951_782_400, 1_780_000_000, 4_102_444_800] {
        let time = Millis::from_secs(secs);
        let day = zone.day_of(time);
        let frame = zone.frame(day);
        assert!(frame.contains(time), "{} {time}", zone.name());
        assert_eq!(frame.start, zone.start_of(day));
        assert_eq!(frame.end, zone.start_of(day.next()));
        let ends = frame.hours.iter().skip(1).map(|hour| hour.start_secs).chain([frame.end.secs()]);
        assert_eq!(frame.hours.first().map(|hour| hour.start_secs), Some(frame.start.secs()));
        assert!(
            frame.hours.iter().zip(ends).all(|(hour, end)| (1..=3_600).contains(&(end - hour.start_secs)))
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_text_is_understood_or_refused() {
        weir_testkit::replay("words", super::words);
    }
}
