//! Reading a value from left to right, with the place of every fault.

use crate::message::{Params, ParseError, scan};

/// What is left of a value. White space at its ends is passed over; offsets count it.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(value: &'a str) -> Self {
        let whole = scan::trim_end(value);
        Self { whole, rest: scan::trim_start(whole) }
    }

    /// What is not yet read.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// A fault where reading has come to.
    pub(super) fn fault(&self, expected: &'static str) -> ParseError {
        ParseError::new(expected, scan::offset(self.whole, self.rest))
    }

    /// A fault at `part`, a piece of the value.
    pub(super) fn fault_at(&self, expected: &'static str, part: &str) -> ParseError {
        let at = (part.as_ptr() as usize).wrapping_sub(self.whole.as_ptr() as usize);
        ParseError::new(expected, at.min(self.whole.len()))
    }

    /// The longest piece, of at least one byte, of bytes that satisfy `belongs`, all of them ASCII.
    pub(super) fn span(
        &mut self,
        expected: &'static str,
        belongs: impl Fn(u8) -> bool,
    ) -> Result<&'a str, ParseError> {
        let (piece, rest) = scan::span(self.rest, belongs);
        if piece.is_empty() {
            return Err(self.fault(expected));
        }
        self.rest = rest;
        Ok(piece)
    }

    pub(super) fn token(&mut self, expected: &'static str) -> Result<&'a str, ParseError> {
        let Some((token, rest)) = scan::token(self.rest) else { return Err(self.fault(expected)) };
        self.rest = rest;
        Ok(token)
    }

    /// A quoted string, still in its quotes.
    pub(super) fn quoted(&mut self, expected: &'static str) -> Result<&'a str, ParseError> {
        if !self.rest.starts_with('"') {
            return Err(self.fault(expected));
        }
        let Some((text, rest)) = scan::quoted(self.rest) else {
            return Err(self.fault("a closing quote"));
        };
        self.rest = rest;
        Ok(text)
    }

    /// `1*DIGIT` that fits.
    pub(super) fn number<T: core::str::FromStr>(&mut self, expected: &'static str) -> Result<T, ParseError> {
        let (digits, rest) = scan::span(self.rest, |byte| byte.is_ascii_digit());
        let number = scan::number(digits).ok_or(self.fault(expected))?;
        self.rest = rest;
        Ok(number)
    }

    /// A separator, with white space allowed on both sides (RFC 3261 §25.1: `SLASH`, `EQUAL`, `SEMI`).
    pub(super) fn mark(&mut self, mark: char, expected: &'static str) -> Result<(), ParseError> {
        self.rest = scan::trim_start(self.rest);
        let Some(rest) = self.rest.strip_prefix(mark) else { return Err(self.fault(expected)) };
        self.rest = scan::trim_start(rest);
        Ok(())
    }

    /// A separator with no white space around it.
    pub(super) fn literal(&mut self, literal: &str, expected: &'static str) -> Result<(), ParseError> {
        let Some(rest) = self.rest.strip_prefix(literal) else { return Err(self.fault(expected)) };
        self.rest = rest;
        Ok(())
    }

    /// White space, at least a byte of it.
    pub(super) fn space(&mut self) -> Result<(), ParseError> {
        let rest = scan::trim_start(self.rest);
        if rest.len() == self.rest.len() {
            return Err(self.fault("white space"));
        }
        self.rest = rest;
        Ok(())
    }

    /// The inside of a comment, if one stands here; comments nest and escape (RFC 3261 §25.1).
    pub(super) fn comment(&mut self) -> Result<Option<&'a str>, ParseError> {
        let Some(inner) = scan::trim_start(self.rest).strip_prefix('(') else { return Ok(None) };
        let Some((comment, rest)) = comment_len(inner).and_then(|end| inner.split_at_checked(end)) else {
            self.rest = "";
            return Err(self.fault("')'"));
        };
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(Some(comment))
    }

    /// Nothing more.
    pub(super) fn end(&self) -> Result<(), ParseError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.fault("the end of the value")),
        }
    }

    /// Parameters up to the end, each as `generic-param` asks (RFC 3261 §25.1).
    pub(super) fn params(&mut self) -> Result<Params<'a>, ParseError> {
        let text = scan::trim_start(self.rest);
        let params = Params::new(text);
        params.check(self.whole)?;
        self.rest = "";
        Ok(params)
    }

    /// What `read` makes of the first parameter of this name, if there is one.
    pub(super) fn param<T>(
        &self,
        params: Params<'a>,
        name: &str,
        expected: &'static str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        match params.get(name) {
            None => Ok(None),
            Some(None) => Err(self.fault_at(expected, params.as_str())),
            Some(Some(value)) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(self.fault_at(expected, value)),
            },
        }
    }
}

/// The length of a comment's inside.
fn comment_len(inner: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut bytes = inner.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_white_space() {
        let mut cursor = Cursor::new(" 12 / x ");
        assert_eq!(cursor.number::<u8>("a number"), Ok(12));
        assert_eq!(cursor.mark('/', "'/'"), Ok(()));
        assert_eq!(cursor.token("a token"), Ok("x"));
        assert_eq!((cursor.end(), cursor.fault("more").at), (Ok(()), 7));
    }

    #[test]
    fn faults_of_parameters_name_their_place() {
        let mut cursor = Cursor::new("x ;a=1;b=y");
        cursor.token("a token").unwrap();
        let params = cursor.params().unwrap();
        assert_eq!(cursor.param(params, "a", "a digit", scan::number::<u8>), Ok(Some(1)));
        assert_eq!(cursor.param(params, "c", "a digit", scan::number::<u8>), Ok(None));
        assert_eq!(cursor.param(params, "b", "a digit", scan::number::<u8>).unwrap_err().at, 9);
        let mut cursor = Cursor::new("x;;");
        cursor.token("a token").unwrap();
        assert_eq!(cursor.params().unwrap_err(), ParseError::new("a parameter name", 2));
    }
}
