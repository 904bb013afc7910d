use std::sync::Arc;

use weir_event::{Event, EventId, Kind, LocalDay, Millis, Reason, SiteId, Utm};
use weir_registry::Site;

use crate::decode::SentEvent;
use crate::page_url::PageUrl;

/// An event on its way through the steps: what was sent, what was found out, and the event that is
/// being made of it.
pub(super) struct Draft<'d> {
    pub sent: SentEvent<'d>,
    page: Option<PageUrl>,
    site: Option<&'d Arc<Site>>,
    /// Complete once all steps have passed.
    pub event: Event,
}

/// Why an event was not taken, and what is known of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub reason: Reason,
    pub site: Option<SiteId>,
    /// Where no site has it: the operator may want to add one.
    pub unknown_host: Option<String>,
}

impl<'d> Draft<'d> {
    pub(super) fn new(sent: SentEvent<'d>) -> Self {
        Self { sent, page: None, site: None, event: blank() }
    }

    pub(super) fn set_page(&mut self, page: PageUrl) {
        self.page = Some(page);
    }

    pub(super) fn page(&self) -> &PageUrl {
        self.page.as_ref().expect("drop_invalid_url let only an event with a page pass")
    }

    pub(super) fn set_site(&mut self, site: &'d Arc<Site>) {
        self.site = Some(site);
        self.event.site = site.id;
    }

    pub(super) fn site(&self) -> &'d Arc<Site> {
        self.site.expect("drop_unknown_host let only an event of a site pass")
    }

    pub(super) fn refusal(&self, reason: Reason) -> Refusal {
        let unknown_host = (reason == Reason::UnknownHost).then(|| self.page().host().to_owned());
        Refusal { reason, site: self.site.map(|site| site.id), unknown_host }
    }
}

fn blank() -> Event {
    Event {
        id: EventId([0; 16]),
        site: SiteId(0),
        received: Millis(0),
        received_day: LocalDay(0),
        time: Millis(0),
        day: LocalDay(0),
        visitor: None,
        kind: Kind::PageView,
        host: String::new(),
        path: String::new(),
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
