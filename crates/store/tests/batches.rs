//! Batches of the store on a real file: all or nothing, numbers that never lie, bounded dictionaries.

use tempfile::TempDir;
use weir_event::{EventId, Kind, LocalDay, Millis, QueueId, Reason, Seq, SiteId, Zone, limits};
use weir_rollups::{Client, Counters, Delta, FOLD_VERSION, Key, Source, Table, UnitEvent, ValueId};
use weir_store::{
    Batch, BookEntry, Checkpoint, Dimension, Forget, NewRow, SeenIds, SiteDay, Store, StoreReader, UnitKey,
};

const SITE: SiteId = SiteId(1);
const DAY: LocalDay = LocalDay(20_602);
const NOON: Millis = Millis(20_602 * Millis::DAY + Millis::DAY / 2);

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("weir.db")).expect("a store");
    (folder, store)
}

fn view(tie: u32) -> UnitEvent {
    UnitEvent {
        time: NOON,
        tie,
        kind: Kind::PageView,
        page: ValueId::NONE,
        host: ValueId::NONE,
        client: Client::default(),
        source: Source::default(),
        name: ValueId::NONE,
        amount: None,
        engaged_ms: 0,
    }
}

fn row(event: UnitEvent) -> NewRow<'static> {
    NewRow { site: SITE, event, visitor: Some(7), props: "", set_aside: None, days_late: 0 }
}

fn checkpoint(seq: i64) -> Checkpoint {
    Checkpoint { queue: QueueId([7; 16]), seq: Seq(seq), received: NOON }
}

fn open_day(batch: &mut Batch<'_>) {
    let day = SiteDay::opened(Zone::utc().frame(DAY), "UTC", FOLD_VERSION, limits::VISIT_TIMEOUT_SECS);
    batch.open_day(SITE, &day).expect("opened");
}

/// A little of everything that a batch writes.
fn write_all(batch: &mut Batch<'_>, text: &str) {
    open_day(batch);
    let page = batch.text(SITE, Dimension::Page, text, DAY).expect("numbered");
    assert!(batch.remember(SITE, EventId([1; 16]), NOON).expect("asked"));
    let event = UnitEvent { page, ..view(1) };
    batch.log(&row(event)).expect("logged");
    batch.keep_unit(UnitKey { site: SITE, day: DAY, visitor: 7 }, &[event]).expect("kept");
    let mut delta = Delta::default();
    delta.add_unit(&[event], &Zone::utc().frame(DAY), limits::VISIT_TIMEOUT_SECS);
    batch.apply(SITE, &delta).expect("applied");
    batch.book(SITE, DAY, BookEntry::Stored, 1).expect("booked");
    batch.advance(checkpoint(1)).expect("advanced");
}

fn log_len(reader: &StoreReader) -> usize {
    let mut rows = 0;
    let all = (Millis(0), Millis(i64::MAX / 2));
    reader.read(|reading| reading.log(SITE, all.0, all.1, &mut |_| rows += 1)).expect("read");
    rows
}

#[test]
fn a_batch_dropped_before_its_commit_never_happened() {
    let (folder, mut store) = store();
    let mut batch = store.begin().expect("begun");
    write_all(&mut batch, "/dropped");
    drop(batch);
    let sql = rusqlite::Connection::open(folder.path().join("weir.db")).expect("opens");
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut tables = sql.prepare(tables).expect("prepared");
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).expect("queried").collect::<Result<_, _>>().expect("read");
    for table in tables {
        let count = format!("SELECT count(*) FROM {table}");
        let rows: i64 = sql.query_row(&count, [], |row| row.get(0)).expect("counted");
        assert_eq!(rows, 0, "{table}");
    }
    // The same again, and this time it holds: nothing of the first try was remembered.
    let mut batch = store.begin().expect("begun");
    write_all(&mut batch, "/kept");
    batch.commit().expect("committed");
    assert_eq!(log_len(&store.reader()), 1);
}

#[test]
fn a_number_that_was_rolled_back_is_not_remembered_for_its_text() {
    let (_folder, mut store) = store();
    let mut number = |text: &str, keep: bool| {
        let mut batch = store.begin().expect("begun");
        let id = batch.text(SITE, Dimension::Page, text, DAY).expect("numbered");
        if keep {
            batch.commit().expect("committed");
        }
        id
    };
    let dropped = number("/a", false);
    let kept = number("/b", true);
    assert_eq!(dropped, kept, "the number is free again");
    assert_ne!(number("/a", true), kept);
    assert_eq!(number("/b", false), kept);
}

