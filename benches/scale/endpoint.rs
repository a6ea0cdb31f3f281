//! The timer index alone, which no user of the library sees: its file is included as it is.

#[path = "../../src/endpoint/ids.rs"]
#[allow(dead_code, unused_imports, missing_docs, unreachable_pub, reason = "the index uses a part of it")]
mod ids;
#[path = "../../src/endpoint/timers.rs"]
#[allow(dead_code, reason = "the endpoint uses more of it")]
mod timers;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ids::{Owner, ServerId};
use slotmap::KeyData;
use timers::{Handle, TimerIndex};

use crate::time::Timestamp;

const ROUNDS: usize = 400_000;
/// What transactions wait for, in milliseconds.
const DURATIONS: [u64; 6] = [500, 1_000, 2_000, 4_000, 5_000, 32_000];

/// The row of so many timers.
pub(crate) fn timers(count: usize) {
    let mut index = TimerIndex::new();
    let mut handles = vec![Handle::NONE; count];
    let mut seed = 1_u64;
    let mut draw = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let owner = |n: usize| Owner::Server(ServerId::from(KeyData::from_ffi(1 << 32 | n as u64)));
    let mut now = Timestamp::ZERO;
    // Time goes on as it would if every timer were set once in 16 s.
    let step = Duration::from_nanos(16_000_000_000 / count as u64).max(Duration::from_micros(1));
    for (n, handle) in handles.iter_mut().enumerate() {
        let after = Duration::from_millis(DURATIONS[draw(DURATIONS.len())]);
        index.set(handle, owner(n), Some(now + after), now);
        now = now + step / 8;
    }
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        black_box(black_box(&index).next());
    }
    let poll = begun.elapsed().as_nanos() as f64 / ROUNDS as f64;
    let picks: Vec<(usize, Duration)> =
        (0..ROUNDS).map(|_| (draw(count), Duration::from_millis(DURATIONS[draw(DURATIONS.len())]))).collect();
    let begun = Instant::now();
    for (n, after) in picks {
        index.set(&mut handles[n], owner(n), None, now);
        index.set(&mut handles[n], owner(n), Some(now + after), now);
        now = now + Duration::from_micros(1);
    }
    let set = begun.elapsed().as_nanos() as f64 / ROUNDS as f64;
    let late = now + Duration::from_secs(3_600);
    assert_eq!(std::iter::from_fn(|| index.pop_due(late)).count(), count);
    println!("{count:>9}  next {poll:>6.1} ns  clear and set {set:>6.1} ns");
}
