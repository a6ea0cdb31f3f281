#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sip_proto::testing::check_dialog(octets));
