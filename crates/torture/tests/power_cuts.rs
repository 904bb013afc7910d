//! Power cuts repeat themselves, find nothing where nothing is wrong, and find what is.

use weir_fault::Mistake;
use weir_torture::power::{Report, Wanted, run};

fn cuts(from: u64, cuts: u64, first_only: bool) -> Report {
    run(Wanted { seed: 7, from, cuts, first_only }, &mut |_| {}).expect("a bench")
}

/// All but the clock.
fn figures(report: &Report) -> (u64, u64, u64, u64, u64) {
    (report.cuts, report.syncs, report.cut_again, report.queues_lost, report.acknowledged)
}

/// One test: the disk and what is planted are the whole process's.
#[test]
fn the_same_cuts_are_made_again_by_their_numbers_and_a_mistake_is_found_again() {
    let clean = cuts(150, 30, false);
    assert_eq!(clean.different, 0, "{:?}", clean.found);
    assert!(clean.syncs > 50 && clean.acknowledged > 100, "{clean:?}");
    assert_eq!(figures(&cuts(150, 30, false)), figures(&clean));

    weir_fault::plant(Mistake::QueueSyncsNormal);
    let found = cuts(0, 400, true).found;
    let first = found.first().expect("commits that are not synced get lost");
    let again = cuts(first.cut, 1, false).found;
    weir_fault::pull_up(Mistake::QueueSyncsNormal);
    let again = again.first().expect("found again by its number");
    assert_eq!(again.position, first.position);
    assert_eq!(again.differences, first.differences);
    assert_eq!(cuts(first.cut, 1, false).different, 0, "the mistake was it");
}
