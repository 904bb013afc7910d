use proptest::prelude::*;
use weir_event::limits;
use weir_testkit::page_view;

use super::*;

fn row_of(event: &Event) -> Row {
    let body = encode_event(event, Vec::new());
    Row {
        queue: QueueId([1; 16]),
        seq: Seq(1),
        site: event.site,
        received_day: event.received_day,
        body,
        kind: KIND_EVENT,
    }
}

fn check_round_trip(event: Event) {
    let row = row_of(&event);
    assert_eq!(row.decode(), Ok(Entry::Event(Box::new(event))));
}

fn any_page_view() -> Event {
    page_view(1, SiteId(7), 9, Millis(1_780_000_000_000))
}

#[test]
fn texts_come_back_as_they_were_whatever_they_hold() {
    let at_limit = "x".repeat(limits::PROPS_BYTES_MAX);
    for text in ["", "\0", "a\0b", "🦦", "👩‍👩‍👧 \u{202e}", "é", "\u{10ffff}", &at_limit] {
        let text = || text.to_owned();
        check_round_trip(Event {
            host: text(),
            path: text(),
            referrer: Some(Referrer { host: text(), path: text() }),
            utm: Utm { source: text(), term: text(), plain_ref: text(), ..Utm::default() },
            user_agent: text(),
            name: text(),
            props: text(),
            ..any_page_view()
        });
    }
}

#[test]
fn times_and_days_come_back_at_their_extremes() {
    for ms in [i64::MIN, -1, 0, 1, i64::MAX] {
        for day in [i32::MIN, 0, i32::MAX] {
            let (time, received) = (Millis(ms), Millis(ms.wrapping_neg()));
            let (day, received_day) = (LocalDay(day), LocalDay(day.wrapping_neg()));
            check_round_trip(Event { time, received, day, received_day, ..any_page_view() });
        }
    }
}

#[test]
fn a_control_row_comes_back() {
    let (queue, seq) = (QueueId([9; 16]), Seq(i64::MAX));
    let all = [
        Control::RemoveSite(SiteId(u32::MAX)),
        Control::Refold(SiteId(u32::MAX)),
        Control::ReplayDead { queue, seq },
        Control::DropDead { queue, seq },
    ];
    for control in all {
        let row = Row {
            queue: QueueId([1; 16]),
            seq: Seq(1),
            site: SiteId(u32::MAX),
            received_day: LocalDay(0),
            body: encode_control(control, Vec::new()),
            kind: KIND_CONTROL,
        };
        assert_eq!(row.decode(), Ok(Entry::Control(control)));
    }
}

/// Rows that the last release wrote must be read by the next one: these bytes never change.
#[test]
fn format_1_is_what_the_specification_says() {
    let event = Event {
        id: EventId(*b"0123456789abcdef"),
        received: Millis(1_000),
        time: Millis(900),
        received_day: LocalDay(2),
        day: LocalDay(1),
        visitor: Some(VisitorId(0x0807_0605_0403_0201)),
        kind: Kind::Custom,
        host: "h".into(),
        path: "/".into(),
        referrer: Some(Referrer { host: "r".into(), path: "/p".into() }),
        utm: Utm { source: "s".into(), plain_source: "o".into(), plain_ref: "f".into(), ..Utm::default() },
        click_id: Some(ClickId::LinkedIn),
        user_agent: "ua".into(),
        webdriver: true,
        country: Some(Country(*b"DE")),
        name: "n".into(),
        props: "{}".into(),
        amount: Some(Amount { currency: *b"EUR", minor: -3 }),
        engaged_ms: 300,
        ..any_page_view()
    };
    let mut expected = b"\x010123456789abcdef".to_vec();
    expected.extend([0xd0, 0x0f, 0xc8, 0x01, 2]);
    expected.extend([1, 1, 2, 3, 4, 5, 6, 7, 8, 1]);
    expected.extend(b"\x01h\x01/\x01\x01r\x02/p\x01s\0\0\0\0\x01o\x01f\x01\x05\x02ua\x01\x01DE\x01n\x02{}");
    expected.extend(b"\x01EUR\x05\xac\x02");
    assert_eq!(encode_event(&event, Vec::new()), expected);
    let control = encode_control(Control::RemoveSite(SiteId(5)), Vec::new());
    assert_eq!(control, [1, 0, 5]);
    assert_eq!(encode_control(Control::Refold(SiteId(5)), Vec::new()), [1, 1, 5]);
}

