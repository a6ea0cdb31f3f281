//! Messages out of a byte stream, framed by Content-Length (RFC 3261 §18.3, §20.14).

use core::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::{Length, ParseError};
use crate::limits::Limits;

/// What a stream carried. `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq)]
pub enum Unit {
    /// The octets of one message, to be weighed like a datagram.
    Message(Bytes),
    /// A double CRLF between messages: the peer asks for a single CRLF in answer (RFC 5626 §3.5.1).
    Ping,
}

/// Cuts one stream into messages. Any chunking gives the same units, and work is linear in what is pushed.
///
/// ```
/// use sip_proto::Limits;
/// use sip_proto::message::{Framer, Unit};
///
/// let mut framer = Framer::new();
/// framer.push(b"\r\n\r\nSIP/2.0 200 OK\r\nl: 2\r\n\r\nhi");
/// assert_eq!(framer.next(&Limits::DEFAULT), Ok(Some(Unit::Ping)));
/// let Ok(Some(Unit::Message(bytes))) = framer.next(&Limits::DEFAULT) else { panic!() };
/// assert!(bytes.ends_with(b"hi"));
/// assert_eq!(framer.next(&Limits::DEFAULT), Ok(None));
/// ```
#[derive(Clone, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no end of the head.
    scanned: usize,
    /// The whole message's length, once its head is complete.
    length: Option<usize>,
    /// Whether octets before those in `buffer` still take room there.
    is_worn: bool,
    is_lost: bool,
    /// The head of a message beyond the limits was handed out: what follows it cannot be told apart.
    is_cut: bool,
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(octets) => f.debug_tuple("Message").field(&Length(octets.len())).finish(),
            Self::Ping => f.write_str("Ping"),
        }
    }
}

impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer")
            .field("buffered", &self.buffered())
            .field("is_lost", &self.is_lost)
            .finish_non_exhaustive()
    }
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what the stream delivered.
    pub fn push(&mut self, chunk: &[u8]) {
        if !self.is_lost {
            self.buffer.extend_from_slice(chunk);
        }
    }

    /// The next unit; `Ok(None)` when more octets are needed.
    ///
    /// # Errors
    /// When the stream cannot be re-synchronised: a head longer than [`Limits::head`], a Content-Length that is
    /// missing or malformed. Of a message whose Content-Length is beyond [`Limits::body`] the head comes first, so that it can be
    /// answered 513 (RFC 3261 §21.5.7). From then on every call fails, and the flow is to be closed.
    pub fn next(&mut self, limits: &Limits) -> Result<Option<Unit>, ParseError> {
        if self.is_lost {
            return Err(ParseError::new("a stream in step", 0));
        }
        let unit = match self.is_cut {
            true => Err(ParseError::new(SHORTER_BODY, 0)),
            false => self.advance(limits),
        };
        unit.inspect_err(|_| {
            self.is_lost = true;
            self.buffer = BytesMut::new();
        })
    }

    /// Octets held back for a message that is not complete.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn advance(&mut self, limits: &Limits) -> Result<Option<Unit>, ParseError> {
        let length = match self.length {
            Some(length) => length,
            None => {
                if self.skip_blank() {
                    return Ok(Some(Unit::Ping));
                }
                let Some(head_len) = self.head_len(limits)? else { return Ok(None) };
                let head = self.buffer.get(..head_len).unwrap_or_default();
                let body_len = content_length(head)?;
                self.is_cut = body_len > limits.body;
                if self.is_cut { head_len } else { head_len.saturating_add(body_len) }
            }
        };
        if self.buffer.len() < length {
            self.length = Some(length);
            return Ok(None);
        }
        self.length = None;
        self.scanned = 0;
        Ok(Some(Unit::Message(self.cut(length))))
    }

    /// The first `length` octets. Whoever keeps them keeps nothing else with them: neither what stood around them nor much more room than they take.
    fn cut(&mut self, length: usize) -> Bytes {
        let is_all = self.buffer.len() == length && !self.is_worn;
        if is_all && self.buffer.capacity() <= length.saturating_mul(2) {
            return core::mem::take(&mut self.buffer).freeze();
        }
        let cut = Bytes::copy_from_slice(self.buffer.get(..length).unwrap_or_default());
        self.drop_first(length);
        cut
    }

    fn drop_first(&mut self, count: usize) {
        self.buffer.advance(count.min(self.buffer.len()));
        self.is_worn = !self.buffer.is_empty();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Drops line ends before a message (§7.5); whether four of them made a ping. Octet by octet, so that chunks make no difference.
    fn skip_blank(&mut self) -> bool {
        const PING: &[u8] = b"\r\n\r\n";
        loop {
            let known = PING.iter().zip(self.buffer.iter()).take_while(|(ping, octet)| ping == octet).count();
            let next = self.buffer.get(known);
            // Up to three octets may be waiting for the rest of a ping.
            let useless = match known {
                0 => usize::from(matches!(next, Some(b'\r' | b'\n'))),
                _ if next.is_some() || known == PING.len() => known,
                _ => 0,
            };
            if useless == 0 {
                return false;
            }
            self.drop_first(useless);
            if known == PING.len() {
                return true;
            }
        }
    }

    /// The length of the head at the start of the buffer, the empty line included.
    fn head_len(&mut self, limits: &Limits) -> Result<Option<usize>, ParseError> {
        let from = self.scanned.saturating_sub(3);
        let fresh = self.buffer.get(from..).unwrap_or_default();
        let end = memchr::memchr_iter(b'\n', fresh).find_map(|at| {
            let rest = fresh.get(at.saturating_add(1)..)?;
            let blank = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
            (blank > 0).then(|| from.saturating_add(at).saturating_add(1).saturating_add(blank))
        });
        self.scanned = self.buffer.len();
        if end.unwrap_or(self.buffer.len()) > limits.head {
            return Err(ParseError::new("a shorter head", limits.head));
        }
        Ok(end)
    }
}

