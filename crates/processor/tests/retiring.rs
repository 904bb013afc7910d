//! What follows a day's midnight: days close, are sealed, and expire.

use weir_event::{Event, Millis, Reason, SiteId};
use weir_processor::{ProcessorOptions, Retention};
use weir_store::{BookEntry, DayState, StoreReader};
use weir_testkit::page_view;

use crate::sums::check_sums;
use crate::world::World;

/// A midnight in UTC.
const MIDNIGHT: Millis = Millis(1_780_012_800_000);

struct Setting {
    world: World,
    site: SiteId,
    /// Moves the time of receipt on without touching the other site.
    pulse: SiteId,
    sent: u64,
}

impl Setting {
    fn new(raw_days: Option<u32>) -> Self {
        let retention = Retention { raw_days, ..Retention::default() };
        let world = World::with(ProcessorOptions { retention, ..ProcessorOptions::default() });
        let (site, pulse) = (world.site("example.com", "UTC").id, world.site("pulse.test", "UTC").id);
        Self { world, site, pulse, sent: 0 }
    }

    fn view(&mut self, time: Millis) -> Event {
        self.sent += 1;
        let props = format!("{{\"n\":{}}}", self.sent);
        Event { props, ..page_view(self.sent, self.site, self.sent % 3, time) }
    }

    /// Two views, a bot, and a view that comes a day late by the calendar.
    fn fill_day(&mut self) {
        let noon = MIDNIGHT + Millis::DAY / 2;
        let bot = Event { webdriver: true, ..self.view(noon) };
        let mut late = self.view(MIDNIGHT + Millis::DAY - 1);
        late.received = late.received + Millis::MINUTE;
        late.received_day = late.received_day.next();
        let events = [self.view(noon), self.view(noon + 1), bot, late];
        self.world.take(&events);
    }

    fn receipt_at(&mut self, time: Millis) {
        self.sent += 1;
        let event = page_view(self.sent, self.pulse, 1, time);
        self.world.take(&[event]);
    }

    fn states(&self) -> Vec<DayState> {
        self.world.day_states(self.site)
    }

    fn booked(&self, entry: BookEntry) -> u64 {
        self.world.booked(self.site, entry)
    }

    fn check_sound(&self) {
        let verified = self.world.verify();
        assert!(verified.is_equal(), "{:#?}", verified.told);
        assert_eq!(self.world.unbalanced(), Vec::<String>::new());
    }
}

#[test]
fn a_day_closes_61_minutes_after_its_end_and_then_has_no_more_visitors() {
    let mut at = Setting::new(None);
    at.fill_day();
    let closes = MIDNIGHT + Millis::DAY + 61 * Millis::MINUTE;
    at.receipt_at(closes - 1);
    assert_eq!(at.states(), [DayState::Open]);
    at.receipt_at(closes);
    assert_eq!(at.states(), [DayState::Closed]);
    assert_eq!(at.world.number("SELECT count(*) FROM open_visitors WHERE site = 1"), 0);
    let before = at.world.site_day(at.site, page_view(0, at.site, 1, MIDNIGHT).day);
    let late = at.view(MIDNIGHT + Millis::HOUR);
    at.world.take(&[Event { received: closes, received_day: late.day.next(), ..late.clone() }]);
    let after = at.world.site_day(at.site, late.day);
    assert_eq!(after[3], before[3] + 1, "a view");
    assert_eq!(after[..3], before[..3], "without a visitor or a visit");
    assert_eq!(at.world.log(at.site)[&late.props].visitor, None);
    at.check_sound();
}

#[test]
fn a_sealed_day_knows_ordinals_and_seconds_only_and_still_counts_the_same() {
    let mut at = Setting::new(None);
    at.fill_day();
    let rows = at.world.rows(at.site);
    let seals = MIDNIGHT + 2 * Millis::DAY + Millis::HOUR;
    at.receipt_at(seals - 1);
    assert_eq!(at.states(), [DayState::Closed]);
    at.receipt_at(seals);
    assert_eq!(at.states(), [DayState::Sealed]);
    assert_eq!(at.world.rows(at.site), rows);
    let log = at.world.log(at.site);
    assert!(log.values().all(|row| row.time.0 % 1_000 == 0 && row.visitor.is_none_or(|n| n <= 4)), "{log:?}");
    assert_eq!(at.world.number("SELECT count(*) FROM events WHERE site = 1"), 0);
    at.check_sound();
}

