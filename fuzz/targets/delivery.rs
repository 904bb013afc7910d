#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use weir_event::{Millis, Zone};
use weir_registry::Registry;
use weir_testkit::TestClock;

/// 2026-05-28T20:26:40Z, as in the corpus.
const RECEIVED: Millis = Millis(1_780_000_000_000);

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let registry = Registry::open(&folder, Arc::new(TestClock::at(RECEIVED))).expect("opens");
    registry.add_site("example.com", &Zone::utc()).expect("adds");
    registry
});

fuzz_target!(|data: &[u8]| {
    let events = weir_ingest::fuzzing::delivery(&REGISTRY, RECEIVED, data);
    // What is admitted is what the processor will read.
    events.iter().for_each(weir_queue::fuzzing::round_trip);
});
