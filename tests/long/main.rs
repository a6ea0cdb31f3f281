//! Many calls, and a long day: what only shows in numbers.
//!
//! `cargo test --release --test long` takes a thousand calls through each of sixteen kinds of bad network, and an hour of traffic through two
//! endpoints: some ten seconds. `LONG_HOURS=24` makes that hour a whole day, 4.3 million calls, which takes about four minutes. A debug build runs
//! a small slice of both.

#![allow(unsafe_code, reason = "a counting allocator is unsafe to implement; the library itself forbids it")]

mod day;
mod faults;
mod live;
mod wire;
