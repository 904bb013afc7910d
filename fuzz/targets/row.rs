#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_queue::fuzzing::row_body(data));
