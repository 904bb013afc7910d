//! What a folder holds, by the product's own readers.

use std::collections::HashMap;
use std::path::Path;

use weir_event::{LocalDay, Millis, QueueBooks, Reason, Seq, SiteId};
use weir_queue::{Entry, QueueReader};
use weir_store::{BookEntry, StoreBooks, StoreReader};

use super::furnish::open_untouched;
use super::known::{Site, number_of};

/// Rows of a house that are read at once: more than one ever has.
const ROWS_MAX: usize = 1_000_000;

/// Where every event is, and the books beside.
pub(super) struct Look {
    /// Log rows, by number.
    pub stored: HashMap<usize, u64>,
    /// Rows of the queue past the checkpoint, by number.
    pub pending: HashMap<usize, u64>,
    /// Rows of the queue past the checkpoint of any kind.
    pub pending_rows: usize,
    /// Log rows of the house's sites that carry no number.
    pub strange: u64,
    pub received: Millis,
    pub queue: QueueBooks,
    pub store: StoreBooks,
}

impl Look {
    /// At a folder whose server is dead, leaving every byte of its databases as it is.
    pub fn at_rest(data: &Path, sites: &[Site]) -> anyhow::Result<Self> {
        // These close last, and leave the WAL alone.
        let held = [open_untouched(&data.join("queue.db"))?, open_untouched(&data.join("weir.db"))?];
        let look = Self::read(data, sites);
        drop(held);
        look
    }

    fn read(data: &Path, sites: &[Site]) -> anyhow::Result<Self> {
        let mut queue = QueueReader::open(&data.join("queue.db"))?;
        let reader = StoreReader::open(&data.join("weir.db"))?;
        let rows = queue.pending(Seq(0), ROWS_MAX)?;
        let mut stored = HashMap::new();
        let mut strange = 0;
        let books = reader.read(|reading| {
            for site in sites {
                reading.log(site.id, Millis(i64::MIN), Millis(i64::MAX), &mut |row| match number_of(
                    row.props,
                ) {
                    Some(number) => *stored.entry(number).or_default() += 1,
                    None => strange += 1,
                })?;
            }
            reading.ledger()
        })?;
        let (checkpoint, read) = (books.checkpoint, read_on(&mut queue, &books)?);
        let left: Vec<_> = rows.into_iter().filter(|row| row.seq > read).collect();
        let mut pending = HashMap::new();
        for row in &left {
            if let Ok(Entry::Event(event)) = row.decode()
                && let Some(number) = number_of(&event.props)
            {
                *pending.entry(number).or_default() += 1;
            }
        }
        let (queue, store) = read_books(&mut queue, &reader)?;
        let received = checkpoint.map_or(Millis(0), |c| c.received);
        Ok(Self { stored, pending, pending_rows: left.len(), strange, received, queue, store })
    }

    /// Sites and days of receipt whose books do not balance, with what is received and found.
    pub fn unbalanced(&self) -> Vec<String> {
        let mut books: HashMap<(SiteId, LocalDay), (u64, u64)> = HashMap::new();
        for (of, n) in self.store.received(&self.queue) {
            books.entry((of.site, of.day)).or_default().0 += n;
        }
        for (of, n) in self.store.lost(&self.queue) {
            books.entry((of.site, of.day)).or_default().1 += n;
        }
        for (of, n) in &self.queue.pending {
            books.entry((of.site, of.day)).or_default().1 += n;
        }
        for (site, day, _, n) in &self.store.entries {
            books.entry((*site, *day)).or_default().1 += n;
        }
        let wrong = books.into_iter().filter(|(_, (received, found))| received != found);
        let told = |((site, day), (received, found)): ((SiteId, LocalDay), (u64, u64))| {
            format!("site {site}, {day}: {received} received, {found} accounted for")
        };
        wrong.map(told).collect()
    }

    /// Events that the books call lost.
    pub fn lost(&self) -> u64 {
        self.store.lost(&self.queue).values().sum()
    }

    /// Events of a kind of verdict, of these sites.
    pub fn booked(&self, sites: &[SiteId], is_of: impl Fn(BookEntry) -> bool) -> u64 {
        let of = |entry: &&(SiteId, LocalDay, BookEntry, u64)| sites.contains(&entry.0) && is_of(entry.2);
        self.store.entries.iter().filter(of).map(|(.., n)| n).sum()
    }
}

/// Whether the log has a row of each event that is booked so.
pub(super) fn is_logged(entry: BookEntry) -> bool {
    match entry {
        BookEntry::Stored => true,
        BookEntry::SetAside(reason) => reason != Reason::SiteRemoved,
        _ => false,
    }
}

/// The number in the queue after which the store has taken nothing.
pub(super) fn read_on(queue: &mut QueueReader, books: &StoreBooks) -> anyhow::Result<Seq> {
    Ok(QueueBooks { openings: queue.openings()?, ..QueueBooks::default() }
        .resume_after(|queue| books.taken.get(&queue).copied()))
}

/// Both sides: nobody writes either.
fn read_books(queue: &mut QueueReader, reader: &StoreReader) -> anyhow::Result<(QueueBooks, StoreBooks)> {
    queue.books_with(|file| {
        let books = reader.read(|reading| reading.ledger())?;
        Ok((Some(books.resume_after(file)), books))
    })
}

#[cfg(test)]
mod tests {
    use weir_queue::{Queue, QueueOptions};
    use weir_store::Store;
    use weir_testkit::page_view;

    use super::*;

    const NAMES: [&str; 4] = ["queue.db", "queue.db-wal", "weir.db", "weir.db-wal"];

    #[test]
    fn a_look_at_what_a_kill_left_sees_the_wal_and_leaves_it() {
        let (alive, dead) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let queue = Queue::open(&alive.path().join("queue.db"), QueueOptions::default()).expect("opens");
        let store = Store::open(&alive.path().join("weir.db")).expect("opens");
        let event = weir_event::Event {
            props: "{\"n\":7}".to_owned(),
            ..page_view(1, SiteId(1), 1, Millis(1_780_000_000_000))
        };
        queue.append_blocking(vec![Entry::Event(Box::new(event))]).expect("appends");
        // As a kill would leave them: no connection has been closed.
        let bytes = |folder: &Path| NAMES.map(|name| std::fs::read(folder.join(name)).expect("a file"));
        for name in NAMES {
            std::fs::copy(alive.path().join(name), dead.path().join(name)).expect("copies");
        }
        let before = bytes(dead.path());
        assert!(before[1].len() > 16 * 1024, "the row is in the WAL only");
        let look = Look::at_rest(dead.path(), &[]).expect("looks");
        assert_eq!((look.pending.get(&7), look.pending_rows), (Some(&1), 1));
        assert_eq!(look.unbalanced(), Vec::<String>::new());
        assert!(before == bytes(dead.path()), "a look has changed what it looks at");
        drop((queue, store));
    }
}
