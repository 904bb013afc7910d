use std::fmt;
use std::str::FromStr;

/// A site's number in the registry. Numbers are never used again after a site is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(pub u32);

/// Who, within one site and one local day: a keyed hash that no later day can be related to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorId(pub u64);

/// A row's place in one queue file. Only comparable within that file: a copy that was appended to
/// has given the same numbers to other rows, though never within the same [`QueueId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub i64);

/// Names one opening of a queue file: made when whoever opened the file first appends, so that a
/// sequence number of one file is never mistaken for a number of another, nor for one of its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub [u8; 16]);

/// An event's id, a `UUIDv7` made in the browser. Two deliveries of one event carry the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// A version 7 id from its parts: 48 bits of milliseconds and 74 bits of `rest` (the caller's
    /// randomness, or a hash where the same bytes must give the same id).
    pub fn from_parts(unix_ms: u64, rest: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&rest);
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// 24 bits of the id that order events of equal time. The last bytes, since the first are time
    /// and, within a millisecond, a counter that many browsers start at the same value.
    pub fn tie(self) -> u32 {
        u32::from_be_bytes([0, self.0[13], self.0[14], self.0[15]])
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The text is no UUID: 32 hexadecimal digits, with or without hyphens, are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event id is a UUID: 32 hexadecimal digits, with or without hyphens")]
pub struct NotAnEventId;

const NO_DIGIT: u8 = u8::MAX;

/// The value of each byte as a hexadecimal digit: every event's id is read, and looking digits up is
/// several times quicker than computing them.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut n = 0;
    while n < 16 {
        digits[b"0123456789abcdef"[n] as usize] = n as u8;
        digits[b"0123456789ABCDEF"[n] as usize] = n as u8;
        n += 1;
    }
    digits
};

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        if text.len() > 36 {
            return Err(NotAnEventId);
        }
        let mut bytes = [0u8; 16];
        let mut digits = 0;
        for c in text.as_bytes() {
            if *c == b'-' {
                continue;
            }
            let value = DIGITS[usize::from(*c)];
            if value == NO_DIGIT || digits == 32 {
                return Err(NotAnEventId);
            }
            bytes[digits / 2] = bytes[digits / 2] << 4 | value;
            digits += 1;
        }
        if digits == 32 { Ok(Self(bytes)) } else { Err(NotAnEventId) }
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_survives_its_text() {
        let id: EventId = "0193f5d2-7c1a-7abc-8def-0123456789ab".parse().expect("a UUID");
        assert_eq!(id.to_string(), "0193f5d2-7c1a-7abc-8def-0123456789ab");
        assert_eq!("0193f5d27c1a7abc8def0123456789ab".parse(), Ok(id));
        assert_eq!("0193F5D2-7C1A-7ABC-8DEF-0123456789AB".parse(), Ok(id));
        assert_eq!(id.tie(), 0x6789ab);
    }

    #[test]
    fn text_that_is_no_uuid_is_refused() {
        for text in [
            "",
            "0193",
            "zz93f5d2-7c1a-7abc-8def-0123456789ab",
            "0193f5d2-7c1a-7abc-8def-0123456789abcd",
            "0193f5d27c1a7abc8def0123456789abc",
            "0193f5d2-7c1a-7abc-8def-0123456789a\u{e9}",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(NotAnEventId), "{text:?}");
        }
    }

    #[test]
    fn an_id_from_parts_is_version_7_and_keeps_its_time() {
        let id = EventId::from_parts(0x0193_f5d2_7c1a, [0xff; 10]);
        assert_eq!(id.to_string(), "0193f5d2-7c1a-7fff-bfff-ffffffffffff");
    }
}
