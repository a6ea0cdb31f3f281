//! The few lexical rules that all headers share (RFC 3261 §25.1).
//!
//! Everything works on suffixes of one text: a byte offset is the whole's length less the suffix's.

use super::ParseError;

/// Octets as text: nearly always ASCII, else UTF-8, else empty, at the place of the octets.
pub(super) fn text(octets: &[u8]) -> &str {
    match ascii::AsciiStr::from_ascii(octets) {
        Ok(text) => text.as_str(),
        Err(_) => core::str::from_utf8(octets).unwrap_or_else(|_| {
            core::str::from_utf8(octets.get(..0).unwrap_or_default()).unwrap_or_default()
        }),
    }
}

/// Linear white space. Folding is already undone when a value is scanned.
pub(super) const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Which bytes stand in which sets.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const SETS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let token = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        let host = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let uri = byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f);
        let plain = byte > b' ' && byte < 0x7f && !matches!(byte, b';' | b'"');
        table[i] = TOKEN.bit(token)
            | HOST.bit(host)
            | URI.bit(uri)
            | USER_INFO.bit(uri && byte != b'@')
            | URI_PARAMS.bit(uri && byte != b'?')
            | PLAIN.bit(plain);
        i += 1;
    }
    table
};

/// A set of bytes.
#[derive(Clone, Copy)]
pub(super) struct Set(u8);

/// What a token has.
pub(super) const TOKEN: Set = Set(1);
/// What a host name or an IPv4 address has.
pub(super) const HOST: Set = Set(2);
/// What a URI has.
pub(super) const URI: Set = Set(4);
/// What a URI has before its `@`.
pub(super) const USER_INFO: Set = Set(8);
/// What a URI has before its `?`.
pub(super) const URI_PARAMS: Set = Set(16);
/// What a parameter has that needs no second look: neither quotes nor white space.
pub(super) const PLAIN: Set = Set(32);

impl Set {
    const fn bit(self, is_in: bool) -> u8 {
        if is_in { self.0 } else { 0 }
    }

    /// Whether `byte` is in the set.
    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        SETS.get(usize::from(byte)).is_some_and(|sets| sets & self.0 != 0)
    }

    /// Whether all of `text` is in the set.
    pub(super) fn has_all(self, text: &str) -> bool {
        self.len_in(text.as_bytes()) == text.len()
    }

    /// Splits `text` after its longest prefix that is in the set, all of whose bytes are ASCII.
    #[inline]
    pub(super) fn span(self, text: &str) -> (&str, &str) {
        text.split_at_checked(self.len_in(text.as_bytes())).unwrap_or((text, ""))
    }

    /// The length of the longest prefix in the set. Steps of eight are unrolled: half the work of a plain loop.
    #[inline]
    fn len_in(self, text: &[u8]) -> usize {
        let (eights, tail) = text.as_chunks::<8>();
        let mut end = 0_usize;
        for eight in eights {
            match eight.iter().position(|byte| !self.has(*byte)) {
                Some(place) => return end.wrapping_add(place),
                None => end = end.wrapping_add(8),
            }
        }
        end.wrapping_add(tail.iter().take_while(|byte| self.has(**byte)).count())
    }
}

/// `unreserved` (RFC 3261 §25.1).
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN.has(byte)
}

pub(super) fn is_token(text: &str) -> bool {
    token_text(text.as_bytes()).is_some()
}

/// The octets as text, if they are a token.
pub(super) fn token_text(octets: &[u8]) -> Option<&str> {
    let is_token = !octets.is_empty() && TOKEN.len_in(octets) == octets.len();
    is_token.then(|| text(octets))
}

/// `text` without white space at either end.
pub(super) fn trim(text: &str) -> &str {
    let text = trim_start(text);
    match text.as_bytes().last() {
        Some(last) if is_lws(*last) => text.trim_end_matches([' ', '\t', '\r', '\n']),
        _ => text,
    }
}

/// `text` without white space at its start.
pub(super) fn trim_start(text: &str) -> &str {
    match text.as_bytes().first() {
        Some(first) if is_lws(*first) => text.trim_start_matches([' ', '\t', '\r', '\n']),
        _ => text,
    }
}

/// Splits `text` after its longest prefix of bytes that satisfy `belongs`, all of them ASCII.
pub(super) fn span(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let mut end = 0_usize;
    while text.as_bytes().get(end).is_some_and(|byte| belongs(*byte)) {
        end = end.saturating_add(1);
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Where in `whole` its suffix `rest` begins.
pub(super) fn offset(whole: &str, rest: &str) -> usize {
    whole.len().saturating_sub(rest.len())
}

pub(super) fn fault<T>(expected: &'static str, whole: &str, rest: &str) -> Result<T, ParseError> {
    Err(ParseError::new(expected, offset(whole, rest)))
}

/// A token at the start of `text` and what follows it.
pub(super) fn token(text: &str) -> Option<(&str, &str)> {
    let (token, rest) = TOKEN.span(text);
    (!token.is_empty()).then_some((token, rest))
}

/// The length of the quoted string at the start of `text`, quotes included; `None` when it never closes.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at.checked_add(1),
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
    None
}

/// A quoted string at the start of `text`, still in its quotes, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(quoted_len(text)?)
}

