//! Several endpoints behind one address, each with the calls of its own: which one a datagram is for.
//!
//! An endpoint shares nothing with another, so cores and machines scale by sharding. What decides is the Call-ID, which every message
//! of a call carries: 32 bits of it are taken by [`shard_of`], and of `n` endpoints the one takes the message whose index is what is
//! left of these when they are divided by `n`. [`shard()`] finds the Call-ID in a datagram without reading the rest of it. Requests of our own
//! come back by the same rule when [`Config::shard`](super::Config::shard) says which shard the endpoint is: it then draws Call-IDs that
//! are its own.
//!
//! | datagram | goes by |
//! |---|---|
//! | a request with Replaces or Join (RFC 3891 §3, RFC 3911 §4) | the Call-ID named there: the dialog must be known to who serves it |
//! | any other message | its Call-ID |
//! | no Call-ID to be found: keep-alives, STUN, no SIP | none: any endpoint will do, for instance the first |
//!
//! What follows in a call that began with Replaces or Join carries the Call-ID of its own alone. A front end that lets those in keeps the
//! way of that Call-ID for as long as the call lasts.
//!
//! # Machines
//!
//! The number is that of Kamailio's dispatcher, so that the same rule holds in front of several machines: `ds_select_dst("1", "0")`,
//! which is the algorithm "hash over Call-ID". The machine with the highest priority has index 0, and so on down; of like priority, the order is
//! not that of the file. All requests are dispatched so, those within a dialog too, and statelessly. A machine that Kamailio takes out of the set
//! moves calls of the others as well: let it probe none. `tests/interop/dispatcher` tries it.
//!
//! ```text
//! # /etc/kamailio/dispatcher.list: group, address, flags, priority
//! 1 sip:192.0.2.11 0 2
//! 1 sip:192.0.2.12 0 1
//!
//! # kamailio.cfg
//! modparam("dispatcher", "list_file", "/etc/kamailio/dispatcher.list")
//! request_route { if (!ds_select_dst("1", "0")) { sl_send_reply("503", "No machine"); exit; } forward(); exit; }
//! ```
//!
//! With `m` machines and `t` threads on each, a datagram is for thread `shard / m % t` of machine `shard % m`, and that thread's endpoint
//! has shard `machine + m * thread` of `m * t`.

use memchr::memchr;

use crate::random::{Random, Token};

/// One endpoint's share of the Call-IDs: those whose [`shard_of`] leaves `index` when it is divided by `count`.
///
/// ```
/// use sip_proto::{Config, Shard};
///
/// let mut config = Config::new("sip:bob@192.0.2.4")?;
/// config.shard = Shard::new(1, 4);
/// assert_eq!(Shard::new(4, 4), None);
/// # Ok::<(), sip_proto::message::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// Shard number `index`, from 0 on, of `count`; `None` where there is no such shard.
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }

    /// Its number.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether a datagram is for it that [`shard()`] gives this number.
    pub const fn takes(self, shard: u32) -> bool {
        matches!(shard.checked_rem(self.count), Some(rest) if rest == self.index)
    }

    /// Whether messages with this Call-ID are for it.
    pub(super) fn owns(self, call_id: &str) -> bool {
        self.takes(shard_of(call_id.as_bytes()))
    }

    /// A fresh Call-ID of its own.
    pub(super) fn call_id(self, random: &mut Random) -> Token {
        /// It takes `count` on average; so many for each leave nothing to chance, and an end in any case.
        const TRIES: u32 = 64;
        let mut token = random.token();
        for _ in 0..self.count.saturating_mul(TRIES) {
            if self.takes(shard_of(token.as_str().as_bytes())) {
                break;
            }
            token = random.token();
        }
        token
    }
}

/// The number that decides which endpoint a datagram is for, to be divided by how many there are; `None` where no Call-ID is to be found.
///
/// It looks at the lines of the head and reads no more than one of them: folded or not, `Call-ID` or `i`, in any case (RFC 3261 §7.3). Whatever
/// the parser takes is given the number of the Call-ID that the parser finds. The work is linear, nothing is allocated.
///
/// ```
/// use sip_proto::endpoint::{shard, shard_of};
///
/// let bye = b"BYE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\ni: a84b4c76e66710\r\n\r\n";
/// assert_eq!(shard(bye), Some(shard_of(b"a84b4c76e66710")));
/// assert_eq!(shard(b"\r\n\r\n"), None);
/// ```
pub fn shard(datagram: &[u8]) -> Option<u32> {
    let start = datagram.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut rest = datagram.get(start..)?;
    let may_replace = rest.starts_with(b"INVITE ");
    next_line(&mut rest);
    let mut own = None;
    while let Some(line) = next_line(&mut rest) {
        let Some((name, value)) = memchr(b':', line).and_then(|at| line.split_at_checked(at)) else {
            match line.iter().all(u8::is_ascii_whitespace) {
                true => break,
                false => continue,
            }
        };
        let (name, value) = (name.trim_ascii(), value.get(1..).unwrap_or_default());
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        if own.is_none() && (is(b"Call-ID") || is(b"i")) {
            own = Some(value.trim_ascii()).filter(|id| !id.is_empty());
            if !may_replace {
                break;
            }
        } else if may_replace && (is(b"Replaces") || is(b"Join")) {
            let id = memchr(b';', value).and_then(|end| value.get(..end)).unwrap_or(value);
            return Some(shard_of(id.trim_ascii()));
        }
    }
    own.map(shard_of)
}

