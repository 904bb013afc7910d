#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_ingest::fuzzing::client_ip(data));
