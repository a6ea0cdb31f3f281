//! The few lexical rules that all headers share (RFC 3261 §25.1).
//!
//! Everything works on suffixes of one text: a byte offset is the whole's length less the suffix's.

use super::ParseError;
use super::lanes::{self, Hits, Lanes};

/// Octets as text: nearly always ASCII, else UTF-8, else empty, at the place of the octets.
pub(super) fn text(octets: &[u8]) -> &str {
    match ascii::AsciiStr::from_ascii(octets) {
        Ok(text) => text.as_str(),
        Err(_) => core::str::from_utf8(octets).unwrap_or_else(|_| {
            core::str::from_utf8(octets.get(..0).unwrap_or_default()).unwrap_or_default()
        }),
    }
}

/// The same of what stands from `at` to `end` in `octets`.
#[inline(never)]
pub(super) fn text_in(octets: &[u8], at: usize, end: usize) -> &str {
    let len = end.wrapping_sub(at);
    // Whole words are looked at faster than what they leave over.
    let words = octets.get(at..at.wrapping_add(len.next_multiple_of(8))).map(ascii::AsciiStr::from_ascii);
    if let Some(Ok(words)) = words
        && let Some(text) = words.as_slice().get(..len)
    {
        return <&ascii::AsciiStr>::from(text).as_str();
    }
    text_at_end(octets, at, end)
}

/// The same where what follows is no text or not there.
#[cold]
#[inline(never)]
fn text_at_end(octets: &[u8], at: usize, end: usize) -> &str {
    text(octets.get(at..end).unwrap_or_default())
}

/// Whether all octets are ASCII. The standard library looks at what is left over of sixty-four octet by octet.
pub(super) fn is_ascii(octets: &[u8]) -> bool {
    match octets.last_chunk::<64>() {
        Some(last) => octets.as_chunks::<64>().0.as_flattened().is_ascii() && last.is_ascii(),
        None => octets.is_ascii(),
    }
}

/// Linear white space. Folding is already undone when a value is scanned.
pub(super) const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A set of octets, told by its lanes and by one octet alike.
#[derive(Clone, Copy)]
pub(super) enum Set {
    /// `token` (RFC 3261 §25.1).
    Token,
    /// What a host name or an IPv4 address is made of.
    Host,
    /// What a URI is made of.
    Uri,
    /// What may stand in a URI before its `@`.
    UserInfo,
    /// The same before a password.
    User,
    /// What may stand in a URI before its `?`.
    UriParams,
    /// What a parameter is made of that needs no second look: neither quotes nor brackets nor white space.
    Plain,
}

impl Set {
    /// Which lanes are outside.
    #[inline(always)]
    pub(super) fn outside(self, lanes: Lanes) -> Hits {
        let alphanumeric = || lanes.is_alphanumeric();
        // `<` and `>` differ in one bit.
        let not_uri = || {
            let bracket = lanes.is_with(2, b'>');
            lanes.is_in(0, b' ') | bracket | lanes.is(b'"') | lanes.is(0x7f)
        };
        match self {
            Self::Token => {
                let marks = lanes.is_in(b'*', b'+') | lanes.is_in(b'-', b'.') | lanes.is_in(b'_', b'`');
                let odd = lanes.is(b'!') | lanes.is(b'%') | lanes.is(b'\'') | lanes.is(b'~');
                !(alphanumeric() | marks | odd)
            }
            Self::Host => !(alphanumeric() | lanes.is_in(b'-', b'.') | lanes.is(b'_')),
            Self::Uri => not_uri(),
            Self::UserInfo => not_uri() | lanes.is(b'@'),
            Self::User => not_uri() | lanes.is(b'@') | lanes.is(b':'),
            Self::UriParams => not_uri() | lanes.is(b'?'),
            Self::Plain => {
                let hiding = lanes.is_with(2, b'>') | lanes.is(b'"');
                lanes.is_in(0, b' ') | lanes.is_in(0x7f, 0xff) | lanes.is(b';') | hiding
            }
        }
    }

    /// Whether all of `text` is in the set.
    pub(super) fn has_all(self, text: &str) -> bool {
        !lanes::has(text.as_bytes(), |lanes| self.outside(lanes))
    }

    /// Splits `text` after its longest prefix that is in the set.
    #[inline(always)]
    pub(super) fn span(self, text: &str) -> (&str, &str) {
        text.split_at_checked(self.len_in(text.as_bytes())).unwrap_or((text, ""))
    }

    /// The length of the longest prefix in the set.
    #[inline(always)]
    fn len_in(self, octets: &[u8]) -> usize {
        lanes::position(octets, |lanes| self.outside(lanes)).unwrap_or(octets.len())
    }
}

/// `unreserved` (RFC 3261 §25.1).
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// Whether `byte` is one of a `token` (§25.1).
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && Set::Token.has_all(text)
}

/// The octets as text, if they are a token.
pub(super) fn token_text(octets: &[u8]) -> Option<&str> {
    let is_token = !octets.is_empty() && Set::Token.len_in(octets) == octets.len();
    is_token.then(|| text(octets))
}

/// `text` without white space at either end.
pub(super) fn trim(text: &str) -> &str {
    trim_end(trim_start(text))
}

/// `text` without white space at its end.
pub(super) fn trim_end(text: &str) -> &str {
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
    let (token, rest) = Set::Token.span(text);
    (!token.is_empty()).then_some((token, rest))
}

