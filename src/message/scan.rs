//! The few lexical rules that all headers share (RFC 3261 §25.1).
//!
//! Everything works on suffixes of one text: a byte offset is the whole's length less the suffix's.

use super::ParseError;

/// Octets as text: nearly always ASCII, else UTF-8, else empty.
pub(super) fn text(octets: &[u8]) -> &str {
    match ascii::AsciiStr::from_ascii(octets) {
        Ok(text) => text.as_str(),
        Err(_) => core::str::from_utf8(octets).unwrap_or_default(),
    }
}

/// Linear white space. Folding is already undone when a value is scanned.
pub(super) const fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Which bytes may stand in a token, in a host name or IPv4 address, in a URI.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let token = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        let host = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let uri = byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f);
        table[i] = (TOKEN * token as u8) | (HOST * host as u8) | (URI * uri as u8);
        i += 1;
    }
    table
};

const TOKEN: u8 = 1;
const HOST: u8 = 2;
const URI: u8 = 4;

fn is_in(class: u8, byte: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    is_in(TOKEN, byte)
}

pub(super) fn is_host_byte(byte: u8) -> bool {
    is_in(HOST, byte)
}

pub(super) fn is_uri_byte(byte: u8) -> bool {
    is_in(URI, byte)
}

pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
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
    let (token, rest) = span(text, is_token_byte);
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
    let at = memchr::memchr(delimiter, text.as_bytes())?;
    let (before, after) = text.split_at_checked(at)?;
    Some((before, after.get(1..)?))
}

/// Splits `text` at the first `delimiter` that is neither in quotes nor between angle brackets.
/// An unclosed quote or bracket hides the rest: the typed view then finds the fault.
pub(super) fn split_outside(text: &str, delimiter: u8) -> (&str, Option<&str>) {
    let Some((before, after)) = cut(text, delimiter) else { return (text, None) };
    match memchr::memchr2(b'"', b'<', before.as_bytes()) {
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

/// A decimal number of `1*DIGIT` that fits.
pub(super) fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The elements of a comma-separated header value (RFC 3261 §7.3.1), white space trimmed, empty ones
/// left out.
#[derive(Clone, Debug)]
pub struct List<'a> {
    rest: Option<&'a str>,
}

impl<'a> List<'a> {
    /// The elements of `value`.
    pub fn new(value: &'a str) -> Self {
        Self { rest: Some(value) }
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
