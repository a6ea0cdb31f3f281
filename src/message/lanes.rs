//! Looking for octets sixteen at a time.

use wide::i8x16;

/// Sixteen octets, one a lane. They are signed, since of such lanes the instruction sets compare which is greater.
#[derive(Clone, Copy)]
pub(super) struct Lanes(i8x16);

/// Lanes that hold or do not: all bits or none.
pub(super) type Hits = i8x16;

const WIDTH: usize = 16;

impl Lanes {
    #[inline]
    fn new(octets: [u8; WIDTH]) -> Self {
        Self(i8x16::from(octets.map(u8::cast_signed)))
    }

    /// Where the octet is `needle`.
    #[inline]
    pub(super) fn is(self, needle: u8) -> Hits {
        self.0.simd_eq(splat(needle))
    }

    /// Where the octet is `needle` once the bits of `mask` are set in it: a letter of either case with 0x20.
    #[inline]
    pub(super) fn is_with(self, mask: u8, needle: u8) -> Hits {
        self.with(mask).is(needle)
    }

    /// Where the octet is from `first` to `last`, which are not all octets.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "each lane wraps around")]
    pub(super) fn is_in(self, first: u8, last: u8) -> Hits {
        // The greatest number is the last, and those are greater than the others that are not below the first.
        let most = i8::MAX.cast_unsigned();
        let raised = self.0 + splat(most.wrapping_sub(last));
        raised.simd_gt(splat(most.wrapping_sub(last.wrapping_sub(first)).wrapping_sub(1)))
    }

    /// Where the octet is a letter or a digit.
    #[inline]
    pub(super) fn is_alphanumeric(self) -> Hits {
        self.with(0x20).is_in(b'a', b'z') | self.is_in(b'0', b'9')
    }

    /// Where the octet ends a line or is no ASCII, or another control character.
    #[inline]
    pub(super) fn is_odd(self) -> Hits {
        // What is no ASCII is negative.
        self.0.simd_lt(splat(b' '))
    }

    /// The same with the bits of `mask` set in each octet.
    #[inline]
    pub(super) fn with(self, mask: u8) -> Self {
        Self(self.0 | splat(mask))
    }
}

#[inline]
fn splat(octet: u8) -> i8x16 {
    i8x16::splat(octet.cast_signed())
}

/// The place of the first octet that `hits` marks; `None` where fewer than sixteen octets are left before one is found.
#[inline(always)]
pub(super) fn position_in_sight(octets: &[u8], hits: impl Fn(Lanes) -> Hits) -> Option<usize> {
    let (chunks, _) = octets.as_chunks();
    let mut at = 0_usize;
    for chunk in chunks {
        let found = hits(Lanes::new(*chunk)).to_bitmask();
        if found != 0 {
            return Some(at.wrapping_add(found.trailing_zeros() as usize));
        }
        at = at.wrapping_add(WIDTH);
    }
    None
}

/// The place of the first octet that `hits` marks.
#[inline(always)]
pub(super) fn position(octets: &[u8], hits: impl Fn(Lanes) -> Hits) -> Option<usize> {
    let look = |chunk: &[u8; WIDTH]| hits(Lanes::new(*chunk)).to_bitmask();
    let Some(last) = octets.last_chunk() else { return position_in_few(octets, hits) };
    let (chunks, _) = octets.as_chunks();
    for (at, chunk) in chunks.iter().enumerate() {
        let found = look(chunk);
        if found != 0 {
            return Some(at.wrapping_mul(WIDTH).wrapping_add(found.trailing_zeros() as usize));
        }
    }
    // The last sixteen reach back into what was looked at.
    let found = look(last);
    (found != 0).then(|| octets.len().wrapping_sub(WIDTH).wrapping_add(found.trailing_zeros() as usize))
}

/// The same in fewer than sixteen octets.
#[inline]
fn position_in_few(octets: &[u8], hits: impl Fn(Lanes) -> Hits) -> Option<usize> {
    let found = hits(gathered(octets)).to_bitmask();
    let place = found.trailing_zeros() as usize;
    (place < octets.len()).then_some(place)
}

/// Fewer than sixteen octets and zeros, gathered from words that overlap.
#[inline]
fn gathered(octets: &[u8]) -> Lanes {
    let joined = |head: u64, tail: u64, width: usize| {
        let above = octets.len().wrapping_sub(width).wrapping_mul(8) as u32;
        u128::from(head) | u128::from(tail).wrapping_shl(above)
    };
    let word = if let (Some(head), Some(tail)) = (octets.first_chunk(), octets.last_chunk()) {
        joined(u64::from_le_bytes(*head), u64::from_le_bytes(*tail), 8)
    } else if let (Some(head), Some(tail)) = (octets.first_chunk(), octets.last_chunk()) {
        joined(u32::from_le_bytes(*head).into(), u32::from_le_bytes(*tail).into(), 4)
    } else {
        octets.iter().rev().fold(0, |word, octet| (word << 8) | u128::from(*octet))
    };
    Lanes::new(word.to_le_bytes())
}

/// How many octets [`marks`] tells of.
pub(super) const MARKED: usize = 64;

