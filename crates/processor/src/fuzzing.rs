//! What must hold of what any user agent, referrer and campaign are made into. Behind `--cfg fuzzing`,
//! which no release sets, and in tests.

use std::cell::RefCell;

use weir_event::limits::{
    HOST_BYTES_MAX, LABEL_BYTES_MAX, PATH_BYTES_MAX, REFERRER_BYTES_MAX, USER_AGENT_BYTES_MAX,
};
use weir_event::{Event, EventId, Kind, LocalDay, Millis, Referrer, SiteId, Utm};

use crate::{Enricher, SiteView};

thread_local! {
    /// One for all: it takes long to make.
    static ENRICHER: RefCell<Enricher> = RefCell::new(Enricher::new());
}

/// Lines: user agent, referrer's host, its path, source, medium.
pub fn enrich(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    // As admission leaves them.
    let mut next = |bytes_max: usize| {
        let line = lines.next().unwrap_or_default();
        line[..line.floor_char_boundary(bytes_max)].to_owned()
    };
    let user_agent = next(USER_AGENT_BYTES_MAX);
    let (host, path) = (next(HOST_BYTES_MAX), next(PATH_BYTES_MAX));
    let (source, medium) = (next(LABEL_BYTES_MAX), next(LABEL_BYTES_MAX));
    let referrer = (!host.is_empty()).then_some(Referrer { host, path });
    let event = Event {
        user_agent,
        referrer,
        utm: Utm { source, medium, ..Utm::default() },
        host: "example.com".to_owned(),
        ..blank()
    };
    let site = SiteView { domain: "example.com", is_own_host: &|host| host.ends_with(".example.com") };
    let (fresh, remembered) =
        ENRICHER.with_borrow_mut(|enricher| (enricher.enrich(&event, &site), enricher.enrich(&event, &site)));
    assert_eq!(remembered, fresh);
    assert!(fresh.referrer.len() <= REFERRER_BYTES_MAX, "{} bytes", fresh.referrer.len());
    assert!(["", "Desktop", "Mobile", "Tablet", "TV", "Console"].contains(&&*fresh.device));
    assert!(!fresh.channel.is_empty());
    // Names come from lists; only the source may be the sender's own word.
    assert!(fresh.browser.len() <= LABEL_BYTES_MAX && fresh.os.len() <= LABEL_BYTES_MAX);
}

fn blank() -> Event {
    Event {
        id: EventId([0; 16]),
        site: SiteId(1),
        received: Millis(0),
        received_day: LocalDay(0),
        time: Millis(0),
        day: LocalDay(0),
        visitor: None,
        kind: Kind::PageView,
        host: String::new(),
        path: "/".to_owned(),
        referrer: None,
        utm: Utm::default(),
        click_id: None,
        user_agent: String::new(),
        webdriver: false,
        country: None,
        name: String::new(),
        props: String::new(),
        amount: None,
        engaged_ms: 0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn whatever_is_sent_has_one_meaning() {
        weir_testkit::replay("enrich", super::enrich);
    }
}
