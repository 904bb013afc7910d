//! What a processor gives back when nothing comes must not be missed by what comes then.

use weir_event::{Event, Millis, SiteId};
use weir_testkit::page_view;

use crate::world::World;

/// Visits that go on over batches: some visitors come back, some are new, and each is read about by a
/// browser of its own.
fn batches(site: SiteId) -> Vec<Vec<Event>> {
    let begin = Millis(1_780_000_000_000);
    let view = |n: u64| {
        let user_agent =
            format!("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", 100 + n);
        let (path, props) = (format!("/{}", n % 3), format!("{{\"n\":{n}}}"));
        Event { user_agent, path, props, ..page_view(n, site, n % 5, begin + n as i64 * Millis::MINUTE) }
    };
    (0..6).map(|batch| (batch * 4..batch * 4 + 7).map(view).collect()).collect()
}

#[test]
fn resting_between_batches_changes_no_figure() {
    let mut states = Vec::new();
    for rests in [false, true] {
        let mut world = World::new();
        let site = world.site("example.com", "UTC").id;
        for batch in batches(site) {
            world.take(&batch);
            if rests {
                world.rest();
            }
        }
        let verified = world.verify();
        assert!(verified.rows > 0 && verified.different == 0, "{verified:?}");
        states.push((world.rows(site), world.log(site)));
    }
    assert!(states[0] == states[1], "{states:#?}");
}