/// What is expected of a message whose body is beyond [`Limits::body`].
pub(super) const SHORTER_BODY: &str = "a shorter body";

/// Content-Length of a head. It is mandatory on a stream (§20.14). Only the lines that may be it are looked at: the rest
/// is examined when the message is.
fn content_length(head: &[u8]) -> Result<usize, ParseError> {
    let mut found = None;
    let mut lines = head.split(|byte| *byte == b'\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let name = name.trim_ascii_end();
        if !name.eq_ignore_ascii_case(b"l") && !name.eq_ignore_ascii_case(b"Content-Length") {
            continue;
        }
        let folded = lines.peek().filter(|next| next.starts_with(b" ") || next.starts_with(b"\t"));
        let mut digits = value.get(1..).unwrap_or_default().trim_ascii();
        if let Some(folded) = folded.filter(|_| digits.is_empty()) {
            digits = folded.trim_ascii();
        }
        let length = core::str::from_utf8(digits).ok().and_then(super::scan::number::<u32>);
        match (length, found) {
            (Some(length), None) => found = Some(length as usize),
            _ => return Err(ParseError::new("one Content-Length", 0)),
        }
    }
    found.ok_or(ParseError::new("Content-Length", head.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn units(chunks: &[&[u8]]) -> Vec<Result<Unit, ParseError>> {
        let mut framer = Framer::new();
        let mut units = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(unit) = framer.next(&Limits::DEFAULT).transpose() {
                let failed = unit.is_err();
                units.push(unit);
                if failed {
                    return units;
                }
            }
        }
        units
    }

    const TWO: &[u8] = b"\r\n\r\nA b c\r\nContent-Length:\r\n  3\r\n\r\nabc\r\nD e f\nl : 0\n\n\r\n\r\n";

    #[test]
    fn any_chunking_gives_the_same_units() {
        let whole = units(&[TWO]);
        let is_ping = |unit: &Result<Unit, ParseError>| matches!(unit, Ok(Unit::Ping));
        assert_eq!(whole.iter().map(is_ping).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(units(&TWO.chunks(1).collect::<Vec<_>>()), whole);
        for cut in 1..TWO.len() {
            assert_eq!(units(&[&TWO[..cut], &TWO[cut..]]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn line_ends_of_any_kind_make_the_same_pings() {
        for stray in ["", "\n", "\r", "\n\r", "\r\r", "\r\n\r", "\r\n\n"] {
            let stream = alloc::format!("{stray}\r\n\r\nA b c\r\nl: 0\r\n\r\n{stray}\r\n\r\n");
            let whole = units(&[stream.as_bytes()]);
            assert_eq!(whole.len(), 3, "{stray:?}");
            assert_eq!(units(&stream.as_bytes().chunks(1).collect::<Vec<_>>()), whole, "{stray:?}");
        }
    }

    #[test]
    fn a_stream_out_of_step_is_given_up() {
        let last = |bytes: &[u8]| units(&[bytes]).pop().unwrap().map_err(|fault| fault.expected);
        assert_eq!(last(b"A b c\r\nX: y\r\n\r\n"), Err("Content-Length"));
        assert_eq!(last(b"A b c\r\nl: -1\r\n\r\n"), Err("one Content-Length"));
        assert_eq!(last(b"A b c\r\nl: 1\r\nContent-Length: 2\r\n\r\n"), Err("one Content-Length"));
        let cut = units(&[b"A b c\r\nl: 99999999\r\n\r\nmore"]);
        let head = Bytes::from_static(b"A b c\r\nl: 99999999\r\n\r\n");
        assert_eq!(cut, [Ok(Unit::Message(head)), Err(ParseError::new(SHORTER_BODY, 0))]);
        assert_eq!(last(&[b'x'; 70_000]), Err("a shorter head"));
    }

    #[test]
    fn nothing_is_kept_of_a_lost_stream() {
        let mut framer = Framer::new();
        framer.push(&[b'x'; 70_000]);
        assert!(framer.next(&Limits::DEFAULT).is_err());
        framer.push(b"more");
        assert_eq!(framer.buffered(), 0);
        assert!(framer.next(&Limits::DEFAULT).is_err());
    }
}
