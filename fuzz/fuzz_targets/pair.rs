#![no_main]

#[path = "../../tests/long/live.rs"]
mod live;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sip_proto::testing::check_pair(octets, Some(&live::live)));
