//! The lines of a description (RFC 8866 §5): a letter, `=`, a value, and CRLF or LF.

use crate::message::ParseError;

/// One line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// The letter; `None` when the line is not of the form `x=...`.
    pub kind: Option<u8>,
    /// What follows the `=`, without the line's end.
    pub value: &'a [u8],
    /// The whole line, its end included.
    pub raw: &'a [u8],
    /// Where the line begins in the description.
    pub at: usize,
}

impl<'a> Line<'a> {
    fn new(raw: &'a [u8], at: usize) -> Self {
        let text = raw.strip_suffix(b"\n").unwrap_or(raw);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match text {
            [kind, b'=', value @ ..] if kind.is_ascii_alphabetic() => {
                Self { kind: Some(*kind), value, raw, at }
            }
            _ => Self { kind: None, value: text, raw, at },
        }
    }

    pub(super) fn is(&self, kind: u8) -> bool {
        self.kind == Some(kind)
    }

    pub(super) fn is_blank(&self) -> bool {
        self.kind.is_none() && self.value.iter().all(u8::is_ascii_whitespace)
    }

    /// The value as text; `None` when it is in another charset than UTF-8 (RFC 8866 §6.10).
    pub(super) fn text(&self) -> Option<&'a str> {
        core::str::from_utf8(self.value).ok()
    }

    /// Where the value begins in the description.
    pub(super) fn value_at(&self) -> usize {
        self.at.saturating_add(2)
    }

    pub(super) fn fault<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError::new(expected, self.at))
    }
}

/// The lines of a piece of a description.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `octets`, which stand at `at` in the description.
    pub(super) fn new(octets: &'a [u8], at: usize) -> Self {
        Self { rest: octets, at }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |end| end.saturating_add(1));
        let (raw, rest) = self.rest.split_at_checked(end)?;
        let line = Line::new(raw, self.at);
        self.rest = rest;
        self.at = self.at.saturating_add(raw.len());
        Some(line)
    }
}

/// The fields of a line's value, parted by blanks.
pub(super) struct Fields<'a> {
    rest: &'a str,
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields of `text`, which stands at `at` in the description.
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        let mut fields = Self { rest: text, at };
        fields.skip_blanks();
        fields
    }

    /// What was not read yet, without blanks at either end.
    pub(super) fn rest(&self) -> &'a str {
        self.rest.trim_end_matches(BLANKS)
    }

    /// Where the next field begins in the description.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next field, or a fault that says what should be there.
    pub(super) fn expect(&mut self, expected: &'static str) -> Result<&'a str, ParseError> {
        let at = self.at;
        self.next().ok_or(ParseError::new(expected, at))
    }

    fn skip_blanks(&mut self) {
        let trimmed = self.rest.trim_start_matches(BLANKS);
        self.at = self.at.saturating_add(self.rest.len().saturating_sub(trimmed.len()));
        self.rest = trimmed;
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let end = self.rest.find(BLANKS).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at_checked(end)?;
        if field.is_empty() {
            return None;
        }
        self.rest = rest;
        self.at = self.at.saturating_add(field.len());
        self.skip_blanks();
        Some(field)
    }
}

/// A number of decimal digits alone: `None` for a sign, a blank, or more than its type holds.
pub(super) fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn lines_end_with_crlf_or_lf_or_the_body() {
        let lines: Vec<_> = Lines::new(b"v=0\r\ns=-\n\nm\n\xe9=x\na=", 10).collect();
        let seen: Vec<_> = lines.iter().map(|line| (line.kind, line.value, line.at)).collect();
        assert_eq!(
            seen,
            [
                (Some(b'v'), &b"0"[..], 10),
                (Some(b's'), b"-", 15),
                (None, b"", 19),
                (None, b"m", 20),
                (None, b"\xe9=x", 22),
                (Some(b'a'), b"", 26),
            ]
        );
        assert!(lines[2].is_blank() && !lines[3].is_blank());
        assert_eq!(lines.iter().map(|line| line.raw.len()).sum::<usize>(), 18);
    }

    #[test]
    fn fields_are_parted_by_any_number_of_blanks() {
        let mut fields = Fields::new(" a  b\tc d ", 5);
        assert_eq!((fields.next(), fields.at()), (Some("a"), 9));
        assert_eq!(fields.next(), Some("b"));
        assert_eq!(fields.rest(), "c d");
        assert_eq!(fields.by_ref().count(), 2);
        assert_eq!(fields.expect("more").unwrap_err(), ParseError::new("more", 15));
    }

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number::<u64>("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "+1", "-1", " 1", "1 ", "18446744073709551616", "1e3"] {
            assert_eq!(number::<u64>(wrong), None, "{wrong:?}");
        }
    }
}
