use weir_event::{Event, EventId, Kind, Millis, SiteId, Utm, VisitorId, Zone};

/// The `n`-th id: distinct for distinct numbers, equal for equal ones.
pub fn event_id(n: u64) -> EventId {
    let mut rest = [0; 10];
    rest[2..].copy_from_slice(&n.to_be_bytes());
    EventId::from_parts(1_780_000_000_000 + n, rest)
}

/// A page view of `/` at `time` on a site in UTC, received as it happened, its id the `n`-th.
pub fn page_view(n: u64, site: SiteId, visitor: u64, time: Millis) -> Event {
    let day = Zone::utc().day_of(time);
    Event {
        id: event_id(n),
        site,
        received: time,
        received_day: day,
        time,
        day,
        visitor: Some(VisitorId(visitor)),
        kind: Kind::PageView,
        host: "example.com".to_owned(),
        path: "/".to_owned(),
        referrer: None,
        utm: Utm::default(),
        click_id: None,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        webdriver: false,
        country: None,
        name: String::new(),
        props: String::new(),
        amount: None,
        engaged_ms: 0,
    }
}
