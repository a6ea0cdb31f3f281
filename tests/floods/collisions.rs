//! Branches that an unkeyed hash maps to one value: pairs of blocks that bring the hash to the same state, strung together, so that k pairs make
//! 2^k branches of one hash. Whoever can do that to a table makes each look-up as long as the table.

#![allow(dead_code, reason = "tests and benchmark each use their part")]

use std::collections::HashMap;

/// Characters of a token in one case: branches compare without case (RFC 3261 §7.3.1).
const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~";
/// What stands before the blocks: the cookie and one more, eight octets.
const HEAD: &str = "z9hg4bk0";

/// Pairs of blocks of one effect.
pub(crate) struct Collisions {
    pairs: Vec<[String; 2]>,
    /// The hash that all of them have.
    pub(crate) hash: fn(&str) -> u64,
}

impl Collisions {
    /// The n-th branch without its cookie: bit i of n says which block of the i-th pair it has.
    pub(crate) fn branch(&self, n: u64) -> String {
        let blocks = self.pairs.iter().enumerate().map(|(i, pair)| &*pair[(n >> i & 1) as usize]);
        HEAD[7..].chars().map(String::from).chain(blocks.map(String::from)).collect()
    }

    /// The hash of the n-th branch, cookie and all.
    pub(crate) fn hash_of(&self, n: u64) -> u64 {
        (self.hash)(&format!("z9hg4bk{}", self.branch(n)))
    }
}

fn pairs(count: u64) -> usize {
    (u64::BITS - count.leading_zeros()) as usize
}

/// A small generator: blocks to try.
struct Tries(u64);

impl Tries {
    fn block(&mut self) -> [u8; 8] {
        let mut block = [0; 8];
        for place in &mut block {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *place = CHARACTERS[(self.0 >> 33) as usize % CHARACTERS.len()];
        }
        block
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

// --- FxHash, as rustc and Firefox had it: 64 bits, eight octets a step ---

const FX: u64 = 0x517c_c1b7_2722_0a95;

fn fx_step(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(FX)
}

fn fx_hash(text: &str) -> u64 {
    text.as_bytes().chunks(8).fold(0, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        fx_step(hash, u64::from_le_bytes(word))
    })
}

/// Each block is two words: any first one, and the second one that leads where the other block leads, if it is a token.
pub(crate) fn fx(count: u64) -> Collisions {
    let mut tries = Tries(1);
    let is_token = |word: u64| word.to_le_bytes().iter().all(|byte| CHARACTERS.contains(byte));
    let mut hash = fx_hash(HEAD);
    let mut found = Vec::new();
    for _ in 0..pairs(count) {
        let block = [tries.block(), tries.block()].map(u64::from_le_bytes);
        let wanted = fx_step(hash, block[0]).rotate_left(5) ^ block[1];
        let other = loop {
            let first = u64::from_le_bytes(tries.block());
            let second = wanted ^ fx_step(hash, first).rotate_left(5);
            if first != block[0] && is_token(second) {
                break [first, second];
            }
        };
        hash = block.iter().fold(hash, |hash, word| fx_step(hash, *word));
        found.push([block, other].map(|words| words.map(|word| text(&word.to_le_bytes())).concat()));
    }
    Collisions { pairs: found, hash: fx_hash }
}

// --- FNV-1a of 32 bits, octet by octet ---

fn fnv_from(hash: u32, octets: &[u8]) -> u32 {
    octets.iter().fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn fnv_hash(text: &str) -> u64 {
    fnv_from(0x811c_9dc5, text.as_bytes()).into()
}

/// A birthday among some hundred thousand blocks.
pub(crate) fn fnv(count: u64) -> Collisions {
    let mut tries = Tries(2);
    let mut hash = fnv_from(0x811c_9dc5, HEAD.as_bytes());
    let mut found = Vec::new();
    for _ in 0..pairs(count) {
        let mut seen = HashMap::new();
        let pair = loop {
            let block = tries.block();
            if let Some(other) = seen.insert(fnv_from(hash, &block), block).filter(|other| *other != block) {
                break [block, other];
            }
        };
        hash = fnv_from(hash, &pair[0]);
        found.push(pair.map(|block| text(&block)));
    }
    Collisions { pairs: found, hash: fnv_hash }
}

// --- h · 31 + c, as many a C program has it ---

fn hash_31(text: &str) -> u64 {
    text.bytes().fold(0, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
}

/// `a~` and `b_`: one more in the first place, 31 fewer in the second.
pub(crate) fn times_31(count: u64) -> Collisions {
    let pair = || ["a~", "b_"].map(String::from);
    Collisions { pairs: (0..pairs(count)).map(|_| pair()).collect(), hash: hash_31 }
}