/// Splits `text` around the first `delimiter`, an ASCII character.
pub(super) fn cut(text: &str, delimiter: u8) -> Option<(&str, &str)> {
    let (before, after) = text.split_at_checked(find(text, delimiter)?)?;
    Some((before, after.get(1..)?))
}

/// Where the first `needle` stands. A header value is short: words of eight bytes are looked through before a search in
/// long text would be set up.
pub(super) fn find(text: &str, needle: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.len() > 64 {
        return memchr::memchr(needle, bytes);
    }
    let Some(last) = bytes.last_chunk::<8>() else { return bytes.iter().position(|byte| *byte == needle) };
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        if let Some(place) = find_in_word(*word, needle) {
            return Some(at.wrapping_mul(8).wrapping_add(place));
        }
    }
    find_in_word(*last, needle).map(|place| bytes.len().wrapping_sub(8).wrapping_add(place))
}

/// The lowest bit of the lowest zero byte is found by borrowing from it: higher bytes may mislead, the lowest does not.
fn find_in_word(word: [u8; 8], needle: u8) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let differ = u64::from_le_bytes(word) ^ u64::from_le_bytes([needle; 8]);
    let zero = differ.wrapping_sub(LOW) & !differ & HIGH;
    (zero != 0).then(|| (zero.trailing_zeros() / 8) as usize)
}

/// Splits `text` at the first `delimiter` that is neither in quotes nor between angle brackets.
/// An unclosed quote or bracket hides the rest: the typed view then finds the fault.
pub(super) fn split_outside(text: &str, delimiter: u8) -> (&str, Option<&str>) {
    let Some((before, after)) = cut(text, delimiter) else { return (text, None) };
    match find(before, b'"').or_else(|| find(before, b'<')) {
        None => (before, Some(after)),
        Some(_) => split_outside_slowly(text, delimiter),
    }
}

fn split_outside_slowly(text: &str, delimiter: u8) -> (&str, Option<&str>) {
    let mut at = 0_usize;
    let mut in_angle = false;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' if !in_angle => {
                let Some(length) = text.get(at..).and_then(quoted_len) else { return (text, None) };
                at = at.saturating_add(length);
                continue;
            }
            b'<' => in_angle = true,
            b'>' => in_angle = false,
            byte if *byte == delimiter && !in_angle => {
                let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
                return (before, Some(after.get(1..).unwrap_or_default()));
            }
            _ => {}
        }
        at = at.saturating_add(1);
    }
    (text, None)
}

/// The decimal number at the start of `text`, of which all digits are taken, and what follows; `None` without a digit or when it does not fit.
pub(super) fn leading_number(text: &str) -> Option<(u32, &str)> {
    let mut value = 0_u32;
    let mut len = 0_usize;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.checked_mul(10)?.checked_add(digit.into())?;
        len = len.wrapping_add(1);
    }
    (len > 0).then_some((value, text.get(len..)?))
}

/// A decimal number of `1*DIGIT` that fits.
pub(super) fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The elements of a comma-separated header value (RFC 3261 §7.3.1), white space trimmed, empty ones
/// left out.
#[derive(Clone)]
pub struct List<'a> {
    rest: Option<&'a str>,
}

impl<'a> List<'a> {
    /// The elements of `value`.
    pub fn new(value: &'a str) -> Self {
        Self { rest: Some(value) }
    }

    pub(super) fn len(&self) -> usize {
        self.rest.map_or(0, str::len)
    }
}

impl<'a> Iterator for List<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let (element, rest) = split_outside(self.rest?, b',');
            self.rest = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn lists_split_outside_quotes_and_brackets() {
        let value = r#""A, \"B" <sip:a,b@c>, <sip:d@e>;x="1,2" ,, f"#;
        let elements: Vec<_> = List::new(value).collect();
        assert_eq!(elements, [r#""A, \"B" <sip:a,b@c>"#, r#"<sip:d@e>;x="1,2""#, "f"]);
        assert_eq!(List::new(" ").count(), 0);
    }

    #[test]
    fn numbers_are_bounded() {
        assert_eq!(number::<u16>("65535"), Some(65_535));
        assert_eq!(number::<u16>("65536"), None);
        assert_eq!(number::<u32>("+1"), None);
        assert_eq!(number::<u32>(""), None);
    }
}
