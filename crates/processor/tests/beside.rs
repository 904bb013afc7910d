//! Proofs while the processor folds.

use std::sync::atomic::{AtomicBool, Ordering};

use weir_event::{Event, Millis};
use weir_processor::verify;
use weir_testkit::page_view;

use crate::world::World;

const NOON: Millis = Millis(1_780_056_000_000);

#[test]
fn a_verification_beside_a_busy_processor_raises_no_false_alarm() {
    const ROUNDS: u64 = 60;
    let mut world = World::new();
    let site = world.site("example.com", "UTC").id;
    let reader = world.reader.clone();
    let view = |n: u64| {
        // Today and yesterday, pages and visitors that come again.
        let time = NOON + i64::try_from(n % 7).expect("few") * Millis::HOUR
            - i64::from(n.is_multiple_of(11)) * Millis::DAY;
        Event { path: format!("/{}", n % 13), ..page_view(n, site, n % 31, time) }
    };
    world.take(&[view(0)]);
    let is_over = AtomicBool::new(false);
    let verified = std::thread::scope(|scope| {
        let verifier = scope.spawn(|| {
            let mut verified = Vec::new();
            while !is_over.load(Ordering::Acquire) {
                verified.push(verify(&reader, &[], &mut |_, _| {}).expect("verified"));
            }
            verified
        });
        for round in 1..=ROUNDS {
            let events: Vec<Event> = (0..50).map(|n| view(round * 50 + n)).collect();
            world.take(&events);
            if round.is_multiple_of(20) {
                world.set_counting(
                    "example.com",
                    i64::try_from(round).expect("few"),
                    round.is_multiple_of(40),
                );
            }
        }
        is_over.store(true, Ordering::Release);
        verifier.join().expect("no panic")
    });
    assert!(verified.iter().any(|found| found.rows > 0), "{} verifications", verified.len());
    for found in verified {
        assert!(found.is_equal(), "{:#?}", found.told);
        assert_eq!(found.moving, 0);
    }
    world.drain();
    assert!(world.verify().is_equal());
}
