use proptest::prelude::*;
use rusqlite::types::Value;
use weir_event::{Zone, limits};
use weir_rollups::FOLD_VERSION;
use weir_sqlite::{OwnFile, Tuning};

use super::*;
use crate::sqlite::schema;
use crate::{DayState, LogPlace, SiteDay, Store};

const SITE: SiteId = SiteId(1);
const DAY: LocalDay = LocalDay(20_602);

/// A row of the log as the file has it before the day is sealed: second, tie, visitor, the rest.
type Row = (i64, u32, Option<i64>, PackedEvent<String>);

fn day() -> SiteDay {
    SiteDay::opened(Zone::utc().frame(DAY), "UTC", FOLD_VERSION, limits::VISIT_TIMEOUT_SECS)
}

/// A file of version 5 with a client, a source and the day in the given state.
fn older_file(path: &std::path::Path, state: DayState) -> OwnFile {
    let version_1 = schema::version_1();
    let steps = [&version_1, schema::VERSION_2, schema::VERSION_3, schema::VERSION_4, schema::VERSION_5];
    let file = OwnFile::open(path, Tuning::default(), &steps).expect("a file of version 5");
    let day = day();
    let sql = "INSERT INTO clients (site, browser, os, device, country) VALUES (1, 1, 2, 3, 4), (1, 1, 2, 3, 5);
               INSERT INTO sources (site, source, referrer, channel, utm_source, utm_medium, utm_campaign,
                   utm_content, utm_term, own) VALUES (1, 1, 2, 3, 4, 5, 6, 7, 8, 0);
               INSERT INTO strings (site, dimension, text) SELECT 1, value, 't' || value FROM generate_series(1, 9)";
    let sql = sql.replace("generate_series(1, 9)", "json_each('[1,2,3,4,5,6,7,8,9]')");
    file.conn().execute_batch(&sql).expect("a dictionary");
    let sql = "INSERT INTO site_days (site, day, start, end, zone, fold_version, visit_timeout_secs, state)
               VALUES (1, ?1, ?2, ?3, 'UTC', 1, 1800, ?4)";
    let row = (DAY.0, day.frame.start.secs(), day.frame.end.secs(), state as u8);
    file.conn().execute(sql, row).expect("a day");
    file
}

