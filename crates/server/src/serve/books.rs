//! Whether the books balance, for the health page: looked up now and then, never while a look would
//! read a large backlog.

use std::sync::{Mutex, PoisonError};

use weir_dashboard::{DayBooks, HealthCheck, LedgerError, read_balance};
use weir_event::{LocalDay, Millis, Zone, limits};
use weir_queue::Queue;
use weir_store::StoreReader;

/// Days with a loss that are named; more are counted.
const DAYS_TOLD: usize = 3;

/// How long a loss is an alarm: nothing can mend it, and an alarm that never ends is not heard.
const ALARM_DAYS: i32 = 7;

#[derive(Default)]
pub(super) struct BooksCheck(Mutex<Option<(Millis, HealthCheck)>>);

impl BooksCheck {
    /// The last answer while it is fresh, else a new one. Whoever comes while another looks waits
    /// for their answer: nobody reads the books twice at once.
    pub fn look(&self, queue: &Queue, store: &StoreReader, now: Millis) -> HealthCheck {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, answer)) = &*last
            && now - *at < limits::HEALTH_LEDGER_AGE_MS_MAX
        {
            return answer.clone();
        }
        let answer = check(queue, store, now);
        *last = Some((now, answer.clone()));
        answer
    }
}

fn check(queue: &Queue, store: &StoreReader, now: Millis) -> HealthCheck {
    let backlog = queue.gauges().backlog_events;
    let (ok, detail) = if backlog > limits::HEALTH_LEDGER_BACKLOG_MAX {
        (true, format!("not looked at while {backlog} events wait; `weir ledger` does"))
    } else {
        let read = match queue.reader() {
            Ok(mut queue) => read_balance(&mut queue, store),
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(days) => tell(&days, Zone::utc().day_of(now)),
            // Both sides went on all the time, which is no sign of anything wrong.
            Err(LedgerError::NeverAtRest) => (true, "not looked at: both sides went on meanwhile".to_owned()),
            Err(error) => (false, error.to_string()),
        }
    };
    HealthCheck { name: "ledger".to_owned(), ok, detail }
}

fn tell(days: &[DayBooks], today: LocalDay) -> (bool, String) {
    let wrong: Vec<&DayBooks> = days.iter().filter(|day| !day.balanced()).collect();
    if let Some(day) = wrong.first() {
        let (n, site, day) = (wrong.len(), day.site, day.day);
        return (
            false,
            format!("the books of {n} days do not balance, of site {site} on {day} first: see `weir ledger`"),
        );
    }
    let lost: Vec<&DayBooks> = days.iter().rev().filter(|day| day.lost > 0).collect();
    let told: Vec<String> =
        lost.iter().take(DAYS_TOLD).map(|day| format!("{} of {}", day.lost, day.day)).collect();
    let detail = match lost.len() {
        0 => "the books balance".to_owned(),
        n => format!(
            "the books balance; acknowledged events were in a queue file that is gone: {}{}",
            told.join(", "),
            if n > DAYS_TOLD { format!(" and {} more days", n - DAYS_TOLD) } else { String::new() }
        ),
    };
    let is_recent = |day: &&DayBooks| day.day.0 > today.0 - ALARM_DAYS;
    (!lost.iter().any(is_recent), detail)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use weir_event::SiteId;

    use super::*;

    fn day(day: i32, received: u64, lost: u64) -> DayBooks {
        DayBooks {
            site: SiteId(1),
            day: LocalDay(day),
            received,
            stored: 5,
            set_aside: BTreeMap::new(),
            duplicate: 0,
            erased: 0,
            expired: 0,
            dead: 0,
            dropped: 0,
            lost,
            pending: 0,
        }
    }

    #[test]
    fn books_that_do_not_balance_are_an_alarm_and_a_loss_is_one_for_a_week() {
        let today = LocalDay(20_006);
        assert_eq!(tell(&[], today), (true, "the books balance".to_owned()));
        assert_eq!(tell(&[day(20_000, 5, 0)], today), (true, "the books balance".to_owned()));
        let (ok, detail) = tell(&[day(20_000, 5, 0), day(20_001, 6, 0)], today);
        assert!(!ok && detail.contains("2024-10-05"), "{detail}");
        for (now, still) in [(today, false), (LocalDay(today.0 + 1), true)] {
            let (ok, detail) = tell(&[day(20_000, 7, 2)], now);
            assert!(ok == still && detail.ends_with("2 of 2024-10-04"), "{detail}");
        }
        let four: Vec<DayBooks> = (0..4).map(|n| day(20_000 + n, 6, 1)).collect();
        assert!(
            tell(&four, today)
                .1
                .ends_with("1 of 2024-10-07, 1 of 2024-10-06, 1 of 2024-10-05 and 1 more days")
        );
    }
}