/// A bit for each of the first [`MARKED`] octets that `hits` marks, the lowest for the first.
#[inline(always)]
pub(super) fn marks(octets: &[u8], hits: impl Fn(Lanes) -> Hits) -> u64 {
    let octets = octets.get(..MARKED).unwrap_or(octets);
    let look = |lanes: Lanes| u64::from(hits(lanes).to_bitmask());
    let Some(last) = octets.last_chunk() else {
        return look(gathered(octets)) & !u64::MAX.wrapping_shl(octets.len() as u32);
    };
    // The last sixteen reach back into the others.
    let mut all = look(Lanes::new(*last)).wrapping_shl(octets.len().wrapping_sub(WIDTH) as u32);
    let (chunks, _) = octets.as_chunks();
    for (at, chunk) in chunks.iter().enumerate() {
        all |= look(Lanes::new(*chunk)).wrapping_shl(at.wrapping_mul(WIDTH) as u32);
    }
    all
}

/// Whether `is_it` takes one of the places of `needle`, which are shown to it in order.
#[inline(always)]
pub(crate) fn any_place(octets: &[u8], needle: u8, mut is_it: impl FnMut(usize) -> bool) -> bool {
    for (at, chunk) in octets.chunks(MARKED).enumerate() {
        let mut found = marks(chunk, |lanes| lanes.is(needle));
        while found != 0 {
            if is_it(at.wrapping_mul(MARKED).wrapping_add(found.trailing_zeros() as usize)) {
                return true;
            }
            found &= found.wrapping_sub(1);
        }
    }
    false
}

/// Whether `hits` marks any octet.
#[inline(always)]
pub(super) fn has(octets: &[u8], hits: impl Fn(Lanes) -> Hits) -> bool {
    let Some(last) = octets.last_chunk() else { return marks(octets, hits) != 0 };
    let look = |chunk: &[u8; WIDTH]| hits(Lanes::new(*chunk));
    let (chunks, _) = octets.as_chunks();
    chunks.iter().fold(look(last), |found, chunk| found | look(chunk)).to_bitmask() != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// Each place in each length, and none.
    #[test]
    fn the_first_place_is_found() {
        for len in 0..70 {
            for at in 0..=len {
                let mut octets = vec![b'a'; len];
                for octet in octets.iter_mut().skip(at) {
                    *octet = b';';
                }
                let first = (at < len).then_some(at);
                assert_eq!(position(&octets, |lanes| lanes.is(b';')), first, "{at} of {len}");
                assert_eq!(has(&octets, |lanes| lanes.is(b';')), first.is_some(), "{at} of {len}");
                // What is not there may stand behind the end.
                assert_eq!(position(&octets, |lanes| lanes.is(0)), None, "{len}");
                assert!(!has(&octets, |lanes| lanes.is(0)), "{len}");
                if let Some(octet) = octets.get_mut(at) {
                    *octet = b'b';
                    assert_eq!(position(&octets, |lanes| lanes.is(b'b')), Some(at), "{at} of {len}");
                    assert!(has(&octets, |lanes| lanes.is(b'b')), "{at} of {len}");
                }
            }
        }
    }

    /// Each place in each length, as far as sixteen octets are looked at together.
    #[test]
    fn the_first_place_is_found_in_sight() {
        for len in 0..70 {
            for at in 0..len {
                let mut octets = vec![b'a'; len];
                octets[at] = b';';
                let place = (at - at % WIDTH + WIDTH <= len).then_some(at);
                assert_eq!(position_in_sight(&octets, |lanes| lanes.is(b';')), place, "{at} of {len}");
            }
        }
    }

    /// Each place in each length.
    #[test]
    fn each_place_is_marked() {
        for len in 0..80 {
            for at in 0..len {
                let mut octets = vec![b'a'; len];
                octets[at] = b';';
                let bit = if at < MARKED { 1 << at } else { 0 };
                assert_eq!(marks(&octets, |lanes| lanes.is(b';')), bit, "{at} of {len}");
            }
            let all = if len < MARKED { (1 << len) - 1 } else { u64::MAX };
            assert_eq!(marks(&vec![b';'; len], |lanes| lanes.is(b';')), all, "{len}");
            assert_eq!(marks(&vec![b';'; len], |lanes| lanes.is(0)), 0, "{len}");
        }
    }

    #[test]
    fn all_places_are_found() {
        for len in 0..70_usize {
            let octets: Vec<u8> = (0..len).map(|at| if at % 7 == len % 7 { b';' } else { b'a' }).collect();
            let mut places = Vec::new();
            assert!(!any_place(&octets, b';', |at| {
                places.push(at);
                false
            }));
            assert_eq!(places, (0..len).filter(|at| at % 7 == len % 7).collect::<Vec<_>>());
            assert_eq!(any_place(&octets, b';', |at| at > 20), places.iter().any(|at| *at > 20));
        }
    }

    #[test]
    fn octets_are_told_apart() {
        for octet in 0..=u8::MAX {
            let is_hit = |hits: &dyn Fn(Lanes) -> Hits| position(&[octet], hits).is_some();
            assert_eq!(is_hit(&|lanes| lanes.is(b'x')), octet == b'x');
            assert_eq!(is_hit(&|lanes| lanes.is_with(0x20, b'x')), matches!(octet, b'x' | b'X'));
            assert_eq!(is_hit(&|lanes| lanes.is_in(b'0', b'9')), octet.is_ascii_digit());
            assert_eq!(is_hit(&|lanes| lanes.is_in(0, 0x1f)), octet < 0x20);
            assert_eq!(is_hit(&|lanes| lanes.is_in(0x80, 0xff)), octet >= 0x80);
            assert_eq!(is_hit(&|lanes| lanes.is_odd()), !(b' '..0x80).contains(&octet));
        }
    }
}
