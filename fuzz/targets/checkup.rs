#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_checkup::fuzzing::checkup(data));