#[test]
fn an_event_for_a_sealed_day_is_sealed_at_once_and_leaves_with_the_others() {
    let mut at = Setting::new(Some(10));
    at.fill_day();
    at.receipt_at(MIDNIGHT + 3 * Millis::DAY);
    assert_eq!(at.states(), [DayState::Sealed]);
    // A clock that was set back, or a queue from a backup.
    let (view, bot) = (at.view(MIDNIGHT + Millis::DAY / 2), at.view(MIDNIGHT + Millis::DAY / 2));
    at.world.take(&[view, Event { webdriver: true, ..bot }]);
    assert_eq!(at.world.number("SELECT count(*) FROM events WHERE site = 1"), 0);
    at.check_sound();
    at.receipt_at(MIDNIGHT + 12 * Millis::DAY);
    assert_eq!(at.states(), [DayState::Frozen]);
    assert_eq!(at.booked(BookEntry::Expired), 6);
    assert!(at.world.log(at.site).is_empty());
    at.check_sound();
}

#[test]
fn a_day_whose_events_have_expired_stands_frozen_under_a_checksum() {
    let mut at = Setting::new(Some(10));
    at.fill_day();
    let rows = at.world.rows(at.site);
    at.receipt_at(MIDNIGHT + 3 * Millis::DAY);
    at.receipt_at(MIDNIGHT + 11 * Millis::DAY - Millis::HOUR);
    assert_eq!(at.states(), [DayState::Sealed]);
    assert_eq!(at.booked(BookEntry::Stored), 3);
    at.receipt_at(MIDNIGHT + 11 * Millis::DAY);
    assert_eq!(at.states(), [DayState::Frozen]);
    assert!(at.world.log(at.site).is_empty());
    assert_eq!(at.world.rows(at.site), rows, "statistics outlive the events");
    assert_eq!(at.booked(BookEntry::Expired), 4);
    assert_eq!(at.booked(BookEntry::Stored), 0);
    assert_eq!(at.world.verify().frozen_days, 1);
    at.check_sound();

    at.world.rebuild();
    assert_eq!(at.world.rows(at.site), rows, "there is nothing to rebuild it from");
    let late = at.view(MIDNIGHT + Millis::HOUR);
    at.world.take(&[late]);
    assert_eq!(at.booked(BookEntry::Expired), 5, "nothing is added to a frozen day");
    assert_eq!(at.world.rows(at.site), rows);
    at.check_sound();

    for (table, grain) in [("site_stats", 1), ("page_stats", 0)] {
        let change = |by: &str| {
            let sql =
                format!("UPDATE {table} SET pageviews = pageviews {by} WHERE site = 1 AND grain = {grain}");
            assert!(at.world.tamper(&sql) > 0);
        };
        change("+ 1");
        let told = at.world.verify().told;
        assert!(told.iter().any(|row| row.table == "site_days" && row.bucket == "2026-05-29"), "{told:?}");
        change("- 1");
        assert!(at.world.verify().is_equal());
    }
}

#[test]
fn a_month_of_frozen_days_is_rebuilt_from_their_rows() {
    let mut at = Setting::new(Some(10));
    at.fill_day();
    at.receipt_at(MIDNIGHT + 3 * Millis::DAY);
    at.receipt_at(MIDNIGHT + 12 * Millis::DAY);
    assert_eq!(at.states(), [DayState::Frozen]);
    let rows = at.world.rows(at.site);
    assert_eq!(at.world.tamper("UPDATE site_stats SET visits = 99 WHERE site = 1 AND grain = 2"), 1);
    assert!(!at.world.verify().is_equal());
    let reader = StoreReader::open(&at.world.path("weir.db")).expect("opens");
    check_sums(&reader, at.site);
    at.world.rebuild();
    assert_eq!(at.world.rows(at.site), rows);
    check_sums(&reader, at.site);
    at.check_sound();
}

#[test]
fn rows_set_aside_expire_after_30_days_and_the_books_still_balance() {
    let mut at = Setting::new(None);
    at.fill_day();
    let rows = at.world.rows(at.site);
    let bot = BookEntry::SetAside(Reason::Bot);
    at.receipt_at(MIDNIGHT + 3 * Millis::DAY);
    let expires = MIDNIGHT + 31 * Millis::DAY;
    at.receipt_at(expires - Millis::HOUR);
    assert_eq!((at.booked(bot), at.booked(BookEntry::Expired)), (1, 0));
    at.receipt_at(expires);
    assert_eq!((at.booked(bot), at.booked(BookEntry::Expired)), (0, 1));
    assert_eq!(at.booked(BookEntry::Stored), 3);
    assert_eq!(at.world.log(at.site).len(), 3);
    assert_eq!(at.world.rows(at.site), rows);
    at.check_sound();
}
