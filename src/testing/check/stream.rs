//! A stream: whole, and in chunks.

use alloc::vec::Vec;

use super::check_message;
use crate::limits::Limits;
use crate::message::{Framer, Unit};

/// Cuts `octets` in chunks whose lengths its first octets say, and holds what a framer makes of them against what it makes of the whole.
///
/// # Panics
/// When the two differ, or the framer holds back more than its limits allow.
pub fn check_stream(octets: &[u8]) {
    let limits = Limits { head: 512, body: 256, ..Limits::DEFAULT };
    let count = usize::from(octets.first().copied().unwrap_or_default() % 16);
    let rest = octets.get(1..).unwrap_or_default();
    let (lengths, stream) = rest.split_at_checked(count).unwrap_or((rest, &[]));
    let whole = frame(core::iter::once(stream), &limits);
    let mut left = stream;
    let mut lengths = lengths.iter().cycle();
    let chunks = core::iter::from_fn(|| {
        let length = lengths.next().map_or(1, |length| usize::from(*length).max(1)).min(left.len());
        let (chunk, rest) = left.split_at_checked(length)?;
        left = rest;
        (!chunk.is_empty()).then_some(chunk)
    });
    assert_eq!(frame(chunks, &limits), whole, "in chunks, and whole");
    for unit in whole.into_iter().flatten() {
        if let Unit::Message(octets) = unit {
            check_message(&octets);
        }
    }
}

/// The units of a stream; the last one is `None` when it was given up.
fn frame<'a>(chunks: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Vec<Option<Unit>> {
    let mut framer = Framer::new();
    let mut units = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next(limits) {
                Ok(Some(unit)) => units.push(Some(unit)),
                Ok(None) => break,
                Err(_) => {
                    assert_eq!(framer.buffered(), 0, "a lost stream holds nothing");
                    units.push(None);
                    return units;
                }
            }
        }
        let most = limits.head + limits.body;
        assert!(framer.buffered() <= most, "{} octets are held back, {most} may be", framer.buffered());
    }
    units
}