/// The number of a Call-ID. It is the same in every version of this crate: that of Kamailio's dispatcher, never 0.
///
/// The octets are taken as big-endian words of 32 bits, the last one of what is left over. To each word its eighth part is XORed, and they
/// are added up; to the sum are added its bits from 11, from 13 and from 23 on. All without carry beyond 32 bits.
///
/// It spreads Call-IDs that are random. Who chooses a Call-ID chooses its shard: the limits of an endpoint hold for each shard.
pub fn shard_of(call_id: &[u8]) -> u32 {
    let mix = |word: u32| word ^ (word >> 3);
    let (words, left) = call_id.as_chunks();
    let words = words.iter().map(|word| mix(u32::from_be_bytes(*word)));
    let left = mix(left.iter().fold(0, |word, octet| word << 8 | u32::from(*octet)));
    let sum = words.fold(left, u32::wrapping_add);
    let number = sum.wrapping_add(sum >> 11).wrapping_add(sum >> 13).wrapping_add(sum >> 23);
    number.max(1)
}

/// Takes a line off, with those that continue it (RFC 3261 §7.3.1).
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let mut end = 0;
    loop {
        let tail = rest.get(end..).unwrap_or_default();
        let Some(at) = memchr(b'\n', tail) else {
            end = rest.len();
            break;
        };
        end = end.saturating_add(at).saturating_add(1);
        // An empty line ends the head, whatever the body begins with.
        let is_empty = rest.get(..end).unwrap_or_default().iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        if is_empty || !matches!(rest.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    let (line, after) = rest.split_at_checked(end)?;
    *rest = after;
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_number_never_changes() {
        // Kamailio 5.6, ds_select_dst with algorithm 0: tests/interop/dispatcher holds these rules against it.
        let numbers: Vec<u32> =
            ["", "a", "abcd", "a84b4c76e66710", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@foo.bar"]
                .iter()
                .map(|id| shard_of(id.as_bytes()))
                .collect();
        assert_eq!(numbers, [1, 109, 1_834_959_896, 161_557_962, 447_400_529]);
    }

    #[test]
    fn drawn_call_ids_are_of_their_shard_and_spread() {
        let mut random = Random::from_seed([5; 32]);
        for count in [1, 2, 3, 7, 16, 64] {
            let mut seen = alloc::vec![0; count as usize];
            for _ in 0..count * 200 {
                seen[(shard_of(random.token().as_str().as_bytes()) % count) as usize] += 1;
            }
            assert!(seen.iter().all(|n| (120..300).contains(n)), "{seen:?}");
            for index in 0..count {
                let shard = Shard::new(index, count).unwrap();
                assert!(shard.takes(shard_of(shard.call_id(&mut random).as_str().as_bytes())));
            }
        }
    }

    #[test]
    fn the_call_id_is_found_however_it_is_written() {
        // RFC 3261 §7.3.1, §7.3.3, §20.8.
        let id = Some(shard_of(b"x@h"));
        for head in [
            "Call-ID: x@h",
            "i:x@h",
            "CALL-id \t:  x@h \t",
            "I:\r\n x@h",
            "Call-ID:\r\n\t x@h\r\n\t",
            "Subject: a\r\n i: y\r\ni: x@h",
        ] {
            let text = alloc::format!(
                "\r\nOPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{head}\r\nl: 0\r\n\r\ni: z"
            );
            assert_eq!(shard(text.as_bytes()), id, "{head}");
            assert_eq!(shard(text.replace("\r\n", "\n").as_bytes()), id, "{head}");
        }
        for none in [
            "",
            "\r\n\r\n",
            "OPTIONS sip:h SIP/2.0\r\nVia: x\r\n\r\n i: x",
            "i: x",
            "A\r\ni:\r\n\r\n",
            "\0\x01\0\0",
        ] {
            assert_eq!(shard(none.as_bytes()), None, "{none:?}");
        }
    }

    #[test]
    fn replaces_and_join_name_the_call() {
        // RFC 3891 §6.1, RFC 3911 §7.1: an INVITE alone carries them.
        let there = Some(shard_of(b"98732@h"));
        for name in ["Replaces", "JOIN"] {
            let text = |method: &str| {
                alloc::format!(
                    "{method} sip:h SIP/2.0\r\ni: x\r\n{name}: 98732@h;to-tag=a;from-tag=b\r\n\r\n"
                )
                .into_bytes()
            };
            assert_eq!(shard(&text("INVITE")), there);
            assert_eq!(shard(&text("BYE")), Some(shard_of(b"x")));
        }
    }
}
