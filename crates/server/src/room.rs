//! What the layers may hold: permits at the edge, the channel before the writer, the backlog and the
//! disk. Checked together, since together they must let an ordinary delivery through.

use anyhow::ensure;
use weir_event::limits;
use weir_queue::QueueOptions;

/// As an operator set it, or not.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub deliveries_at_once_max: Option<usize>,
    pub waiting_events_max: Option<usize>,
    pub waiting_bytes_max: Option<usize>,
    pub backlog_events_max: Option<u64>,
    pub site_share_max: Option<f64>,
    pub disk_reserve_mib: Option<u64>,
}

/// Resolved and possible.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub deliveries_at_once_max: usize,
    pub queue: QueueOptions,
}

const MIB: u64 = 1024 * 1024;

impl Room {
    /// # Errors
    /// Names the setting that can't be, and what can.
    pub fn of(wanted: &Wanted) -> anyhow::Result<Self> {
        check_each(wanted)?;
        let mut queue = QueueOptions::default();
        queue.backlog_events_max = wanted.backlog_events_max.unwrap_or(queue.backlog_events_max);
        // What waits is held as well: a small backlog makes the default smaller.
        let all = usize::try_from(queue.backlog_events_max).unwrap_or(usize::MAX);
        queue.waiting_events_max = wanted.waiting_events_max.unwrap_or(queue.waiting_events_max.min(all));
        queue.waiting_bytes_max = wanted.waiting_bytes_max.unwrap_or(queue.waiting_bytes_max);
        queue.site_share_max = wanted.site_share_max.unwrap_or(queue.site_share_max);
        let reserve_mib = wanted.disk_reserve_mib;
        queue.disk_reserve_bytes =
            reserve_mib.map_or(queue.disk_reserve_bytes, |mib| mib.saturating_mul(MIB));
        check_together(&queue)?;
        let deliveries_at_once_max = wanted.deliveries_at_once_max;
        Ok(Self {
            deliveries_at_once_max: deliveries_at_once_max.unwrap_or(limits::DELIVERIES_IN_WORK_MAX),
            queue,
        })
    }
}

fn check_each(wanted: &Wanted) -> anyhow::Result<()> {
    let zero = [
        ("deliveries_at_once_max", wanted.deliveries_at_once_max == Some(0)),
        ("waiting_events_max", wanted.waiting_events_max == Some(0)),
        ("waiting_bytes_max", wanted.waiting_bytes_max == Some(0)),
        ("backlog_events_max", wanted.backlog_events_max == Some(0)),
    ];
    for (name, is_zero) in zero {
        ensure!(!is_zero, "{name} = 0 would refuse every event");
    }
    if let Some(n) = wanted.deliveries_at_once_max {
        let max = limits::CONNECTIONS_MAX;
        ensure!(
            n <= max,
            "deliveries_at_once_max = {n} is more than the {max} connections that there may be"
        );
    }
    if let Some(n) = wanted.waiting_events_max {
        let max = limits::WAITING_EVENTS_SET_MAX;
        ensure!(n <= max, "waiting_events_max = {n} is held in memory: {max} at most");
    }
    if let Some(n) = wanted.waiting_bytes_max {
        let (min, max) = (limits::WAITING_BYTES_MIN, limits::WAITING_BYTES_SET_MAX);
        ensure!(
            (min..=max).contains(&n),
            "waiting_bytes_max = {n} is no size that a delivery and the memory fit: {min} to {max}"
        );
    }
    if let Some(share) = wanted.site_share_max {
        ensure!(
            share > 0.0 && share <= 1.0,
            "site_share_max = {share} is no part of a whole: give one above 0, such as 0.5, and 1 at most"
        );
    }
    Ok(())
}

fn check_together(queue: &QueueOptions) -> anyhow::Result<()> {
    let (waiting, backlog, share) =
        (queue.waiting_events_max, queue.backlog_events_max, queue.site_share_max);
    ensure!(
        waiting as u64 <= backlog,
        "waiting_events_max = {waiting} is more than backlog_events_max = {backlog}: what waits is part of what may be \
         held, so give at most that"
    );
    let delivery = limits::EVENTS_PER_DELIVERY_MAX as f64;
    for (name, events) in [("backlog_events_max", backlog as f64), ("waiting_events_max", waiting as f64)] {
        ensure!(
            events * share >= delivery,
            "{name} = {events} and site_share_max = {share} would refuse every delivery of {delivery} events: give at \
             least {}",
            (delivery / share).ceil()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(wanted: Wanted) -> String {
        Room::of(&wanted).expect_err("is no room").to_string()
    }

    #[test]
    fn a_setting_at_its_limit_is_taken_and_one_past_it_is_named() {
        let check = |at: Wanted, past: Wanted, name: &str| {
            Room::of(&at).unwrap_or_else(|error| panic!("{name}: {error}"));
            let error = refused(past);
            assert!(error.contains(name), "{name} is not in {error:?}");
        };
        let deliveries = |n| Wanted { deliveries_at_once_max: Some(n), ..Wanted::default() };
        check(deliveries(1), deliveries(0), "deliveries_at_once_max");
        let max = limits::CONNECTIONS_MAX;
        check(deliveries(max), deliveries(max + 1), "deliveries_at_once_max");
        let waiting = |n| Wanted { waiting_events_max: Some(n), ..Wanted::default() };
        check(waiting(200), waiting(199), "waiting_events_max");
        let max = limits::WAITING_EVENTS_SET_MAX;
        check(waiting(max), waiting(max + 1), "waiting_events_max");
        let bytes = |n| Wanted { waiting_bytes_max: Some(n), ..Wanted::default() };
        check(bytes(limits::WAITING_BYTES_MIN), bytes(limits::WAITING_BYTES_MIN - 1), "waiting_bytes_max");
        let max = limits::WAITING_BYTES_SET_MAX;
        check(bytes(max), bytes(max + 1), "waiting_bytes_max");
        let backlog = |n| Wanted { backlog_events_max: Some(n), ..Wanted::default() };
        check(backlog(200), backlog(199), "backlog_events_max");
        let share = |part| Wanted { site_share_max: Some(part), ..Wanted::default() };
        check(share(1.0), share(1.01), "site_share_max");
        check(share(0.002), share(0.0), "site_share_max");
        check(share(0.5), share(f64::NAN), "site_share_max");
        let reserve = Wanted { disk_reserve_mib: Some(0), ..Wanted::default() };
        assert_eq!(Room::of(&reserve).expect("none").queue.disk_reserve_bytes, 0);
    }

    #[test]
    fn settings_that_contradict_each_other_are_named_together() {
        let pair = |waiting, backlog| Wanted {
            waiting_events_max: Some(waiting),
            backlog_events_max: Some(backlog),
            ..Wanted::default()
        };
        Room::of(&pair(1_000, 1_000)).expect("equal");
        let error = refused(pair(1_001, 1_000));
        assert!(error.contains("waiting_events_max") && error.contains("backlog_events_max"), "{error}");
        let small =
            Wanted { backlog_events_max: Some(1_000), site_share_max: Some(0.09), ..Wanted::default() };
        let error = refused(small);
        assert!(error.contains("site_share_max = 0.09") && error.contains("1112"), "{error}");
    }

    #[test]
    fn a_small_backlog_makes_what_waits_small_by_itself() {
        let room = Room::of(&Wanted { backlog_events_max: Some(1_000), ..Wanted::default() });
        assert_eq!(room.expect("possible").queue.waiting_events_max, 1_000);
    }
}
