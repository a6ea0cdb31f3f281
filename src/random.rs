//! Branches, tags and Call-IDs, drawn from the seed.
//!
//! Every identifier carries 128 bits of a `ChaCha` stream, more than the 32 that RFC 3261 §19.3 asks
//! of a tag: who cannot see the traffic cannot guess a dialog. The same seed gives the same
//! identifiers in the same order, and a seed must never serve two endpoints.

use core::fmt;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// Identifiers are written in this alphabet: token characters, one case, so that peers which compare
/// with or without case agree.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 26 characters of five bits hold 128 bits.
const LENGTH: usize = 26;

/// An identifier of 128 random bits, 26 characters long.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; LENGTH]);

impl Token {
    /// The token for these 128 bits.
    pub fn from_bits(bits: u128) -> Self {
        let mut text = [b'a'; LENGTH];
        let (chunks, _) = text.as_chunks_mut();
        let mut rest = bits;
        for chunk in chunks {
            *chunk = eight(rest as u64);
            rest >>= 40;
        }
        let [.., one, two] = &mut text;
        [*one, *two, ..] = eight(rest as u64);
        Self(text)
    }

    /// A number from 1 to 2³¹ − 1 that its first 35 bits determine, near enough to uniform: a first RSeq (RFC 3262 §3), which
    /// whoever has not seen the answers that carry the token cannot guess.
    pub fn rseq(&self) -> u32 {
        let place = |c: &u8| ALPHABET.iter().position(|known| known == c).unwrap_or_default() as u64;
        let bits = self.0.iter().take(7).fold(0_u64, |bits, c| bits << 5 | place(c));
        let most = u64::from(i32::MAX.unsigned_abs());
        bits.checked_rem(most).map_or(1, |rest| rest.saturating_add(1) as u32)
    }

    /// The octets of the token's text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        ascii::AsciiStr::from_ascii(&self.0).map_or("", ascii::AsciiStr::as_str)
    }
}

/// The characters for the lowest 40 bits, five each, all eight at a time.
fn eight(bits: u64) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // 20 bits to a half, 10 to a quarter, 5 to an octet.
    let halves = (bits & 0xf_ffff) | (bits & 0xff_fff0_0000) << 12;
    let quarters = (halves & 0x03ff_0000_03ff) | (halves & 0x000f_fc00_000f_fc00) << 6;
    let digits = (quarters & 0x1f_001f_001f_001f) | (quarters & 0x3e0_03e0_03e0_03e0) << 3;
    // From 26 on, where an octet's highest bit is set by what is added here, digits are meant.
    let is_digit = (digits.wrapping_add(EACH.wrapping_mul(128 - 26)) >> 7) & EACH;
    let letters = digits.wrapping_add(EACH.wrapping_mul(b'a'.into()));
    letters.wrapping_sub(is_digit.wrapping_mul(u64::from(b'a' + 26 - b'2'))).to_le_bytes()
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The endpoint's one source of random values.
#[derive(Clone, PartialEq, Eq)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// The source that `seed` determines.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A fresh token: the random part of a branch, a tag, a Call-ID.
    pub fn token(&mut self) -> Token {
        let high = u128::from(self.0.next_u64());
        Token::from_bits(high << 64 | u128::from(self.0.next_u64()))
    }

    /// A fresh key for a keyed hash.
    pub fn key(&mut self) -> [u8; 16] {
        let mut key = [0; 16];
        self.0.fill_bytes(&mut key);
        key
    }

    /// A value in `low..=high`, near enough to uniform for a back-off time.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let width = u64::from(high.saturating_sub(low)).saturating_add(1);
        let scaled = u64::from(self.0.next_u32()).saturating_mul(width) >> 32;
        low.saturating_add(scaled as u32)
    }
}

impl fmt::Debug for Random {
    /// The state stays unseen: who reads it knows every tag to come.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_tokens() {
        let mut one = Random::from_seed([7; 32]);
        let mut two = Random::from_seed([7; 32]);
        assert_eq!(one.token(), two.token());
        assert_ne!(one.token(), one.token());
    }

    #[test]
    fn a_token_holds_all_128_bits() {
        assert_eq!(Token::from_bits(0).as_str(), "aaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_ne!(Token::from_bits(u128::MAX), Token::from_bits(u128::MAX >> 1));
        assert_ne!(Token::from_bits(1), Token::from_bits(0));
    }

    #[test]
    fn the_characters_are_those_of_the_alphabet() {
        let mut random = Random::from_seed([2; 32]);
        let mut bits = alloc::vec![0, u128::MAX];
        bits.extend((0..128).map(|bit| 1 << bit));
        bits.extend((0..1_000).map(|_| u128::from_le_bytes(random.key())));
        for bits in bits {
            let token = Token::from_bits(bits);
            let plain = (0..LENGTH).map(|place| ALPHABET[(bits >> (5 * place) & 31) as usize]);
            assert!(plain.eq(token.as_bytes().iter().copied()), "{bits:x}");
        }
    }

    #[test]
    fn a_first_rseq_is_within_31_bits() {
        // RFC 3262 §3: 1 to 2³¹ − 1, chosen uniformly.
        let mut random = Random::from_seed([1; 32]);
        let drawn: alloc::vec::Vec<u32> = (0..1_000).map(|_| random.token().rseq()).collect();
        assert!(drawn.iter().all(|v| (1..1 << 31).contains(v)));
        assert!(drawn.iter().min() < Some(&(1 << 24)) && drawn.iter().max() > Some(&(127 << 24)));
        let ends = [0, u128::MAX].map(|bits| Token::from_bits(bits).rseq());
        assert!(ends.iter().all(|v| (1..1 << 31).contains(v)), "{ends:?}");
    }

    #[test]
    fn between_stays_within_its_range() {
        let mut random = Random::from_seed([1; 32]);
        let drawn: alloc::vec::Vec<u32> = (0..1_000).map(|_| random.between(2_100, 4_000)).collect();
        assert!(drawn.iter().all(|v| (2_100..=4_000).contains(v)));
        assert!(drawn.iter().min() < Some(&2_200) && drawn.iter().max() > Some(&3_900));
    }
}