/// The length of the quoted string at the start of `text`, quotes included; `None` when it never closes.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    let mut at = 1_usize;
    loop {
        let rest = text.as_bytes().get(at..)?;
        let place = lanes::position(rest, |lanes| lanes.is(b'"') | lanes.is(b'\\'))?;
        at = at.saturating_add(place);
        match rest.get(place) {
            Some(b'"') => return at.checked_add(1),
            // A backslash and what it quotes.
            _ => at = at.saturating_add(2),
        }
    }
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

/// Where the first `needle` stands.
#[inline]
pub(super) fn find(text: &str, needle: u8) -> Option<usize> {
    lanes::position(text.as_bytes(), |lanes| lanes.is(needle))
}

/// Splits `text` at the first `delimiter` that is neither in quotes nor between angle brackets.
/// An unclosed quote or bracket hides the rest: the typed view then finds the fault.
pub(super) fn split_outside(text: &str, delimiter: u8) -> (&str, Option<&str>) {
    let Some((before, after)) = cut(text, delimiter) else { return (text, None) };
    match lanes::position(before.as_bytes(), |lanes| lanes.is(b'"') | lanes.is(b'<')) {
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

/// The value of the one to nine decimal digits at the start of `text`, which always fits, and what follows; `None` where there are more or none.
#[inline]
pub(super) fn digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u32;
    let mut rest = text;
    while let Some((digit, after)) = rest.split_first() {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(digit.into());
        rest = after;
    }
    matches!(text.len().wrapping_sub(rest.len()), 1..=9).then_some((value, rest))
}

/// The same where there are likely to be many, of which up to seven are read at once.
#[inline(always)]
pub(super) fn many_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    match text.first_chunk().and_then(|chunk| seven_digits(*chunk)) {
        Some((value, len)) => Some((value, text.get(len..)?)),
        None => digits(text),
    }
}

/// The value of the one to seven decimal digits at the start of `octets`, and their number; `None` for all else.
#[inline(always)]
fn seven_digits(octets: [u8; 8]) -> Option<(u32, usize)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(octets) ^ (EACH * 0x30);
    // The highest bit of each octet above nine; what an octet carries is said of those behind it only.
    let above = (word.wrapping_add(EACH * 0x76) | word) & (EACH * 0x80);
    let len = above.trailing_zeros() / 8;
    if !matches!(len, 1..=7) {
        return None;
    }
    // The digits behind zeros, joined in pairs, fours and eights.
    let digits = word.wrapping_shl(64_u32.wrapping_sub(len.wrapping_mul(8)));
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32) as u32, len as usize))
}

/// The decimal number at the start of `text`, of which all digits are taken, and what follows; `None` without a digit or when it does not fit.
#[inline]
pub(super) fn leading_number(text: &str) -> Option<(u32, &str)> {
    match digits(text.as_bytes()) {
        Some((value, rest)) => Some((value, text.get(text.len().wrapping_sub(rest.len())..)?)),
        None => {
            let (digits, rest) = span(text, |byte| byte.is_ascii_digit());
            Some((digits.parse().ok()?, rest))
        }
    }
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
    fn ascii_is_told_at_each_place() {
        for len in 0..200 {
            let mut octets = alloc::vec![0x7f; len];
            assert!(is_ascii(&octets));
            for at in 0..len {
                octets[at] = 0x80;
                assert!(!is_ascii(&octets), "{at} of {len}");
                octets[at] = b'a';
            }
        }
    }

    #[test]
    fn sets_are_what_the_grammar_says() {
        // RFC 3261 §25.1.
        let uri = |byte: u8| byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f);
        for byte in 0..=u8::MAX {
            let host = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            let plain = byte > b' ' && byte < 0x7f && !matches!(byte, b';' | b'"' | b'<' | b'>');
            for (set, is_in) in [
                (Set::Token, is_token_byte(byte)),
                (Set::Host, host),
                (Set::Uri, uri(byte)),
                (Set::UserInfo, uri(byte) && byte != b'@'),
                (Set::User, uri(byte) && byte != b'@' && byte != b':'),
                (Set::UriParams, uri(byte) && byte != b'?'),
                (Set::Plain, plain),
            ] {
                for len in [1, 9, 20] {
                    assert_eq!(set.len_in(&alloc::vec![byte; len]), if is_in { len } else { 0 }, "{byte}");
                }
            }
        }
    }

    proptest::proptest! {
        /// However many octets there are to look at together.
        #[test]
        fn digits_are_what_the_standard_library_reads(text in "[0-9]{0,11}[ -~]{0,9}", any in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..12)) {
            for text in [text.as_bytes(), &any] {
                let len = text.iter().take_while(|octet| octet.is_ascii_digit()).count();
                let (number, rest) = text.split_at(len);
                let number = core::str::from_utf8(number).unwrap().parse::<u32>().ok().filter(|_| len <= 9);
                let expected = number.map(|number| (number, rest));
                proptest::prop_assert_eq!((digits(text), many_digits(text)), (expected, expected));
            }
        }
    }

    #[test]
    fn numbers_are_bounded() {
        assert_eq!(number::<u16>("65535"), Some(65_535));
        assert_eq!(number::<u16>("65536"), None);
        assert_eq!(number::<u32>("+1"), None);
        assert_eq!(number::<u32>(""), None);
    }
}