/// Writes rows into one of the two tables of version 5.
fn write(file: &OwnFile, table: &str, rows: &[Row]) {
    let scale = if table == "events" { 1_000 } else { 1 };
    let sql =
        format!("INSERT INTO {table} VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    let start = day().frame.start.secs();
    for (second, tie, visitor, event) in rows {
        let props = Some(&event.props).filter(|props| !props.is_empty());
        let set_aside = Some(event.set_aside).filter(|code| *code != 0);
        let values = params![
            (start + second) * scale,
            tie,
            visitor,
            event.page,
            event.kind,
            event.client,
            event.name,
            event.engaged_ms,
            event.currency,
            event.amount,
            props,
            set_aside,
            event.days_late
        ];
        file.conn().execute(&sql, values).expect("a row");
    }
}

/// Visitors in order of first appearance, as sealed rows have them.
fn ordinals(rows: &[Row]) -> Vec<Row> {
    let mut seen = Vec::new();
    let mut ordinal = |visitor| {
        seen.iter().position(|other| *other == visitor).unwrap_or_else(|| {
            seen.push(visitor);
            seen.len() - 1
        }) as i64
    };
    rows.iter().map(|row| (row.0, row.1, row.2.map(&mut ordinal), row.3.clone())).collect()
}

/// What the log says of each event, visitors as they were numbered in version 5.
fn log(store: &Store, piece: usize) -> Vec<(Option<u64>, Millis, String)> {
    let (mut found, mut place, reader) = (Vec::new(), LogPlace::Start, store.reader());
    while place != LogPlace::End {
        let range = (day().frame.start, day().frame.end);
        let read = reader.read(|reading| {
            reading.log_piece(SITE, range, &mut place, piece, &mut |row| {
                let event = row.event;
                let said = (event.page, event.kind, event.client, event.name, event.engaged_ms, event.amount);
                let rest = (row.props, row.set_aside, row.days_late);
                found.push((row.visitor, Millis::from_secs(event.time.secs()), format!("{said:?} {rest:?}")));
            })
        });
        read.expect("reads");
    }
    found
}

/// The same, of rows that were written.
fn expected(rows: &[Row]) -> Vec<(Option<u64>, Millis, String)> {
    let mut rows = ordinals(rows);
    rows.sort_by_key(|row| (row.2.is_some(), row.2, row.0, row.1));
    let told = rows.iter().map(|(second, _, visitor, event)| {
        let country = ValueId(event.client + 3);
        let client =
            weir_rollups::Client { browser: ValueId(1), os: ValueId(2), device: ValueId(3), country };
        let amount = event.amount.map(|minor| (ValueId(event.currency), minor));
        let kind = kind_of(event.kind).expect("a kind");
        let said = (ValueId(event.page), kind, client, ValueId(event.name), event.engaged_ms, amount);
        let set_aside =
            Some(event.set_aside).filter(|code| *code != 0).map(|code| reason(code).expect("a reason"));
        let rest = (event.props.as_str(), set_aside, event.days_late);
        let visitor = visitor.map(|visitor| visitor as u64 + 1);
        (visitor, Millis::from_secs(day().frame.start.secs() + second), format!("{said:?} {rest:?}"))
    });
    told.collect()
}

/// `v_events`, row by row.
fn view(file: &OwnFile) -> Vec<Vec<Value>> {
    let columns = "time_utc, visitor IS NULL, kind, page, name, props, amount, currency, engaged_ms, source,
                   utm_term, country, browser, set_aside";
    let sql = format!("SELECT {columns} FROM v_events ORDER BY {columns}");
    let mut statement = file.conn().prepare(&sql).expect("the view");
    let rows = statement.query_map([], |row| (0..14).map(|n| row.get(n)).collect::<Result<Vec<Value>, _>>());
    rows.expect("reads").collect::<Result<_, _>>().expect("reads")
}

fn event() -> impl Strategy<Value = PackedEvent<String>> {
    let props = prop_oneof![4 => Just(""), 1 => Just(r#"{"plan":"p]\"ro","n":1.50}"#)];
    let more = (0..4_u8, 0..9_u32, 0..20_000_u32, 0..2, prop_oneof![Just(0), Just(64), Just(65)]);
    let more = proptest::option::weighted(0.3, (more, proptest::option::of(-5..500_i64)));
    (1..9_u32, prop_oneof![9 => Just(1_u32), 1 => Just(2)], more, props).prop_map(
        |(page, client, more, props)| {
            let ((kind, name, engaged_ms, days_late, set_aside), amount) = more.unwrap_or_default();
            let currency = amount.map_or(0, |_| 3);
            let props = props.to_owned();
            let (second, source) = (0, 1);
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
        },
    )
}

/// Rows in the order of the key, up to some dozens of one visitor.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let visitor = proptest::option::weighted(0.95, prop_oneof![3 => Just(-7_i64), 1 => 1..5_i64]);
    let row = (0..86_400_i64, visitor, event());
    proptest::collection::vec(row, 0..150).prop_map(|mut rows| {
        rows.sort_by_key(|row| row.0);
        let numbered = rows.into_iter().enumerate();
        numbered.map(|(n, (second, visitor, event))| (second, n as u32, visitor, event)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn a_sealed_day_tells_every_event_whether_this_program_sealed_it_or_an_older_one(
        rows in rows(), piece in 1..200_usize, bytes_max in prop_oneof![Just(usize::MAX), 1..3_000_usize]
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        let before = older_file(&dir.path().join("a.db"), DayState::Closed);
        write(&before, "events", &rows);
        let seen = view(&before);
        drop(before);
        let mut store = Store::open(&dir.path().join("a.db")).expect("opens");
        let batch = store.begin().expect("begun");
        super::super::retire::copy_sealed(&batch.tx, SITE, &day(), bytes_max).expect("sealed");
        batch.tx.execute("DELETE FROM events", []).expect("moved");
        batch.commit().expect("committed");
        prop_assert_eq!(log(&store, piece), expected(&rows));
        prop_assert_eq!(view(&store.file), seen);

        let before = older_file(&dir.path().join("b.db"), DayState::Sealed);
        write(&before, "sealed_events", &ordinals(&rows));
        let seen = view(&before);
        drop(before);
        let store = Store::open(&dir.path().join("b.db")).expect("brought to the newest version");
        prop_assert_eq!(log(&store, piece), expected(&rows));
        prop_assert_eq!(view(&store.file), seen);
    }
}

fn one_client(store: &Store) -> Vec<(i64, i64, u32)> {
    let sql = "SELECT visitor, part, client FROM sealed_visitors ORDER BY visitor, part";
    let mut statement = store.file.conn().prepare(sql).expect("prepares");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("reads");
    rows.collect::<Result<_, _>>().expect("reads")
}

#[test]
fn a_row_has_a_client_only_where_the_whole_of_a_visitors_day_has_it() {
    let event = |client| PackedEvent { client, page: 1, source: 1, ..PackedEvent::default() };
    let mut rows: Vec<Row> = (0..65).map(|n| (n, n as u32, Some(70), event(1))).collect();
    rows.extend((0..64).map(|n| (100 + n, 100 + n as u32, Some(71), event(1))));
    rows.extend([(200, 0, Some(72), event(1)), (201, 0, Some(72), event(2)), (202, 0, None, event(1))]);
    let dir = tempfile::tempdir().expect("a folder");
    let wanted = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 0, 1), (3, 0, 0)];

    write(&older_file(&dir.path().join("a.db"), DayState::Closed), "events", &rows);
    let mut store = Store::open(&dir.path().join("a.db")).expect("opens");
    let mut batch = store.begin().expect("begun");
    batch.seal_day(SITE, &day()).expect("sealed");
    batch.commit().expect("committed");
    assert_eq!(one_client(&store), wanted);

    write(&older_file(&dir.path().join("b.db"), DayState::Sealed), "sealed_events", &ordinals(&rows));
    let store = Store::open(&dir.path().join("b.db")).expect("brought to the newest version");
    assert_eq!(one_client(&store), wanted);
}

#[test]
fn a_sealed_days_bots_count_up_to_the_bound_of_a_visitor() {
    let event =
        |set_aside| PackedEvent { client: 1, page: 1, source: 1, set_aside, ..PackedEvent::default() };
    let max = limits::UNIT_EVENTS_MAX as i64;
    let row = |n: i64, visitor, set_aside| (n % 80_000, n as u32, Some(visitor), event(set_aside));
    // One has exactly as many as may be, one has one more.
    let mut rows: Vec<Row> = (0..max).map(|n| row(n, 7, if n < 10 { 0 } else { 64 })).collect();
    rows.extend((0..=max).map(|n| row(n + max, 8, if n < 10 { 0 } else { 64 })));
    let dir = tempfile::tempdir().expect("a folder");
    write(&older_file(&dir.path().join("a.db"), DayState::Closed), "events", &rows);
    let mut store = Store::open(&dir.path().join("a.db")).expect("opens");
    let mut batch = store.begin().expect("begun");
    batch.seal_day(SITE, &day()).expect("sealed");
    let sealed = SiteDay { state: DayState::Sealed, ..day() };
    batch.move_bots(SITE, &sealed, true).expect("counted");
    batch.commit().expect("committed");
    let aside: Vec<_> =
        log(&store, usize::MAX).into_iter().filter(|row| row.2.contains("VisitorFull")).collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].0, Some(2));
    let booked = store.reader().read(|reading| reading.ledger()).expect("books").entries;
    let booked = |entry| booked.iter().find(|line| line.2 == entry).map(|line| line.3);
    let bots = 2 * (limits::UNIT_EVENTS_MAX as u64 - 10);
    assert_eq!(booked(crate::BookEntry::Stored), Some(bots));
    assert_eq!(booked(crate::BookEntry::SetAside(weir_event::Reason::VisitorFull)), Some(1));
}
