#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_registry::fuzzing::hosts(data));