fn check_damaged(row: &Row, why: &str) {
    match row.decode() {
        Err(DecodeError::Damaged(found)) => assert!(found.contains(why), "{found:?} instead of {why:?}"),
        other => panic!("{other:?} instead of damaged"),
    }
}

#[test]
fn a_row_of_a_newer_program_is_told_from_a_damaged_one() {
    let mut row = row_of(&any_page_view());
    row.body[0] = FORMAT + 1;
    assert_eq!(row.decode(), Err(DecodeError::Newer(FORMAT + 1)));
    row.body[0] = FORMAT - 1;
    check_damaged(&row, "no format byte");
}

#[test]
fn a_damaged_row_says_so_and_harms_nothing() {
    let good = row_of(&any_page_view());
    check_damaged(&Row { body: Vec::new(), ..good.clone() }, "no format byte");
    check_damaged(&Row { body: [&good.body[..], b"x"].concat(), ..good.clone() }, "1 bytes are left over");
    check_damaged(&Row { kind: 2, ..good.clone() }, "row kind 2");
    for end in 1..good.body.len() {
        check_damaged(&Row { body: good.body[..end].to_vec(), ..good.clone() }, "");
    }
    // The event's kind lies behind format, id, receipt, age, age in days and visitor.
    let kind_at = 1 + 16 + 6 + 1 + 1 + 9;
    let mut bad = good.clone();
    assert_eq!(bad.body[kind_at], 0);
    bad.body[kind_at] = 4;
    check_damaged(&bad, "event kind 4");
}

prop_compose! {
    fn any_utm()(texts in any::<[String; 7]>()) -> Utm {
        let [source, medium, campaign, content, term, plain_source, plain_ref] = texts;
        Utm { source, medium, campaign, content, term, plain_source, plain_ref }
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::PageView, Kind::Custom, Kind::Passive, Kind::Engagement])
}

fn any_click_id() -> impl Strategy<Value = ClickId> {
    use ClickId::{Google, LinkedIn, Meta, Microsoft, TikTok, X};
    prop::sample::select(vec![Google, Microsoft, Meta, TikTok, X, LinkedIn])
}

prop_compose! {
    fn any_event()(
        (id, site, webdriver, engaged_ms) in any::<([u8; 16], u32, bool, u32)>(),
        (received, time, received_day, day) in any::<(i64, i64, i32, i32)>(),
        visitor in any::<Option<u64>>(),
        kind in any_kind(),
        (host, path, user_agent, name, props) in any::<(String, String, String, String, String)>(),
        referrer in any::<Option<(String, String)>>(),
        utm in any_utm(),
        click_id in prop::option::of(any_click_id()),
        country in any::<Option<[u8; 2]>>(),
        amount in any::<Option<([u8; 3], i64)>>(),
    ) -> Event {
        Event {
            id: EventId(id),
            site: SiteId(site),
            received: Millis(received),
            received_day: LocalDay(received_day),
            time: Millis(time),
            day: LocalDay(day),
            visitor: visitor.map(VisitorId),
            kind, host, path,
            referrer: referrer.map(|(host, path)| Referrer { host, path }),
            utm, click_id, user_agent, webdriver,
            country: country.map(Country),
            name, props,
            amount: amount.map(|(currency, minor)| Amount { currency, minor }),
            engaged_ms,
        }
    }
}

proptest! {
    #[test]
    fn every_event_comes_back_as_it_was(event in any_event()) {
        let row = row_of(&event);
        prop_assert_eq!(row.decode(), Ok(Entry::Event(Box::new(event))));
    }

    #[test]
    fn no_bytes_make_decoding_panic(body in any::<Vec<u8>>(), kind in 0u8..4) {
        let row = Row { queue: QueueId([1; 16]), seq: Seq(1), site: SiteId(1), received_day: LocalDay(1), body, kind };
        let _ = row.decode();
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_event_but_never_a_panic(
        event in any_event(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut row = row_of(&event);
        let at = at.index(row.body.len());
        row.body[at] = byte;
        let _ = row.decode();
    }
}