#[test]
fn events_of_one_time_and_tie_get_the_next_free_ties() {
    let (_folder, mut store) = store();
    let last = (1 << 24) - 1;
    let mut batch = store.begin().expect("begun");
    let mut ties = |ties: &[u32]| -> Vec<u32> {
        ties.iter().map(|tie| batch.log(&row(view(*tie))).expect("logged")).collect()
    };
    assert_eq!(ties(&[5, 5, 6, 5]), [5, 6, 7, 8]);
    assert_eq!(ties(&[last, last, last]), [last, 0, 1], "past the last comes the first");
    batch.commit().expect("committed");
    assert_eq!(log_len(&store.reader()), 7);
}

fn forget(before: Millis) -> Forget {
    Forget { before, ids_max: 1_000, looks: 1_000 }
}

/// Ids received an hour apart, `per_hour` in each of `hours`.
fn remember_hours(batch: &mut Batch<'_>, hours: u8, per_hour: u8) {
    for hour in 0..hours {
        for n in 0..per_hour {
            let id = EventId([n, hour, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            assert!(batch.remember(SITE, id, NOON + i64::from(hour) * Millis::HOUR).expect("asked"));
        }
    }
}

#[test]
fn old_ids_are_forgotten_a_few_at_a_time_and_all_of_them_in_the_end() {
    let (_folder, mut store) = store();
    let mut batch = store.begin().expect("begun");
    remember_hours(&mut batch, 4, 25);
    batch.commit().expect("committed");
    let mut forgotten = Vec::new();
    for _ in 0..12 {
        // Each in a transaction of its own: where a look ended is kept.
        let mut batch = store.begin().expect("begun");
        let asked = Forget { looks: 10, ..forget(NOON + 2 * Millis::HOUR) };
        forgotten.push(batch.forget_ids(asked).expect("forgot"));
        batch.commit().expect("committed");
    }
    assert!(forgotten.iter().all(|n| *n <= 10), "{forgotten:?}");
    assert_eq!(forgotten.iter().sum::<usize>(), 50, "{forgotten:?}");
    let seen = store.reader().read(|reading| reading.seen_ids(1_000)).expect("read");
    assert_eq!(seen, SeenIds { ids: 50, since: None });
}

#[test]
fn old_ids_are_forgotten_while_newer_ones_come_behind_them_in_every_batch() {
    let (_folder, mut store) = store();
    for hour in 0..100u8 {
        let now = NOON + i64::from(hour) * Millis::HOUR;
        let mut batch = store.begin().expect("begun");
        for n in 0..5 {
            let id = EventId([hour, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            assert!(batch.remember(SITE, id, now).expect("asked"));
        }
        batch.forget_ids(Forget { looks: 10, ..forget(now - 2 * Millis::HOUR) }).expect("forgot");
        batch.commit().expect("committed");
    }
    let seen = store.reader().read(|reading| reading.seen_ids(1_000)).expect("read");
    assert!(seen.ids <= 30, "{seen:?}");
}

#[test]
fn so_many_ids_are_held_and_with_one_more_the_oldest_hours_go_first() {
    let (_folder, mut store) = store();
    let mut batch = store.begin().expect("begun");
    remember_hours(&mut batch, 4, 25);
    let all = |ids_max| Forget { ids_max, ..forget(Millis(0)) };
    assert_eq!(batch.forget_ids(all(100)).expect("forgot"), 0, "as many as may be");
    assert_eq!(batch.forget_ids(all(99)).expect("forgot"), 25, "the oldest hour");
    batch.commit().expect("committed");
    let seen = store.reader().read(|reading| reading.seen_ids(74)).expect("read");
    assert_eq!(seen, SeenIds { ids: 75, since: Some(NOON + 2 * Millis::HOUR) });
}

#[test]
fn an_id_is_known_from_its_first_receipt_until_it_is_forgotten() {
    let (_folder, mut store) = store();
    let mut batch = store.begin().expect("begun");
    let (id, other) = (EventId([1; 16]), EventId([2; 16]));
    assert!(batch.remember(SITE, id, NOON).expect("asked"));
    assert!(!batch.remember(SITE, id, NOON + Millis::DAY).expect("asked"));
    assert!(batch.remember(SiteId(2), id, NOON).expect("asked"), "another site's id is another id");
    assert!(batch.remember(SITE, other, NOON + Millis::SECOND).expect("asked"));
    assert_eq!(batch.forget_ids(forget(NOON)).expect("forgot"), 0);
    assert_eq!(batch.forget_ids(forget(NOON + Millis::SECOND)).expect("forgot"), 2);
    assert!(batch.remember(SITE, id, NOON).expect("asked"));
    assert!(!batch.remember(SITE, other, NOON).expect("asked"));
}

/// How many new texts a day may bring, which texts came before, and what one more is called.
fn check_bound(dimension: Dimension, text: impl Fn(u32) -> String, other: &str) {
    let (_folder, mut store) = store();
    let max = dimension.new_per_day_max().expect("a bound");
    let mut batch = store.begin().expect("begun");
    let mut number = |text: &str, day| batch.text(SITE, dimension, text, day).expect("numbered");
    let yesterdays = number(&text(0), DAY.previous());
    let ids: Vec<ValueId> = (1..=max).map(|n| number(&text(n), DAY)).collect();
    let beyond = number(&text(max + 1), DAY);
    assert!(!ids.contains(&beyond) && beyond != yesterdays);
    assert_eq!(number(&text(max + 2), DAY), beyond, "all that is beyond is one");
    assert_eq!(number(&text(max), DAY), ids[max as usize - 1], "what has a number keeps it");
    assert_eq!(number(&text(0), DAY), yesterdays);
    let tomorrows = number(&text(max + 1), DAY.next());
    assert_ne!(tomorrows, beyond, "tomorrow it gets a number of its own");
    batch.commit().expect("committed");
    let read = store.reader().read(|reading| reading.text(beyond)).expect("read");
    assert_eq!(&*read, other);
}

#[test]
fn beyond_the_bound_of_a_day_new_texts_are_one() {
    check_bound(Dimension::UtmTerm, |n| format!("term {n}"), "(other)");
    check_bound(Dimension::Page, |n| format!("/{n}"), "(other)");
}

#[test]
fn pages_beyond_the_bound_keep_their_hosts_apart_but_made_up_hosts_are_one() {
    let (folder, mut store) = store();
    let sql = rusqlite::Connection::open(folder.path().join("weir.db")).expect("opens");
    let full = "INSERT INTO growth (site, day, dimension, added) VALUES (1, ?1, ?2, ?3)";
    let mut batch = store.begin().expect("begun");
    let known = batch.text(SITE, Dimension::Host, "shop.example.com", DAY.previous()).expect("numbered");
    batch.commit().expect("committed");
    for dimension in [Dimension::Page, Dimension::Host] {
        let max = dimension.new_per_day_max().expect("a bound");
        sql.execute(full, (DAY.0, dimension as u8, max)).expect("filled");
    }
    let mut batch = store.begin().expect("begun");
    let mut page = |host: ValueId, page: &str| batch.page(SITE, page, host, DAY).expect("numbered");
    let on_shop = page(known, "shop.example.com/a");
    assert_eq!(on_shop, page(known, "shop.example.com/b"));
    assert_eq!(on_shop.1, known);
    let made_up = |batch: &mut Batch<'_>, n: u32| {
        let host = format!("x{n}.example.com");
        let id = batch.text(SITE, Dimension::Host, &host, DAY).expect("numbered");
        batch.page(SITE, &format!("{host}/a"), id, DAY).expect("numbered")
    };
    let first = made_up(&mut batch, 1);
    assert_eq!(made_up(&mut batch, 2), first);
    assert_ne!(first.0, on_shop.0);
    batch.commit().expect("committed");
    let texts = |id| store.reader().read(|reading| reading.text(id)).expect("read").to_string();
    assert_eq!(texts(on_shop.0), "shop.example.com(other)");
    assert_eq!((texts(first.0), texts(first.1)), ("(other)(other)".to_owned(), "(other)".to_owned()));
}

#[test]
fn a_row_that_reaches_zero_is_gone_from_hours_days_and_months() {
    let (folder, mut store) = store();
    let frame = Zone::utc().frame(DAY);
    let mut batch = store.begin().expect("begun");
    let page = batch.text(SITE, Dimension::Page, "/a", DAY).expect("numbered");
    let event = UnitEvent { page, ..view(1) };
    let mut delta = Delta::default();
    delta.add_unit(&[event], &frame, limits::VISIT_TIMEOUT_SECS);
    batch.apply(SITE, &delta).expect("applied");
    let mut delta = Delta::default();
    delta.take_unit(&[event], &frame, limits::VISIT_TIMEOUT_SECS);
    batch.apply(SITE, &delta).expect("applied");
    batch.commit().expect("committed");
    let sql = rusqlite::Connection::open(folder.path().join("weir.db")).expect("opens");
    for table in Table::ALL {
        let count = format!("SELECT count(*) FROM {}", table.name());
        let rows: i64 = sql.query_row(&count, [], |row| row.get(0)).expect("counted");
        assert_eq!(rows, 0, "{}", table.name());
    }
}

#[test]
fn rows_are_read_by_role_and_bucket_and_proofs_see_every_role() {
    let (_folder, mut store) = store();
    let mut batch = store.begin().expect("begun");
    let mut delta = Delta::default();
    let key = |role, bucket| Key {
        table: Table::Page,
        grain: weir_event::Grain::Hour,
        role,
        bucket,
        value: ValueId(1),
        second: ValueId::NONE,
    };
    let counters = Counters { pageviews: 1, ..Counters::default() };
    for (role, bucket) in [(0, 10), (0, 20), (1, 15), (2, 30), (9, 15)] {
        delta.add(key(role, bucket), counters);
    }
    batch.apply(SITE, &delta).expect("applied");
    batch.commit().expect("committed");
    let read = |from, to| {
        let mut found = Vec::new();
        let read = store.reader().read(|reading| {
            reading.table(SITE, Table::Page, weir_event::Grain::Hour, from, to, &mut |key, _| {
                found.push((key.role, key.bucket));
                Ok(())
            })
        });
        read.expect("read");
        found
    };
    assert_eq!(read(10, 20), [(0, 10), (0, 20), (1, 15), (9, 15)]);
    assert_eq!(read(11, 15), [(1, 15), (9, 15)]);
    assert_eq!(read(31, 40), []);
}

#[test]
fn an_open_visitors_events_come_back_as_they_were_kept() {
    let (_folder, mut store) = store();
    let mut batch = store.begin().expect("begun");
    let host = batch.text(SITE, Dimension::Host, "example.com", DAY).expect("numbered");
    let (page, host) = batch.page(SITE, "/a", host, DAY).expect("numbered");
    let key = UnitKey { site: SITE, day: DAY, visitor: u64::MAX };
    let client = Client { browser: ValueId(3), country: ValueId(4), ..Client::default() };
    let source = Source { source: ValueId(5), own: true, ..Source::default() };
    let full = UnitEvent {
        page,
        host,
        client,
        source,
        name: ValueId(6),
        amount: Some((ValueId(7), i64::MIN)),
        engaged_ms: u32::MAX,
        kind: Kind::Custom,
        ..view(9)
    };
    let events = [UnitEvent { page, host, ..view(1) }, UnitEvent { time: NOON + 1, ..full }];
    batch.keep_unit(key, &events[1..]).expect("kept");
    batch.add_to_unit(key, &events[..1]).expect("added");
    batch.commit().expect("committed");
    let mut batch = store.begin().expect("begun");
    assert_eq!(batch.unit(key).expect("read"), events);
    assert_eq!(batch.unit(UnitKey { visitor: 1, ..key }).expect("read"), []);
    drop(batch);
    // Too many for memory: what is read again was a row meanwhile.
    let mut store = store.with_open_visitors(0);
    for round in 0..3 {
        let mut batch = store.begin().expect("begun");
        let kept = if round == 0 { batch.keep_unit(key, &events) } else { Ok(()) };
        kept.expect("kept");
        assert_eq!(batch.unit(key).expect("read"), events, "{round}");
        batch.add_to_unit(UnitKey { visitor: round, ..key }, &events[..1]).expect("added");
        batch.commit().expect("committed");
    }
}

#[test]
fn an_open_days_visitors_are_found_in_the_log_by_whoever_opens_the_store_next() {
    let (folder, mut store) = store();
    let day = SiteDay::opened(Zone::utc().frame(DAY), "UTC", FOLD_VERSION, limits::VISIT_TIMEOUT_SECS);
    let event = |n: u32| UnitEvent { time: NOON + i64::from(n), engaged_ms: n, ..view(n) };
    let mut batch = store.begin().expect("begun");
    for n in 1..=9 {
        let set_aside = (n == 5).then_some(Reason::Bot);
        let visitor = (n != 6).then_some(u64::from(n % 2));
        batch.log(&NewRow { set_aside, visitor, ..row(event(n)) }).expect("logged");
    }
    batch.commit().expect("committed");
    for bytes_max in [usize::MAX, 300, 0] {
        drop(store);
        store = Store::open(&folder.path().join("weir.db")).expect("opens").with_open_visitors(bytes_max);
        let mut batch = store.begin().expect("begun");
        batch.load_units(SITE, &day).expect("loaded");
        for (visitor, expected) in [(0, vec![2, 4, 8]), (1, vec![1, 3, 7, 9]), (2, vec![])] {
            let found = batch.unit(UnitKey { site: SITE, day: DAY, visitor }).expect("read");
            assert_eq!(found, expected.into_iter().map(event).collect::<Vec<_>>(), "{bytes_max}");
        }
        batch.commit().expect("committed");
    }
}
