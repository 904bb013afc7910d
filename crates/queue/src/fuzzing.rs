//! What must hold of any bytes in a row. Behind `--cfg fuzzing`, which no release sets, and in tests.

use weir_event::{Event, LocalDay, QueueId, Seq, SiteId};

use crate::delivery::NewRows;
use crate::row::KIND_CONTROL;
use crate::{Entry, Row};

fn row(kind: u8, body: &[u8]) -> Row {
    let (queue, received_day) = (QueueId([1; 16]), LocalDay(20_000));
    Row { queue, seq: Seq(1), site: SiteId(7), received_day, kind, body: body.to_vec() }
}

/// A row's kind, then its body: whatever can be read can be written and read again.
pub fn row_body(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let Ok(entry) = row(kind % (KIND_CONTROL + 2), body).decode() else { return };
    match &entry {
        Entry::Event(event) => round_trip(event),
        Entry::Control(_) => assert_eq!(written(&entry), entry),
    }
}

/// An event is read as it was written.
pub fn round_trip(event: &Event) {
    let event = Event { site: SiteId(7), received_day: LocalDay(20_000), ..event.clone() };
    let entry = Entry::Event(Box::new(event));
    assert_eq!(written(&entry), entry);
}

fn written(entry: &Entry) -> Entry {
    let rows = NewRows::of_entries(std::slice::from_ref(entry));
    let new = rows.iter().next().expect("one entry is one row");
    row(new.kind, new.body).decode().expect("what was written can be read")
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_row_is_read_or_refused() {
        weir_testkit::replay("row", super::row_body);
    }
}
